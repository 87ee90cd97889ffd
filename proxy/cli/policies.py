"""What each policy would do with a request: a line per policy, for `outrider check --explain`.

One function per policy; those that are off say nothing. What must not live here: rules.
"""

from collections.abc import Iterator

from proxy.config.breaker_model import BreakerPolicy
from proxy.config.concurrency_model import ConcurrencyPolicy
from proxy.config.hedge_model import P95
from proxy.config.model import overlaid
from proxy.config.rate_model import RateLimitPolicy, as_list, format_rate
from proxy.config.retry_model import Retry
from proxy.config.units import format_duration, format_ratio, format_size
from proxy.policy.retry import KEYED, SAFE, repeatable_methods
from proxy.policy.routing import RouteEntry

__all__ = ["policies"]


def policies(entry: RouteEntry, method: str) -> Iterator[tuple[str, str]]:
    """Labels and texts, outermost policy first."""
    own = None if entry.route is None else entry.route.interceptors
    if names := entry.upstream.config.interceptors if own is None else own:
        yield "interceptors", f"{', '.join(names)}; in the reverse order on the way out"
    if (errors := _errors(entry)) is not None:
        yield "errors", errors
    if (dedup := _dedup(entry, method)) is not None:
        yield "dedup", dedup
    yield "retry", _retry(entry, method)
    if (hedge := _hedge(entry, method)) is not None:
        yield "hedge", hedge
    if (breaker := entry.upstream.config.breaker) is not None:
        yield "breaker", _breaker(breaker)
    yield from _concurrency(entry)
    yield from _rates(entry)
    yield "quota", _quota(entry)


def _errors(entry: RouteEntry) -> str | None:
    errors = overlaid(entry.upstream.config.errors, None if entry.route is None else entry.route.errors)
    if errors is None or not errors.normalize:
        return None
    return f"answers of 400 and above become problem documents, their message by {errors.message}"


def _dedup(entry: RouteEntry, method: str) -> str | None:
    dedup = overlaid(entry.upstream.config.dedup, None if entry.route is None else entry.route.dedup)
    if dedup is None or not (dedup.in_flight or dedup.ttl):
        return None
    if method not in ("GET", "HEAD", *dedup.methods):
        return f"off for {method}, which dedup.methods does not list"
    joins = "shares the call of an identical request in flight" if dedup.in_flight else ""
    kept = f"gets a successful answer that is at most {format_duration(dedup.ttl)} old" if dedup.ttl else ""
    return f"{' and '.join(filter(None, [joins, kept]))}, up to {format_size(dedup.max_bytes)}"


def _retry(entry: RouteEntry, method: str) -> str:
    upstream, route = entry.upstream.config.retry, entry.route
    retry = overlaid(upstream, route.retry if route is not None else None) or upstream
    if retry.attempts == 1:
        return "off"
    backoff = f"waits up to {format_duration(retry.backoff.base)}, doubling to {format_duration(retry.backoff.cap)}"
    return f"{retry.attempts} attempts, {backoff}; {_repeated(retry, method)}"


def _repeated(retry: Retry, method: str) -> str:
    if method in repeatable_methods(retry.methods):
        return f"{method} is repeated after any failure that may pass"
    if method in KEYED and retry.idempotency_key == "auto":
        return f"{method} is repeated after any failure that may pass, with a key of its own in {retry.key_field}"
    told = f"{method} is repeated only where nothing of it was sent, or on a 429 or 503 with Retry-After"
    return f"{told}; after other failures where the caller sends {retry.key_field}" if method in KEYED else told


def _hedge(entry: RouteEntry, method: str) -> str | None:
    hedge = overlaid(entry.upstream.config.hedge, None if entry.route is None else entry.route.hedge)
    if hedge is None or method not in SAFE:
        return None
    if hedge.after == P95:
        return "one call more when the first takes longer than 95 of 100 on this route, once that is known"
    return f"one call more when the first has no answer after {format_duration(hedge.after)}"


def _breaker(breaker: BreakerPolicy) -> str:
    opens = f"{format_ratio(breaker.failure_ratio)} failures of {breaker.min_calls} calls or more"
    pause = f"{format_duration(breaker.open)}, doubling to {format_duration(breaker.max_open)}"
    return f"opens at {opens} in {format_duration(breaker.window)}, for {pause}; {breaker.probes} probes"


def _concurrency(entry: RouteEntry) -> Iterator[tuple[str, str]]:
    shared = entry.upstream.config.concurrency
    own = None if entry.route is None else entry.route.concurrency
    if own is not None and (laid := overlaid(shared, own)) is not None:
        yield "concurrency", f"{_limit(laid)}, for this route alone"
    if shared is not None:
        yield "concurrency", f"{_limit(shared)}, for all of {entry.upstream.name}"


def _rates(entry: RouteEntry) -> Iterator[tuple[str, str]]:
    for policy in as_list(None if entry.route is None else entry.route.rate_limit):
        yield "rate limit", f"{_rate(policy)}, for this route alone"
    for policy in as_list(entry.upstream.config.rate_limit):
        yield "rate limit", f"{_rate(policy)}, for all of {entry.upstream.name}"


def _rate(policy: RateLimitPolicy) -> str:
    each = "" if policy.key is None else f" for each {policy.key.replace(':', ' ')}"
    wait = f"waits up to {format_duration(policy.max_wait)}" if policy.max_wait else "nothing waits"
    return f"{format_rate(policy.rate)}{each}, {policy.allowance} at once, {wait}"


def _quota(entry: RouteEntry) -> str:
    upstreams = entry.upstream.config.quota
    quota = overlaid(upstreams, None if entry.route is None else entry.route.quota) or upstreams
    if not quota.learn:
        return "what answers say of the upstream's own limits is not heeded"
    return f"held while the upstream says that its own is used up, for up to {format_duration(quota.max_wait)}"


def _limit(policy: ConcurrencyPolicy) -> str:
    bounds = policy.bounds
    limit = f"{policy.limit}" if bounds is None else f"{bounds[0]} to {bounds[1]}, as it bears,"
    if not policy.queue or not policy.max_wait:
        return f"{limit} calls at once, no further one waits"
    return f"{limit} calls at once, {policy.queue} wait up to {format_duration(policy.max_wait)}"
