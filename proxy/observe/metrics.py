"""The metrics that Outrider shows: one table of names, kinds, labels and help texts.

A dashboard or an alert may rely on every line of it. What must not live here: where the numbers come from
(`proxy.observe.tally`, `proxy.observe.lag`) and how they are written (`proxy.observe.exposition`).
"""

from dataclasses import dataclass
from typing import Literal

__all__ = [
    "ATTEMPTS",
    "BUILD",
    "CIRCUIT",
    "COALESCED",
    "CONFIG_LOADED",
    "CONFIG_LOADED_AT",
    "DEDUP",
    "DURATION",
    "ERRORS",
    "EVENT_READERS_DROPPED",
    "HOOKS",
    "IN_FLIGHT",
    "LOOP_LAG",
    "METRICS",
    "NOT_REPLAYABLE",
    "QUOTA_REMAINING",
    "RATE_LIMITED",
    "RATE_LIMIT_WAIT",
    "REQUESTS",
    "REQUEST_BYTES",
    "RESPONSE_BYTES",
    "RETRIES",
    "RETRY_BUDGET_EXHAUSTED",
    "SESSION_STATE",
    "TOKEN_EXPIRY",
    "TOKEN_REFRESHES",
    "TOKEN_REFRESH_DURATION",
    "Metric",
]


_UNITS = frozenset({"bytes", "seconds"})


@dataclass(frozen=True, slots=True)
class Metric:
    """`name` is the family's: a counter's samples end in `_total`, those of an info in `_info`."""

    name: str
    kind: Literal["counter", "gauge", "histogram", "info"]
    labels: tuple[str, ...]
    help: str

    @property
    def unit(self) -> str:
        """What its name says that it is counted in; empty for mere numbers."""
        last = self.name.rpartition("_")[2]
        return last if last in _UNITS else ""


REQUESTS = Metric(
    "outrider_requests",
    "counter",
    ("upstream", "method", "code"),
    "Requests answered, by the status that the caller got; methods and statuses outside the known ones are OTHER.",
)
DURATION = Metric(
    "outrider_request_duration_seconds",
    "histogram",
    ("upstream",),
    "From a request's head to the end of its response.",
)
IN_FLIGHT = Metric("outrider_requests_in_flight", "gauge", ("upstream",), "Requests that have not ended yet.")
REQUEST_BYTES = Metric("outrider_request_bytes", "counter", ("upstream",), "Content received from callers.")
RESPONSE_BYTES = Metric("outrider_response_bytes", "counter", ("upstream",), "Content sent to callers.")
ATTEMPTS = Metric(
    "outrider_attempts",
    "counter",
    ("upstream", "outcome"),
    "Attempts to get an answer from the upstream: answered with any status, failed, or cancelled.",
)
RETRIES = Metric(
    "outrider_retries",
    "counter",
    ("upstream", "reason"),
    "Further attempts, by the failure or the status that they followed; unsent is what never reached the wire.",
)
RETRY_BUDGET_EXHAUSTED = Metric(
    "outrider_retry_budget_exhausted",
    "counter",
    ("upstream",),
    "Further attempts that were not made because too many were under way.",
)
NOT_REPLAYABLE = Metric(
    "outrider_not_replayable",
    "counter",
    ("upstream",),
    "Requests whose content could not be kept for another attempt, and so was sent once at most.",
)
COALESCED = Metric(
    "outrider_coalesced", "counter", ("upstream",), "Requests that were answered by the call of an identical one."
)
DEDUP = Metric(
    "outrider_dedup",
    "counter",
    ("upstream", "result"),
    "What deduplication did: miss made a call, collapsed joined one, hit had a kept answer, parted joined in vain, "
    "bypass had no part in it.",
)
ERRORS = Metric("outrider_errors", "counter", ("upstream", "code"), "Answers that Outrider made itself, by their code.")
CIRCUIT = Metric(
    "outrider_circuit_state", "gauge", ("upstream", "state"), "The breaker of an upstream: 1 at the state it is in."
)
RATE_LIMIT_WAIT = Metric(
    "outrider_rate_limit_wait_seconds",
    "histogram",
    ("upstream",),
    "How long requests waited for a rate limit or the upstream's quota; those that did not wait are not counted.",
)
RATE_LIMITED = Metric(
    "outrider_rate_limited", "counter", ("upstream",), "Requests refused because they would have had to wait too long."
)
QUOTA_REMAINING = Metric(
    "outrider_upstream_quota_remaining",
    "gauge",
    ("upstream",),
    "Requests left of the upstream's own quota, as its last answers tell.",
)
TOKEN_REFRESHES = Metric(
    "outrider_token_refreshes",
    "counter",
    ("profile", "result"),
    "Refreshes by their end: success, shared (another process had got the token), transient or terminal failure.",
)
TOKEN_REFRESH_DURATION = Metric(
    "outrider_token_refresh_duration_seconds", "histogram", ("profile",), "From the start of a refresh to its end."
)
TOKEN_EXPIRY = Metric(
    "outrider_token_expiry_timestamp_seconds",
    "gauge",
    ("profile",),
    "When the current token ends, in seconds since the epoch; 0 for none, and for one without end.",
)
SESSION_STATE = Metric(
    "outrider_session_state",
    "gauge",
    ("profile", "state"),
    "1 for the state that the profile's session is in: empty, valid, renewing, cooling or expired.",
)
EVENT_READERS_DROPPED = Metric(
    "outrider_event_readers_dropped", "counter", (), "Readers of events that were let go because they did not read."
)
HOOKS = Metric(
    "outrider_hooks",
    "counter",
    ("hook", "result"),
    "Notices to hooks by what became of them: delivered, failed after all attempts, or dropped untried.",
)
LOOP_LAG = Metric("outrider_event_loop_lag_seconds", "histogram", (), "How late the event loop ran a timer.")
CONFIG_LOADED = Metric(
    "outrider_config_last_reload_successful", "gauge", (), "Whether the last attempt to load the configuration worked."
)
CONFIG_LOADED_AT = Metric(
    "outrider_config_last_reload_success_timestamp_seconds",
    "gauge",
    (),
    "When the configuration in use was loaded, in seconds since the epoch; the start counts.",
)
BUILD = Metric("outrider_build", "info", ("version", "python", "aiohttp", "loop"), "What is running.")

METRICS = tuple(value for value in tuple(globals().values()) if isinstance(value, Metric))
"""All of the above, in their order."""
