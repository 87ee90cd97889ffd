"""Builds the stage that sends a request again."""

import random
import uuid

from proxy.chain.budget import retry_budget
from proxy.chain.context import Context
from proxy.clock import monotonic, wall
from proxy.config import retry_model
from proxy.config.model import overlaid
from proxy.message import Stage
from proxy.policy.budget import RetryBudget
from proxy.policy.fields import canonical
from proxy.policy.idempotency import IdempotencyKeys
from proxy.policy.retry import REASONS, Pace, repeatable_methods
from proxy.policy.routing import RouteEntry
from proxy.stages.retry import Retry, RetryRules
from proxy.stages.spool import SpoolCaps

__all__ = ["expect_from", "replay_caps", "retry"]


def retry(entry: RouteEntry, context: Context, inner: Stage) -> Stage:
    upstream, route = entry.upstream.config, entry.route
    policy = overlaid(upstream.retry, route.retry if route is not None else None) or upstream.retry
    if policy.attempts == 1 and policy.idempotency_key != "auto":
        return inner
    tally = context.tallies[entry.upstream.name]
    tally.count_retries(REASONS)
    rules = RetryRules(
        attempts=policy.attempts,
        methods=repeatable_methods(policy.methods),
        keys=_keys(entry, policy),
        pace=Pace(policy.backoff.base, policy.backoff.cap, policy.retry_after, random.uniform),
        budget=_budget(entry, context),
        caps=replay_caps(entry, context),
    )
    return Retry(rules, tally, context.loop.time, wall, inner)


def _budget(entry: RouteEntry, context: Context) -> RetryBudget:
    """The upstream's, unless the route has its own word about it; what such a route tries again is counted apart."""
    route = entry.route
    if route is None or route.retry is None or "budget" not in route.retry.model_fields_set:
        return retry_budget(entry, context)
    own = overlaid(entry.upstream.config.retry.budget, route.retry.budget) or route.retry.budget
    return RetryBudget(own.ratio, own.min, monotonic)


def _keys(entry: RouteEntry, policy: retry_model.Retry) -> IdempotencyKeys | None:
    """None where the route replaces or removes the field: then no key reaches the upstream as the caller meant it."""
    route = entry.route
    edits = entry.upstream.config.headers if route is None or route.headers is None else route.headers
    edited = {canonical(name.encode()) for name in (*edits.set, *edits.remove)}
    if canonical(policy.key_field.encode()) in edited:
        return None
    return IdempotencyKeys(policy.key_field, _new_key if policy.idempotency_key == "auto" else None)


def _new_key() -> str:
    return str(uuid.uuid4())


def replay_caps(entry: RouteEntry, context: Context) -> SpoolCaps:
    """How much of a request's content is kept, and where."""
    replay = _replay(entry)
    return SpoolCaps(replay.memory, replay.file, context.base / replay.folder if replay.folder else None)


def expect_from(entry: RouteEntry) -> int:
    """From how many bytes on content is announced; 0 for never."""
    return _replay(entry).expect


def _replay(entry: RouteEntry) -> retry_model.Replay:
    upstream, route = entry.upstream.config, entry.route
    return overlaid(upstream.replay, route.replay if route is not None else None) or upstream.replay
