"""Builds the stage that takes a route's credential."""

from proxy.chain.context import Context
from proxy.chain.retry import replay_caps
from proxy.clock import monotonic
from proxy.message import Stage
from proxy.policy.routing import RouteEntry
from proxy.stages.authenticate import Authenticate

__all__ = ["authenticate"]


def authenticate(entry: RouteEntry, context: Context, inner: Stage) -> Stage:
    source = context.sources.get(entry.auth)
    return inner if source is None else Authenticate(source, monotonic, replay_caps(entry, context), inner)
