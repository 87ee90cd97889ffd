"""Builds the stage that asks a second time when the first answer is late. Each route learns its own latency."""

from proxy.chain.budget import retry_budget
from proxy.chain.context import Context
from proxy.config.hedge_model import P95
from proxy.config.model import overlaid
from proxy.message import Stage
from proxy.policy.routing import RouteEntry

__all__ = ["hedge"]

_SHARE = 0.95


def hedge(entry: RouteEntry, context: Context, inner: Stage) -> Stage:
    policy = overlaid(entry.upstream.config.hedge, None if entry.route is None else entry.route.hedge)
    if policy is None:
        return inner
    from proxy.policy.latency import Latency
    from proxy.stages.hedge import Hedge

    after = None if policy.after == P95 else policy.after
    tally = context.tallies[entry.upstream.name]
    return Hedge(after, Latency(_SHARE), retry_budget(entry, context), tally, context.loop, inner)
