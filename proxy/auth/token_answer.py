"""What a token endpoint's answer means: a token with its lifetime, or why there is none.

Pure. Servers differ: numbers come as texts, errors under 200, forms instead of JSON, moments instead of spans. No text
of the server's own is repeated, because some echo what they were sent. What must not live here: asking.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from urllib.parse import parse_qsl

from proxy.auth.token_values import is_token, jwt_lifetime, moment, number
from proxy.config.oauth2_parts import AnswerMap
from proxy.message.call import Reply
from proxy.policy.expression import Expression
from proxy.policy.retry_after import http_date, parse_retry_after
from proxy.secret import REDACTED, Secret

__all__ = ["DEFAULT_LIFETIME", "AnswerReader", "Granted", "Refused", "known_error", "named_error", "read_answer"]

Find = Callable[[dict[str, object]], dict[str, object]]

DEFAULT_LIFETIME = 55 * 60.0
"""Seconds, where neither the answer nor the token says."""

_FORM = b"application/x-www-form-urlencoded"
_LONGEST = 366 * 86400.0
_TRANSIENT = frozenset({408, 429})
_TERMINAL = frozenset({"invalid_grant", "invalid_client", "unauthorized_client"})
_ADVICE = {"invalid_client": "; check the client's id, its secret or key, and client_auth"}
_BUSY = frozenset({"server_error", "slow_down", "temporarily_unavailable"})
_NO_BEARER = frozenset({"dpop", "mac", "pop"})
"""Types of token that want more than to be sent. Others are taken: servers write all sorts of words for a bearer's."""
_KNOWN = _TERMINAL | {
    "access_denied",
    "authorization_pending",
    "expired_token",
    "invalid_dpop_proof",
    "invalid_request",
    "invalid_scope",
    "invalid_target",
    "server_error",
    "slow_down",
    "temporarily_unavailable",
    "unsupported_grant_type",
    "use_dpop_nonce",
}


@dataclass(frozen=True, slots=True, repr=False)
class Granted:
    """A token, good for `lifetime` seconds; `refresh` where the server gave one with it, `scope` where it said."""

    access: Secret
    refresh: Secret | None
    lifetime: float
    scope: str = ""

    def __repr__(self) -> str:
        return f"Granted({REDACTED})"


@dataclass(frozen=True, slots=True)
class Refused:
    """No token: for good where `terminal`, only for now where `busy`.

    `code` is the error's name where it is one of OAuth's.
    """

    detail: str
    code: str = ""
    terminal: bool = False
    retry_after: float | None = None
    busy: bool = False

    def of_its_time(self) -> "Refused":
        """Of what says when it was made: a clock that is set right may help, so it is not for good."""
        clock = "it was signed with this machine's time, so look at its clock too"
        return replace(self, detail=f"{self.detail}; {clock}", terminal=False)


class AnswerReader:
    """Reads answers whose members stand where `where` says; None for where OAuth puts them.

    `bound` tokens are those that were asked for with a proof (RFC 9449).
    """

    __slots__ = ("_bound", "_finders")

    def __init__(self, where: AnswerMap | None, *, bound: bool = False) -> None:
        self._bound = bound
        self._finders: dict[str, Expression] = {}
        if where is not None:
            found = {name: getattr(where, name) for name in AnswerMap.model_fields}
            self._finders = {name: Expression(path) for name, path in found.items() if path is not None}

    def __call__(self, reply: Reply, now: float) -> Granted | Refused:
        return read_answer(reply, now, self._found, bound=self._bound)

    def _found(self, answer: dict[str, object]) -> dict[str, object]:
        return answer | {name: finder.find(answer) for name, finder in self._finders.items()}


def _as_it_is(answer: dict[str, object]) -> dict[str, object]:
    return answer


def read_answer(reply: Reply, now: float, find: Find = _as_it_is, *, bound: bool = False) -> Granted | Refused:
    """`now` is wall time; where the server says its own, moments are measured on that.

    `find` puts the members of an answer that is none of errors where OAuth has them.
    """
    retry_after = parse_retry_after(reply.get(b"retry-after"), now)
    answer = _members(reply)
    code = known_error(answer)
    if reply.status >= 500 or reply.status in _TRANSIENT:
        return Refused(f"the token endpoint answers {reply.status}", code, retry_after=retry_after, busy=True)
    if answer.get("error") or not 200 <= reply.status < 300:
        detail = f"the token endpoint answers {reply.status} with {named_error(answer)}{_ADVICE.get(code, '')}"
        return Refused(detail, code, code in _TERMINAL, retry_after, busy=code in _BUSY)
    if not answer:
        return Refused("the token endpoint answers with something that is neither JSON nor a form")
    answer = find(answer)
    if problem := _type_problem(answer.get("token_type"), bound=bound):
        return Refused(problem)
    access = answer.get("access_token")
    if not is_token(access):
        return Refused("the token endpoint answers without a usable access_token")
    lifetime = _lifetime(answer, access, http_date(reply.get(b"date")) or now)
    if lifetime <= 0:
        return Refused("the token endpoint gave a token that has expired already")
    refresh = answer.get("refresh_token")
    kept = Secret(refresh) if is_token(refresh) else None
    scope = answer.get("scope")
    return Granted(Secret(access), kept, min(lifetime, _LONGEST), scope if is_token(scope) else "")


def known_error(answer: Mapping[str, object]) -> str:
    """The error's name where it is one of OAuth's."""
    error = answer.get("error")
    return error if isinstance(error, str) and error in _KNOWN else ""


def named_error(answer: Mapping[str, object]) -> str:
    """For people: as much of the error as no server can put a secret in."""
    return known_error(answer) or ("an error of its own" if answer.get("error") else "no reason")


def _type_problem(kind: object, *, bound: bool) -> str | None:
    kind = kind.lower() if isinstance(kind, str) else ""
    if bound:
        wanted = "the token endpoint gave a token that is not bound to the key of dpop; let the server bind this "
        return None if kind == "dpop" else wanted + "client's tokens, or remove dpop"
    if kind not in _NO_BEARER:
        return None
    hint = "; add dpop to the profile" if kind == "dpop" else ""
    return f"the token endpoint gave a token of type {kind}, which proves nothing when sent alone{hint}"


def _members(reply: Reply) -> dict[str, object]:
    """Of a JSON object or a form; none of anything else."""
    try:
        document = json.loads(reply.content)
    except (ValueError, RecursionError):
        document = None
    if isinstance(document, dict):
        return document
    media = (reply.get(b"content-type") or b"").partition(b";")[0].strip().lower()
    if document is None and media in (_FORM, b"text/plain", b""):
        # Some servers send forms as text.
        try:
            members: dict[str, object] = dict(parse_qsl(reply.content.decode("ascii"), max_num_fields=100))
        except ValueError:
            return {}
        declared = media == _FORM
        return members if declared or "access_token" in members or "error" in members else {}
    return {}


def _lifetime(answer: dict[str, object], access: str, now: float) -> float:
    span = number(answer.get("expires_in"))
    if span is not None:
        return span
    for name in ("expires_at", "expires_on", "expires"):
        when = moment(answer.get(name))
        if when is not None:
            return when - now
    return jwt_lifetime(access, now) or DEFAULT_LIFETIME
