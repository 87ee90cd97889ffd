"""Builds the two stages that write heads into the log: what callers say and are told, what the upstream is and says."""

from collections.abc import Iterable, Sequence

from proxy.chain.context import Context
from proxy.chain.transport import outgoing_rules
from proxy.message import Exchange, Stage
from proxy.policy.fields import canonical
from proxy.policy.outgoing import OutgoingRules
from proxy.policy.routing import RouteEntry
from proxy.stages.wire_log import Head, WireLog

__all__ = ["callers_wire_log", "upstreams_wire_log"]


def callers_wire_log(entry: RouteEntry, context: Context, inner: Stage) -> Stage:
    return WireLog("caller", _as_it_came, _hidden(entry, context), inner) if context.wire else inner


def upstreams_wire_log(entry: RouteEntry, context: Context, inner: Stage) -> Stage:
    if not context.wire:
        return inner
    bare = OutgoingRules(entry, mark=context.mark)
    source = context.sources.get(entry.auth)
    rules = bare if source is None else outgoing_rules(entry, context, source)
    return WireLog("upstream", _as_it_goes(rules, bare), _hidden(entry, context), inner)


def _as_it_came(exchange: Exchange) -> tuple[bytes, Sequence[tuple[bytes, bytes]]]:
    return exchange.path, exchange.fields


def _as_it_goes(rules: OutgoingRules, bare: OutgoingRules) -> Head:
    def head(exchange: Exchange) -> tuple[bytes, Sequence[tuple[bytes, bytes]]]:
        start, *lines = (rules if exchange.wants_auth else bare).encode(exchange).split(b"\r\n")
        fields = [(name, value) for name, mark, value in (line.partition(b":") for line in lines) if mark]
        return start.split(b" ")[1], fields

    return head


def _hidden(entry: RouteEntry, context: Context) -> frozenset[bytes]:
    """The fields of the credential, and those that the configuration sets, which may be secrets too."""
    source = context.sources.get(entry.auth)
    route = entry.route
    edits = entry.upstream.config.headers if route is None or route.headers is None else route.headers
    named: Iterable[str] = (*edits.set, *edits.response.set)
    return frozenset(canonical(name.encode()) for name in named) | (frozenset() if source is None else source.strip)
