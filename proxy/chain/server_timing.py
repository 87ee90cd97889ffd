"""Builds the stage that tells callers where the time went."""

from proxy.chain.context import Context
from proxy.clock import monotonic
from proxy.message import Stage
from proxy.policy.routing import RouteEntry
from proxy.stages.server_timing import ServerTiming

__all__ = ["server_timing"]


def server_timing(entry: RouteEntry, context: Context, inner: Stage) -> Stage:
    return ServerTiming(monotonic, inner) if entry.upstream.config.server_timing else inner
