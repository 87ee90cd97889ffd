"""Rules between the options of sessions: what would be lost, and what could be read on its way.

What must not live here: rules of a single profile (`proxy.config.oauth2_model`).
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from proxy.config.cross_checks import Finding, section
from proxy.config.document import Document
from proxy.config.problem import quoted
from proxy.config.values import is_loopback_url

__all__ = ["forgotten_rotation", "key_without_folder", "open_token_url", "useless_signs"]

_LASTING = ("refresh_token", "device_code", "authorization_code")
_STATIC = ("bearer", "basic", "api_key", "headers")
_CHANGING = ("file", "credential", "exec")


def forgotten_rotation(document: Document, base: Path) -> Iterator[Finding]:
    """A refresh token that the server replaces lives in memory alone without a folder."""
    if section(document.data.get("state")).get("dir") is not None:
        return
    for name, profile in section(document.data.get("auth")).items():
        if _has_refresh_token(section(profile)):
            message = f"the refresh token that the server gives to {quoted(name)} is lost at a restart"
            hint = "name a folder under state.dir, unless the server never replaces refresh tokens"
            yield Finding(("auth", name), message, hint, True, "warning")


def key_without_folder(document: Document, base: Path) -> Iterator[Finding]:
    state = section(document.data.get("state"))
    if "key" in state and state.get("dir") is None:
        hint = "add dir: PATH, or remove key"
        yield Finding(("state", "key"), "nothing is kept that it could encrypt", hint, True)


def _has_refresh_token(profile: dict[str, Any]) -> bool:
    if profile.get("type") == "refresh_endpoint":
        return "refresh_token" in section(profile.get("response"))
    return profile.get("type") == "oauth2" and profile.get("grant") in _LASTING


def open_token_url(document: Document, base: Path) -> Iterator[Finding]:
    """Secrets over plain HTTP to another machine."""
    for name, profile in section(document.data.get("auth")).items():
        url = section(profile).get("token_url")
        if isinstance(url, str) and url.lower().startswith("http://") and not is_loopback_url(url):
            message = f"the secrets of {quoted(name)} cross the network in the clear"
            yield Finding(("auth", name, "token_url"), message, "write https://", False, "warning")


def useless_signs(document: Document, base: Path) -> Iterator[Finding]:
    """What never changes cannot be replaced after it was refused."""
    for name, profile in section(document.data.get("auth")).items():
        options = section(profile)
        if "unauthorized" not in options or options.get("type") not in _STATIC:
            continue
        secrets = [options.get(option) for option in ("token", "username", "password", "key")]
        secrets += section(options.get("secrets")).values()
        if not any(key in section(secret) for secret in secrets for key in _CHANGING):
            message = f"the secret of {quoted(name)} never changes, so nothing follows from unauthorized"
            hint = "name a {file: PATH}, {credential: NAME} or {exec: [cmd, …]} that can change, or remove unauthorized"
            yield Finding(("auth", name, "unauthorized"), message, hint, True, "warning")
