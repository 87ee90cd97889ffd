"""Builds the stage that turns an upstream's error answers into problem documents."""

from proxy.chain.context import Context
from proxy.config.model import overlaid
from proxy.message import Stage
from proxy.policy.routing import RouteEntry

__all__ = ["normalize"]


def normalize(entry: RouteEntry, context: Context, inner: Stage) -> Stage:
    policy = overlaid(entry.upstream.config.errors, None if entry.route is None else entry.route.errors)
    if policy is None or not policy.normalize:
        return inner
    from proxy.policy.upstream_error import message_rule
    from proxy.stages.normalize import Normalize, NormalizeRules

    rules = NormalizeRules(entry.upstream.name, message_rule(policy.message), policy.max_bytes, policy.max_wait)
    return Normalize(rules, inner)
