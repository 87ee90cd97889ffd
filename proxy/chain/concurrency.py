"""Builds the limits of calls at once: the upstream's, which all its routes share, and a route's own around it."""

from proxy.chain.context import Context, route_name
from proxy.clock import monotonic
from proxy.config.concurrency_model import ConcurrencyPolicy
from proxy.config.model import overlaid
from proxy.message import Stage
from proxy.policy.concurrency import AdaptiveLimit, Permits
from proxy.policy.routing import RouteEntry
from proxy.stages.concurrency import Adapting, Concurrency, Gate

__all__ = ["concurrency"]


class _Limiter:
    """The gate of one policy, and what moves its limit."""

    def __init__(self, policy: ConcurrencyPolicy, context: Context) -> None:
        permits = Permits(policy.limit)
        bounds = policy.bounds
        self._adaptive = None if bounds is None else AdaptiveLimit(permits, *bounds)
        self._gate = Gate(permits, policy.queue, policy.max_wait, context.loop)

    def count(self) -> tuple[int, int, int]:
        """The limit, how many calls are under way, and how many wait."""
        permits = self._gate.permits
        return permits.limit, permits.in_use, len(self._gate)

    def around(self, inner: Stage, total: float) -> Stage:
        if self._adaptive is not None:
            inner = Adapting(self._adaptive, self._gate, monotonic, total, inner)
        return Concurrency(self._gate, inner)


def concurrency(entry: RouteEntry, context: Context, inner: Stage) -> Stage:
    shared = entry.upstream.config.concurrency
    tally = context.tallies[entry.upstream.name]
    tally.permits = None
    if shared is not None:
        limiter = context.shared(entry.upstream.name, _Limiter, lambda: _Limiter(shared, context), basis=shared)
        tally.permits = limiter.count
        inner = limiter.around(inner, entry.timeout.total)
    own = None if entry.route is None else overlaid(shared, entry.route.concurrency)
    if entry.route is not None and entry.route.concurrency is not None and own is not None:
        limiter = context.shared(route_name(entry), _Limiter, lambda: _Limiter(own, context), basis=own)
        inner = limiter.around(inner, entry.timeout.total)
    return inner
