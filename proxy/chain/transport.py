"""Builds the innermost stage of a route, which is always there."""

from proxy.auth.source import CredentialSource
from proxy.chain.context import Context
from proxy.chain.retry import expect_from
from proxy.clock import monotonic
from proxy.message import Stage
from proxy.policy.incoming import IncomingRules
from proxy.policy.outgoing import OutgoingRules
from proxy.policy.routing import RouteEntry
from proxy.stages.announce import Announce
from proxy.stages.transport import Transport
from proxy.upstream.limits import Limits

__all__ = ["outgoing_rules", "transport"]


def transport(entry: RouteEntry, context: Context) -> Stage:
    name = entry.upstream.name
    source = context.sources.get(entry.auth)
    bare = OutgoingRules(entry, mark=context.mark)
    outgoing = bare if source is None else outgoing_rules(entry, context, source)
    timeouts = entry.timeout
    limits = Limits(timeouts.connect, timeouts.first_byte, timeouts.idle)
    clock = monotonic if context.timed or entry.upstream.config.server_timing else None
    stage = Transport(context.pools[name], outgoing, bare, IncomingRules(entry), limits, context.tallies[name], clock)
    least = expect_from(entry)
    return Announce(least, monotonic, stage) if least else stage


def outgoing_rules(entry: RouteEntry, context: Context, source: CredentialSource) -> OutgoingRules:
    """How heads are encoded with the credential of `source`."""
    return OutgoingRules(entry, source.strip, source.query_name, source.cookie_name, context.mark)
