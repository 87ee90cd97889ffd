"""Rules between options: names that must exist, matches that must differ, who may listen where.

Each rule is a pure function over the plain data of a file (and, for files that it names, the folder it stands in), so
that it finds what it can in a file whose other parts are wrong. What must not live here: rules of a single value
(`proxy.config.values`).
"""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Literal, NamedTuple

from proxy.config.document import Document, KeyPath
from proxy.config.problem import Problem, listed, nearest, quoted
from proxy.config.values import origin_of
from proxy.policy.template import check_template

__all__ = ["Finding", "cross_checks", "profiles", "section", "texts", "uses"]

NO_PROFILE = "none"
"""The profile that always exists and sends no credential."""


class Finding(NamedTuple):
    """Something wrong at a value, or at its key."""

    path: KeyPath
    message: str
    hint: str
    at_key: bool = False
    severity: Literal["error", "warning"] = "error"


def cross_checks(document: Document, base: Path, rules: "tuple[Rule, ...]") -> list[Problem]:
    """What `rules` find, without the consequences of what is already reported."""
    found = [finding for rule in rules for finding in rule(document, base)]
    return [
        document.problem(path, message, hint, at_key=at_key, severity=severity)
        for path, message, hint, at_key, severity in found
        if not document.is_broken(path)
    ]


Rule = Callable[[Document, Path], Iterator[Finding]]


def section(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def texts(value: Any, path: KeyPath) -> Iterator[tuple[KeyPath, str]]:
    """A text, or those of a list, each with its path."""
    if isinstance(value, str):
        yield path, value
    elif isinstance(value, list):
        yield from (((*path, index), item) for index, item in enumerate(value) if isinstance(item, str))


def _upstreams(document: Document) -> Iterator[tuple[KeyPath, dict[str, Any]]]:
    for name, upstream in section(document.data.get("upstreams")).items():
        yield ("upstreams", name), section(upstream)


def uses(document: Document) -> Iterator[tuple[KeyPath, str, KeyPath, dict[str, Any]]]:
    """Every mention of a profile: its path, the name, and the upstream in question."""
    for at, upstream in _upstreams(document):
        if isinstance(auth := upstream.get("auth"), str):
            yield (*at, "auth"), auth, at, upstream
        routes = upstream.get("routes")
        for index, route in enumerate(routes if isinstance(routes, list) else []):
            if isinstance(auth := section(route).get("auth"), str):
                yield (*at, "routes", index, "auth"), auth, at, upstream


def profiles(document: Document) -> dict[str, Any]:
    return section(document.data.get("auth"))


def _which(text: str, known: dict[str, Any], kind: str) -> str:
    # A name that no terminal can show is not one to write, and is wrong at its own place.
    shown = [name for name in known if name.isprintable()]
    guess = nearest(text, shown)
    if guess:
        return f"did you mean {guess}?"
    return f"write {listed(shown)}" if shown else f"there is no {kind} yet; add it"


def unknown_profiles(document: Document, base: Path) -> Iterator[Finding]:
    known = {NO_PROFILE: None, **profiles(document)}
    for path, name, _, _ in uses(document):
        if name not in known:
            hint = _which(name, known, "profile") if len(known) > 1 else "add it under auth, or write none"
            yield Finding(path, f"there is no profile {document.shown(path, name)} under auth", hint)


def reserved_profile(document: Document, base: Path) -> Iterator[Finding]:
    profile = profiles(document).get(NO_PROFILE)
    if NO_PROFILE in profiles(document) and section(profile).get("type") != NO_PROFILE:
        yield Finding(("auth", NO_PROFILE), "the name none means no credential", "give the profile another name", True)


def unused_profiles(document: Document, base: Path) -> Iterator[Finding]:
    used = {name for _, name, _, _ in uses(document)}
    for name in profiles(document):
        if name not in used and name != NO_PROFILE:
            message = f"no upstream and no route uses the profile {quoted(name)}"
            yield Finding(("auth", name), message, "remove it, or name it as auth: of an upstream", True, "warning")


def origins_of_users(document: Document, base: Path) -> Iterator[Finding]:
    """A profile that names its origins is used by upstreams on those alone."""
    for path, name, _, upstream in uses(document):
        named = section(profiles(document).get(name)).get("origins")
        url = upstream.get("url")
        if not isinstance(named, list) or not isinstance(url, str):
            continue
        allowed = {origin_of(origin) for origin in named if isinstance(origin, str)}
        origin = origin_of(url)
        # An origin that cannot be read is reported already, and may be the one that is meant.
        if origin is not None and None not in allowed and origin not in allowed:
            message = f"the profile {quoted(name)} may not send its credential to the origin of this upstream"
            yield Finding(path, message, f"add the origin to auth.{name}.origins, or use another profile")


def same_match(document: Document, base: Path) -> Iterator[Finding]:
    """Two upstreams that take the same requests: the second would never be met."""
    taken: dict[tuple[str, str], str] = {}
    for at, upstream in _upstreams(document):
        match = section(upstream.get("match"))
        host, prefix = match.get("host") or "", match.get("prefix") or ""
        if not isinstance(host, str) or not isinstance(prefix, str) or document.is_broken((*at, "match")):
            continue
        key = (host.lower(), prefix.rstrip("/"))
        first = taken.setdefault(key, str(at[1]))
        if first == at[1]:
            continue
        where = (*at, "match") if match else at
        if key == ("", ""):
            message = f"upstreams {quoted(first)} and {quoted(str(at[1]))} both take everything else"
            yield Finding(where, message, "give one of them a match with a host or a prefix", True)
        else:
            message = f"upstream {quoted(first)} has the same match"
            yield Finding(where, message, "give one of them another host or prefix", True)


def callers_upstreams(document: Document, base: Path) -> Iterator[Finding]:
    known = section(document.data.get("upstreams"))
    for name, caller in section(section(document.data.get("access")).get("callers")).items():
        for path, upstream in texts(section(caller).get("upstreams"), ("access", "callers", name, "upstreams")):
            if upstream not in known:
                message = f"there is no upstream {document.shown(path, upstream)}"
                yield Finding(path, message, _which(upstream, known, "upstream"))


def same_token(document: Document, base: Path) -> Iterator[Finding]:
    """Two callers with one token: nobody could tell them apart."""
    taken: dict[str, str] = {}
    for name, caller in section(section(document.data.get("access")).get("callers")).items():
        token = section(caller).get("token")
        if isinstance(token, str) and (first := taken.setdefault(token, name)) != name:
            message = f"the caller {quoted(first)} has the same token"
            yield Finding(("access", "callers", name, "token"), message, "give every caller its own")


def header_templates(document: Document, base: Path) -> Iterator[Finding]:
    """The templates of a `headers` profile name secrets that it has."""
    for profile_name, profile in profiles(document).items():
        if section(profile).get("type") != "headers":
            continue
        secrets = section(profile.get("secrets"))
        for field, template in section(profile.get("set")).items():
            if isinstance(template, str) and (problem := check_template(template, secrets)):
                hint = "write {{ name }} or {{ name | base64 }} with a name under secrets: of this profile"
                yield Finding(("auth", profile_name, "set", field), f"the template: {problem}", hint)
