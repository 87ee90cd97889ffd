"""Builds the stage of `Outrider-Min-Interval`, which any caller may send where `access.overrides` allows it."""

from proxy.chain.context import Context
from proxy.message import Stage
from proxy.policy.min_interval import LastCalls
from proxy.policy.routing import RouteEntry
from proxy.stages.min_interval import MinInterval

__all__ = ["min_interval"]


def min_interval(entry: RouteEntry, context: Context, inner: Stage) -> Stage:
    last = context.shared(entry.upstream.name, LastCalls, LastCalls, basis="remembered")
    return MinInterval(last, context.tallies[entry.upstream.name], context.loop.time, inner)
