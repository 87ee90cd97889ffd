"""Scheme `google_service_account`: an access or id token for a statement that the account's key signs.

What must not live here: when a token is asked for (`proxy.auth.session`), what a key is (`proxy.policy`).
"""

from urllib.parse import urlencode

from proxy.auth.desk import desk_source
from proxy.auth.means import Means
from proxy.auth.session import SessionSource
from proxy.auth.token_answer import Granted, Refused, read_answer
from proxy.config.app_model import GoogleServiceAccountProfile
from proxy.message.call import Call, Reply
from proxy.policy.service_account import service_account

__all__ = ["google_service_account_source"]

_GRANT = "urn:ietf:params:oauth:grant-type:jwt-bearer"
_LIFETIME = 3600


def google_service_account_source(name: str, profile: GoogleServiceAccountProfile, means: Means) -> SessionSource:
    reader = means.open_key(profile.key)
    return desk_source(name, _Google(profile), reader, means, prewarm=profile.prewarm, patience=profile.timeout)


class _Google:
    """Google's token endpoint, which the key names."""

    __slots__ = ("_profile", "name")

    def __init__(self, profile: GoogleServiceAccountProfile) -> None:
        self.name = "Google"
        self._profile = profile

    def call(self, key: str, now: float) -> Call:
        account, profile = service_account(key), self._profile
        claims = {"iss": account.email, "aud": account.token_url, "iat": int(now), "exp": int(now) + _LIFETIME}
        if profile.scopes is not None:
            claims |= {"scope": " ".join(profile.scopes), "sub": profile.subject or account.email}
        else:
            claims |= {"target_audience": profile.audience or "", "sub": account.email}
        header = {"typ": "JWT"} | ({"kid": account.key_id} if account.key_id else {})
        form = urlencode({"grant_type": _GRANT, "assertion": account.key.sign(claims, header)})
        fields = [("Accept", "application/json"), ("Content-Type", "application/x-www-form-urlencoded")]
        return Call("POST", account.token_url, fields, form.encode(), profile.timeout)

    def read(self, reply: Reply, now: float) -> Granted | Refused:
        outcome = read_answer(reply, now) if self._profile.scopes is not None else read_answer(reply, now, _as_oauth)
        if isinstance(outcome, Refused) and outcome.code == "invalid_grant":
            return Refused(f"{outcome.detail}; check the key, subject and this machine's clock")
        return outcome


def _as_oauth(answer: dict[str, object]) -> dict[str, object]:
    return {"access_token": answer.get("id_token")}
