"""Rules between a profile's own calls and the rest of the file: which upstream a path is on, what templates name.

What must not live here: rules of a single call (`proxy.config.call_model`).
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from proxy.config.call_model import CallOptions
from proxy.config.cross_checks import Finding, profiles, section, uses
from proxy.config.document import Document, KeyPath
from proxy.config.problem import quoted
from proxy.config.values import is_loopback_url, origin_of
from proxy.policy.call_template import call_problem

__all__ = ["calls_of", "homeless_paths", "open_call_urls", "unknown_names"]


def calls_of(name: str, profile: Any) -> Iterator[tuple[KeyPath, dict[str, Any], frozenset[str]]]:
    """The calls of a profile: where each stands, its options, and what its templates may name."""
    options = section(profile)
    secrets = frozenset(str(secret) for secret in section(options.get("secrets")))
    if options.get("type") == "refresh_endpoint" and isinstance(options.get("request"), dict):
        yield ("auth", name, "request"), options["request"], secrets | {"access_token", "refresh_token"}
    if options.get("type") != "login" or not isinstance(options.get("steps"), list):
        return
    for index, step in enumerate(options["steps"]):
        if isinstance(request := section(step).get("request"), dict):
            yield ("auth", name, "steps", index, "request"), request, secrets
        secrets |= {str(taken) for taken in section(section(step).get("take"))}


_NAMES_OF_A_REFRESH = "the tokens, secrets: of this profile, and env.NAME can be named, as in {{ access_token }}"
_NAMES_OF_A_LOGIN = (
    "secrets: of this profile, what an earlier step takes, and env.NAME can be named, as in {{ env.USER }}"
)


def _all_calls(document: Document) -> Iterator[tuple[str, KeyPath, dict[str, Any], frozenset[str]]]:
    for name, profile in profiles(document).items():
        yield from ((name, *call) for call in calls_of(name, profile))


def homeless_paths(document: Document, base: Path) -> Iterator[Finding]:
    """A path is on the one upstream that uses the profile."""
    users: dict[str, set[str]] = {}
    for _, name, _, upstream in uses(document):
        url = upstream.get("url")
        if isinstance(url, str) and (origin := origin_of(url)) is not None:
            users.setdefault(name, set()).add(origin + url.split("://", 1)[1].partition("/")[2].rstrip("/"))
    for name, at, options, _ in _all_calls(document):
        if "path" in options and len(users.get(name, ())) > 1:
            message = f"{quoted(name)} is used by upstreams at different places, so it is not clear where this path is"
            yield Finding((*at, "path"), message, "write url: with the whole address instead", False)


def unknown_names(document: Document, base: Path) -> Iterator[Finding]:
    """Templates name what there is."""
    for _, at, options, known in _all_calls(document):
        try:
            call = CallOptions.model_validate(options)
        except ValidationError:
            # Told already.
            continue
        if found := call_problem(call, known):
            where, problem = found
            hint = _NAMES_OF_A_REFRESH if "access_token" in known else _NAMES_OF_A_LOGIN
            yield Finding((*at, *where), f"the template: {problem}", hint)


def open_call_urls(document: Document, base: Path) -> Iterator[Finding]:
    """Tokens over plain HTTP to another machine."""
    for name, at, options, _ in _all_calls(document):
        url = options.get("url")
        if isinstance(url, str) and url.lower().startswith("http://") and not is_loopback_url(url):
            message = f"the secrets of {quoted(name)} cross the network in the clear"
            yield Finding((*at, "url"), message, "write https://", False, "warning")
