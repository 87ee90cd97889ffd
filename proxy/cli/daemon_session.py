"""A profile's session in a running daemon, through its admin listener: where there is no folder to share.

What must not live here: where the listener is, in general (`proxy.cli.admin_client`).
"""

import json
import os
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from proxy.auth.secret_reader import SecretUnavailable, open_secret
from proxy.auth.source import Tokens
from proxy.cli.admin_client import Unreachable, admin_url, ask
from proxy.cli.profile_bench import Unfit
from proxy.clock import monotonic
from proxy.config.load import LoadedConfig

__all__ = ["DaemonSession"]


_PATIENCE = 30.0
"""Seconds: a session is kept, or revoked at its server, before the answer comes."""


class DaemonSession:
    """The session of `profile` in the daemon that runs with this file. All of its verbs raise Unfit."""

    def __init__(self, url: str, profile: str, token: str) -> None:
        self.url = url
        self._path = f"/api/profiles/{quote(profile, safe='')}"
        self._profile = profile
        self._token = token

    @classmethod
    async def find(cls, loaded: LoadedConfig, profile: str) -> "DaemonSession":
        """Where it runs, which is tried, so that nobody logs in for nothing."""
        why = f"{loaded.path} has no state.dir, so the session can only live in a running daemon"
        addresses = loaded.config.admin_addresses
        url = admin_url(None, addresses[0] if addresses else "off", os.environ)
        if url == "off":
            raise Unfit(f"{why}, and its admin listener is off; add state: {{dir: PATH}}")
        try:
            ask(url, "/livez")
        except (Unreachable, ValueError) as error:
            raise Unfit(f"{why}, and there is none at {url}: {error}; start it, or add state: {{dir: PATH}}") from None
        return cls(url, profile, await _token(loaded))

    def install(self, tokens: Tokens) -> None:
        given: dict[str, Any] = {}
        if tokens.access is not None:
            given |= {"access_token": tokens.access.reveal(), "expires_in": int(tokens.lifetime)}
        if tokens.refresh is not None:
            given["refresh_token"] = tokens.refresh.reveal()
        self._tell("session", given)

    def terminate(self) -> str:
        answer = self._tell("terminate", None)
        said = answer.get("said")
        return said if isinstance(said, str) else ""

    def state(self) -> Mapping[str, Any]:
        status, text = self._asked()
        for profile in _document(text).get("profiles", []):
            if isinstance(profile, dict) and profile.get("name") == self._profile:
                return profile
        raise Unfit(f"the daemon at {self.url} answers {status} and tells nothing of {self._profile}")

    def _asked(self) -> tuple[int, str]:
        try:
            return ask(self.url, "/api/profiles", token=self._token)
        except Unreachable as error:
            raise Unfit(f"no answer from the daemon at {self.url}: {error}") from None

    def _tell(self, verb: str, content: dict[str, Any] | None) -> dict[str, Any]:
        try:
            status, text = ask(self.url, f"{self._path}/{verb}", "POST", self._token, _PATIENCE, content)
        except Unreachable as error:
            raise Unfit(f"no answer from the daemon at {self.url}: {error}") from None
        answer = _document(text)
        if status >= 300:
            detail = answer.get("detail")
            why = detail if isinstance(detail, str) else f"status {status}"
            raise Unfit(f"the daemon at {self.url} refuses: {why}")
        return answer


async def _token(loaded: LoadedConfig) -> str:
    reference = loaded.config.admin.token
    if reference is None:
        return ""
    reader = open_secret(reference, loaded.base, os.environ, monotonic)
    try:
        return (await reader.read()).reveal()
    except SecretUnavailable as unavailable:
        raise Unfit(f"admin.token: {unavailable.detail}") from None
    finally:
        await reader.close()


def _document(text: str) -> dict[str, Any]:
    try:
        document = json.loads(text)
    except ValueError:
        return {}
    return document if isinstance(document, dict) else {}
