"""Builds the stage that tells the upstream how much time is left."""

from proxy.chain.context import Context
from proxy.clock import monotonic
from proxy.message import Stage
from proxy.policy.routing import RouteEntry
from proxy.stages.deadline import Deadline

__all__ = ["deadline"]


def deadline(entry: RouteEntry, context: Context, inner: Stage) -> Stage:
    field = entry.timeout.deadline_header
    return inner if field is None else Deadline(field, monotonic, inner)
