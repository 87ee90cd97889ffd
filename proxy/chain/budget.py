"""The budget of further attempts, which the retries and hedges of an upstream share."""

from proxy.chain.context import Context
from proxy.clock import monotonic
from proxy.policy.budget import RetryBudget
from proxy.policy.routing import RouteEntry

__all__ = ["retry_budget"]


def retry_budget(entry: RouteEntry, context: Context) -> RetryBudget:
    policy = entry.upstream.config.retry.budget
    name = entry.upstream.name
    return context.shared(name, RetryBudget, lambda: RetryBudget(policy.ratio, policy.min, monotonic), basis=policy)
