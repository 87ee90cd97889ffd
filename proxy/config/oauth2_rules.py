"""Which options of `type: oauth2` go together: what each grant and each proof of the client needs, and what has no use.

Tables over branches: a new grant or a new proof is a new line. What must not live here: the options themselves
(`proxy.config.oauth2_model`), looking into files (`proxy.config.oauth2_checks`).
"""

from collections.abc import Collection
from typing import NamedTuple

from proxy.config.base import wrong

__all__ = ["CLIENT_PROOFS", "GRANTS", "LOGIN_GRANTS", "check_options"]


class Part(NamedTuple):
    """What a choice `needs` (one of those in each tuple), and what it `may` have beside; `add` is what to write."""

    needs: tuple[tuple[str, ...], ...]
    may: tuple[str, ...] = ()
    add: str = ""


GRANTS = {
    "client_credentials": Part((("client_id",),)),
    "refresh_token": Part(
        (("client_id",), ("refresh_token",)), ("reuse_grace", "revocation_url"), "refresh_token: {file: PATH}"
    ),
    "device_code": Part((("client_id",),), ("device_authorization_url", "reuse_grace", "revocation_url")),
    "authorization_code": Part(
        (("client_id",),),
        ("authorization_url", "authorization_parameters", "redirect_uri", "reuse_grace", "revocation_url"),
    ),
    "password": Part((("client_id",), ("username",), ("password",)), (), "username and password: {file: PATH}"),
    "jwt_bearer": Part(
        (("assertion", "sign_assertion"),), (), "sign_assertion: {key: {file: PATH}}, or assertion: {file: PATH}"
    ),
    "token_exchange": Part(
        (("subject_token",),),
        ("subject_token_type", "actor_token", "actor_token_type", "requested_token_type"),
        "subject_token: {file: PATH}",
    ),
}
"""By the name of the grant. What stands in one of these and not in another is an error with the other."""

_SECRET = Part((("client_id",), ("client_secret",)), (), "client_secret: {env: NAME}")
LOGIN_GRANTS = ("device_code", "authorization_code")
"""Those that a person has to be there for: `outrider login` begins their session."""

CLIENT_PROOFS = {
    "client_secret_basic": _SECRET,
    "client_secret_basic_raw": _SECRET,
    "client_secret_post": _SECRET,
    "private_key_jwt": Part((("client_id",), ("client_key",)), (), "client_key: {key: {file: PATH}}"),
    "tls_client_auth": Part((("client_id",), ("tls",)), (), "tls: {cert: PATH, key: PATH}"),
    "none": Part(()),
}
"""By the name of the client authentication."""

_SHARED = frozenset({"client_id", "tls"})


def check_options(kind: str, name: str, table: dict[str, Part], given: Collection[str]) -> None:
    """Raises for what the choice `name` of the option `kind` lacks, and for what only other choices have."""
    part = table[name]
    for one_of in part.needs:
        if not any(option in given for option in one_of):
            add = part.add if part.add and one_of[0] != "client_id" else f"{one_of[0]}: NAME"
            raise wrong(f"{kind} {name} wants {' or '.join(one_of)}", f"add {add}")
    allowed = {option for one_of in part.needs for option in one_of} | set(part.may) | _SHARED
    for other, has in table.items():
        strange = {option for one_of in has.needs for option in one_of} | set(has.may)
        for option in sorted(strange - allowed):
            if option in given:
                raise wrong(f"{kind} {name} has no use for {option}", f"remove it, or write {kind}: {other}")
