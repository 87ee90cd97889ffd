"""Builds the stage that measures the upstream."""

from proxy.chain.context import Context
from proxy.clock import monotonic
from proxy.message import Stage
from proxy.policy.routing import RouteEntry
from proxy.stages.clock import ClockStage

__all__ = ["clock"]


def clock(entry: RouteEntry, context: Context, inner: Stage) -> Stage:
    if not context.timed and not entry.upstream.config.server_timing:
        return inner
    return ClockStage(monotonic, inner)
