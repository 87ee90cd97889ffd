"""What each policy would do with a request: a line per policy, for `outrider check --explain`.

One function per policy; those that are off say nothing. What must not live here: rules.
"""

from collections.abc import Iterator

from proxy.config.model import overlaid
from proxy.config.retry_model import Retry
from proxy.config.units import format_duration
from proxy.policy.retry import KEYED, repeatable_methods
from proxy.policy.routing import RouteEntry

__all__ = ["policies"]


def policies(entry: RouteEntry, method: str) -> Iterator[tuple[str, str]]:
    """Labels and texts, outermost policy first."""
    yield "retry", _retry(entry, method)


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
