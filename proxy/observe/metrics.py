"""The metrics that Outrider shows: one table of names, kinds, labels and help texts.

A dashboard or an alert may rely on every line of it. What must not live here: where the numbers come from
(`proxy.observe.tally`, `proxy.observe.lag`) and how they are written (`proxy.observe.exposition`).
"""

from dataclasses import dataclass
from typing import Literal

__all__ = [
    "ATTEMPTS",
    "BUILD",
    "CONFIG_LOADED",
    "CONFIG_LOADED_AT",
    "DURATION",
    "ERRORS",
    "IN_FLIGHT",
    "LOOP_LAG",
    "METRICS",
    "REQUESTS",
    "REQUEST_BYTES",
    "RESPONSE_BYTES",
    "Metric",
]


@dataclass(frozen=True, slots=True)
class Metric:
    """`name` is the family's: a counter's samples end in `_total`, those of an info in `_info`."""

    name: str
    kind: Literal["counter", "gauge", "histogram", "info"]
    labels: tuple[str, ...]
    help: str


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
ERRORS = Metric("outrider_errors", "counter", ("upstream", "code"), "Answers that Outrider made itself, by their code.")
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

METRICS = (
    REQUESTS,
    DURATION,
    IN_FLIGHT,
    REQUEST_BYTES,
    RESPONSE_BYTES,
    ATTEMPTS,
    ERRORS,
    LOOP_LAG,
    CONFIG_LOADED,
    CONFIG_LOADED_AT,
    BUILD,
)
