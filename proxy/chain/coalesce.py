"""Builds the stage in which identical requests share one call."""

from proxy.chain.context import Context
from proxy.clock import monotonic
from proxy.config.model import overlaid
from proxy.message import Stage
from proxy.policy.routing import RouteEntry

__all__ = ["coalesce"]


def coalesce(entry: RouteEntry, context: Context, inner: Stage) -> Stage:
    upstream = entry.upstream
    policy = overlaid(upstream.config.dedup, entry.route.dedup if entry.route is not None else None)
    if policy is None or not (policy.in_flight or policy.ttl):
        return inner
    from proxy.policy.answers import AnswerWindow
    from proxy.policy.dedup import IdentityRules
    from proxy.stages.coalesce import Coalesce, Sharing

    scope = (upstream.name, entry.number, entry.auth)
    rules = IdentityRules(scope, policy.methods, forwarded=upstream.config.forwarded)
    window = AnswerWindow(policy.ttl, policy.total_bytes, monotonic) if policy.ttl else None
    sharing = Sharing(
        policy.in_flight, policy.max_bytes, policy.total_bytes, policy.include_private, entry.timeout.total
    )
    return Coalesce(rules, sharing, window, context.tallies[upstream.name], context.loop, inner)
