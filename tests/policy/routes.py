"""Routes made from a few lines of configuration, for the tests of the rules that take one."""

from typing import Any

from proxy.config.model import Config
from proxy.message import Exchange
from proxy.policy.routing import RouteEntry, RoutingTable

__all__ = ["exchange", "route", "table"]


def table(**upstreams: dict[str, Any]) -> RoutingTable:
    """A table of these upstreams; the URL may be left out."""
    entries = {name: {"url": f"http://{name}.example", **entry} for name, entry in upstreams.items()}
    return RoutingTable(Config.model_validate({"upstreams": entries}))


def route(url: str = "http://api.example", **entry: Any) -> RouteEntry:
    """The first route of one upstream, or the upstream's own policies where it has none."""
    return table(api={"url": url, **entry}).entries["api"].routes[0]


def exchange(path: bytes = b"/", *fields: tuple[bytes, bytes], method: str = "GET") -> Exchange:
    made = Exchange(method, path, list(fields), b"id-1", 0.0)
    made.host = b"127.0.0.1:8080"
    return made
