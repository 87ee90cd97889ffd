"""Scheme `github_app`: an installation token for a statement that the App signs.

What must not live here: when a token is asked for (`proxy.auth.session`).
"""

import json

from proxy import __version__
from proxy.auth.desk import desk_source
from proxy.auth.means import Means
from proxy.auth.session import SessionSource
from proxy.auth.token_answer import Granted, Refused, read_answer
from proxy.config.app_model import GithubAppProfile
from proxy.message.call import Call, Reply
from proxy.policy.signing_key import SigningKey

__all__ = ["github_app_source"]

_BACK = 60
"""Seconds by which the statement is dated back, since clocks differ; GitHub takes none from the future."""
_LIFETIME = 540
"""Seconds; GitHub takes ten minutes at most."""

_HELP = {
    401: "check app_id, private_key and this machine's clock",
    403: "the installation may be suspended",
    404: "check installation_id, and whose app_id it is",
    422: "the installation has not all of the repositories and permissions that are asked for",
}


def github_app_source(name: str, profile: GithubAppProfile, means: Means) -> SessionSource:
    reader = means.open_key(profile.private_key)
    return desk_source(name, _Github(profile), reader, means, prewarm=profile.prewarm, patience=profile.timeout)


class _Github:
    """The API of GitHub, or of an Enterprise Server."""

    __slots__ = ("_content", "_profile", "name")

    def __init__(self, profile: GithubAppProfile) -> None:
        self.name = "GitHub"
        self._profile = profile
        asked = {"repositories": profile.repositories, "permissions": profile.permissions}
        found = {name: value for name, value in asked.items() if value is not None}
        self._content = json.dumps(found).encode() if found else b""

    def call(self, key: str, now: float) -> Call:
        profile = self._profile
        moments = {"iat": int(now) - _BACK, "exp": int(now) + _LIFETIME}
        signed = SigningKey(key, "RS256").sign({"iss": profile.app_id, **moments}, {"typ": "JWT"})
        fields = [
            ("Accept", "application/vnd.github+json"),
            ("Authorization", f"Bearer {signed}"),
            # GitHub refuses whoever does not say its name.
            ("User-Agent", f"outrider/{__version__}"),
            ("X-GitHub-Api-Version", "2022-11-28"),
        ]
        if self._content:
            fields.append(("Content-Type", "application/json"))
        url = f"{profile.api_url}/app/installations/{profile.installation_id}/access_tokens"
        return Call("POST", url, fields, self._content, profile.timeout)

    def read(self, reply: Reply, now: float) -> Granted | Refused:
        outcome = read_answer(reply, now, _as_oauth)
        if isinstance(outcome, Granted):
            return outcome
        help_ = _HELP.get(reply.status)
        detail = f"GitHub answers {reply.status}; {help_}" if help_ else outcome.detail
        return Refused(detail, retry_after=outcome.retry_after)


def _as_oauth(answer: dict[str, object]) -> dict[str, object]:
    return {"access_token": answer.get("token"), "expires_at": answer.get("expires_at")}
