"""What a request would meet: refusals, upstream, route, profile, limits, fields, and where it would go.

A pure function over a configuration that asks the same rules as the daemon does. What must not live here: rules.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from proxy.cli.policies import policies
from proxy.config.address import TcpAddress, parse_address
from proxy.config.auth_model import (
    ApiKeyProfile,
    AuthProfile,
    ExecProfile,
    FileProfile,
    HeadersProfile,
    LoginProfile,
    OAuth2Profile,
    RefreshEndpointProfile,
)
from proxy.config.model import Config, FieldEdits, Headers, Timeouts, Tls
from proxy.config.units import format_duration
from proxy.errors import OutriderError
from proxy.policy.callers import CallerRules
from proxy.policy.fields import is_token
from proxy.policy.guard import LOOPBACK_NAMES, Guard, allowed_hosts, host_name
from proxy.policy.host import is_host_value
from proxy.policy.outgoing import host_field
from proxy.policy.routing import Matched, RouteEntry, RoutingTable, join_path

__all__ = ["Explanation", "NotAsked", "explain"]

_REFUSED_METHODS = ("CONNECT", "TRACE")


class NotAsked(Exception):
    """The method or the URL is not something that a caller could send here. The message is for the user."""


@dataclass(slots=True)
class Explanation:
    """Lines for the terminal, `label: text`."""

    lines: list[str] = field(default_factory=list)
    refused: bool = False

    def say(self, label: str, text: str) -> None:
        self.lines.append(f"{label + ':':<17} {text}")

    def refuse(self, status: int, code: str, detail: str) -> None:
        self.refused = True
        self.say("refused", f"{status} {code}: {detail}")


def explain(config: Config, method: str, url: str) -> Explanation:
    """Raises NotAsked."""
    host, target = _request(config, method, url)
    told = Explanation()
    told.say("request", f"{method} {target}, Host: {host}")
    if method in _REFUSED_METHODS:
        told.refuse(400, "bad_request", f"{method} is not passed on.")
        return told
    try:
        _guard(config).check_host(host.encode())
        matched = RoutingTable(config).match(host_name(host.encode()), method, target.encode())
        _tell_callers(told, config, method, matched, target)
        _tell_way(told, config, method, matched)
    except OutriderError as error:
        told.refuse(error.status, error.code, error.detail)
    return told


def _request(config: Config, method: str, url: str) -> tuple[str, str]:
    """The Host value and the target that a caller would send."""
    if not is_token(method.encode(errors="replace")):
        raise NotAsked("the method is not a word; write it such as GET")
    url = url.partition("#")[0]
    if not url.isascii() or any(char <= " " or char == "\x7f" for char in url):
        raise NotAsked("the URL has a character that must be percent-encoded")
    if url.startswith("/"):
        return _own_host(config), url
    try:
        parts = urlsplit(url)
        valid = parts.scheme == "http" and is_host_value(parts.netloc.encode())
    except ValueError:
        valid = False
    if not valid:
        raise NotAsked("the URL is the local one that a caller would use, such as http://localhost:8080/path or /path")
    rest = url[url.index("//") + 2 + len(parts.netloc) :]
    return parts.netloc, rest if rest.startswith("/") else f"/{rest}"


def _own_host(config: Config) -> str:
    for address in _tcp_addresses(config):
        host = "localhost" if address.is_wildcard else address.host
        return f"[{host}]:{address.port}" if ":" in host else f"{host}:{address.port}"
    return "localhost"


def _tcp_addresses(config: Config) -> list[TcpAddress]:
    found = [parse_address(text) for text in config.listen_addresses]
    return [address for address in found if isinstance(address, TcpAddress)]


def _guard(config: Config) -> Guard:
    addresses = _tcp_addresses(config)
    own = [f"[{address.host}]" if ":" in address.host else address.host for address in addresses]
    routed = [upstream.match.host for upstream in config.upstreams.values() if upstream.match.host is not None]
    names = [*LOOPBACK_NAMES, *own, *config.access.hosts, *routed]
    if addresses:
        return Guard(allowed_hosts(names, [address.port for address in addresses]))
    return Guard(frozenset(name.lower().encode() for name in names), any_port=True)


def _tell_callers(told: Explanation, config: Config, method: str, matched: Matched, target: str) -> None:
    if not config.access.callers:
        return
    allowed, denied = [], {}
    for name, caller in config.access.callers.items():
        try:
            CallerRules(name, caller).check(method, matched, target.encode())
            allowed.append(name)
        except OutriderError as error:
            denied[name] = error
    if allowed:
        told.say("callers", f"{', '.join(allowed)}, each with its token in Outrider-Token")
    else:
        told.say("callers", "none may ask this")
        raise next(iter(denied.values()))


def _tell_way(told: Explanation, config: Config, method: str, matched: Matched) -> None:
    entry = matched.route
    upstream = entry.upstream.config
    told.say("upstream", f"{entry.upstream.name}, met by {_met_by(entry)}")
    told.say("route", entry.route.match if entry.route is not None else "none of its own: the upstream's policies hold")
    told.say("profile", _profile(entry.auth, config.auth.get(entry.auth)))
    url = urlsplit(upstream.url)
    path = join_path(entry.upstream.base, matched.rest).decode()
    told.say("goes to", f"{method} {url.scheme}://{host_field(upstream.url).decode()}{path}")
    if url.scheme == "https":
        told.say("tls", _tls(upstream.tls))
    timeouts = entry.route.timeout if entry.route and entry.route.timeout else upstream.timeout
    told.say("limits", _limits(timeouts))
    for label, text in policies(entry, method):
        told.say(label, text)
    if (hook := config.hooks.on_error) is not None:
        way = "a webhook" if hook.webhook else "a command"
        told.say("hooks", f"an error of Outrider's own is told to {way}, at most every {format_duration(hook.every)}")
    headers = entry.route.headers if entry.route and entry.route.headers else upstream.headers
    for label, text in _edits(headers):
        told.say(label, text)


def _met_by(entry: RouteEntry) -> str:
    match = entry.upstream.config.match
    prefix = entry.upstream.prefix.decode()
    kept = " (sent on)" if entry.upstream.config.keep_prefix else " (stripped)"
    ways = [f"host {match.host}" if match.host else "", f"prefix {prefix}{kept}" if prefix else ""]
    return " and ".join(filter(None, ways)) or "whatever no other upstream takes"


def _profile(name: str, profile: AuthProfile | None) -> str:
    if profile is None or profile.type == "none":
        return f"{name}: no credential; what the caller sends goes on"
    return f"{name} ({profile.type}): {_credential(profile)}"


def _credential(profile: AuthProfile) -> str:
    if isinstance(profile, ApiKeyProfile):
        place = {"header": "field", "query": "query parameter", "cookie": "cookie"}[profile.in_]
        return f"{place} {profile.name}"
    if isinstance(profile, HeadersProfile):
        return "fields " + ", ".join(profile.set)
    if isinstance(profile, (FileProfile, ExecProfile)):
        return f"field {profile.header}"
    if isinstance(profile, OAuth2Profile):
        bound = "" if profile.dpop is None else " with a proof of its key (DPoP)"
        return f"field {profile.header}{bound}, by {profile.grant}; renewed early, and once where it is refused"
    if isinstance(profile, LoginProfile):
        what = "its cookies" if profile.response is None else f"field {profile.header}"
        return f"{what}, by a login of {len(profile.steps)} calls; again where it is refused"
    if isinstance(profile, RefreshEndpointProfile):
        renewed = "renewed early, and once where it is refused" if profile.auto_refresh else "renewed when told to"
        return f"field {profile.header}, by {profile.request.method} {profile.request.path or 'its own URL'}; {renewed}"
    return "field Authorization"


def _tls(tls: Tls) -> str:
    verified = "verified" if tls.verify else "NOT VERIFIED"
    extra = [f"as {tls.server_name}" if tls.server_name else "", "with a client certificate" if tls.cert else ""]
    return ", ".join([f"{verified}, {tls.min_version} or newer", *filter(None, extra)])


def _limits(timeouts: Timeouts) -> str:
    named = ("connect", timeouts.connect), ("first byte", timeouts.first_byte), ("idle", timeouts.idle)
    parts = [f"{name} {_limit(seconds)}" for name, seconds in named]
    return ", ".join([*parts, f"total {_limit(timeouts.total)}"])


def _limit(seconds: float) -> str:
    return format_duration(seconds) if seconds else "none"


def _edits(headers: Headers) -> Iterator[tuple[str, str]]:
    """Names alone: a value may hold a secret."""
    both: tuple[tuple[str, FieldEdits], ...] = (("request", headers), ("response", headers.response))
    for what, edits in both:
        if edits.set:
            yield f"{what} sets", ", ".join(edits.set)
        if edits.remove:
            yield f"{what} removes", ", ".join(edits.remove)
