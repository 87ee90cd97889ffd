"""The metrics in the two text forms that scrapers read: Prometheus' own and OpenMetrics.

Samples are made from the tallies when somebody asks, and never kept. What must not live here: names and help texts
(`proxy.observe.metrics`), and HTTP.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from prometheus_client import (
    CollectorRegistry,
    GCCollector,
    PlatformCollector,
    ProcessCollector,
    generate_latest,
)
from prometheus_client.metrics_core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    InfoMetricFamily,
)
from prometheus_client.metrics_core import (
    Metric as Family,
)
from prometheus_client.openmetrics import exposition as openmetrics
from prometheus_client.registry import Collector
from prometheus_client.samples import Exemplar as SampleExemplar

from proxy.observe import metrics
from proxy.observe.lag import LAG_BOUNDS, LoopLag
from proxy.observe.metrics import Metric
from proxy.observe.session_exposition import session_families
from proxy.observe.tally import BOUNDS, CIRCUITS, Exemplar, Tallies

__all__ = ["Exposition", "Facts"]

_OPENMETRICS = "application/openmetrics-text"
_openmetrics: Callable[[CollectorRegistry], bytes] = openmetrics.generate_latest
_LONGEST_REQUEST_ID = 128 - len("request_idtrace_id") - 32
"""What OpenMetrics leaves of its 128 characters beside a trace id."""
_TEXT = "text/plain; version=0.0.4; charset=utf-8"


@dataclass(frozen=True, slots=True)
class Facts:
    """What does not change while the daemon runs."""

    build: dict[str, str] = field(default_factory=dict)


class Exposition:
    """Everything that `/metrics` shows."""

    def __init__(self, tallies: Tallies, lag: LoopLag, facts: Facts) -> None:
        self._registry = CollectorRegistry(auto_describe=False)
        self._registry.register(_Outrider(tallies, lag, facts))
        ProcessCollector(registry=self._registry)
        PlatformCollector(registry=self._registry)
        GCCollector(registry=self._registry)

    def render(self, accept: str) -> tuple[str, bytes]:
        """The media type and the text, in OpenMetrics when the `Accept` field names it."""
        if any(part.partition(";")[0].strip().lower() == _OPENMETRICS for part in accept.split(",")):
            return openmetrics.CONTENT_TYPE_LATEST, _openmetrics(self._registry)
        return _TEXT, generate_latest(self._registry)


class _Outrider(Collector):
    def __init__(self, tallies: Tallies, lag: LoopLag, facts: Facts) -> None:
        self._tallies = tallies
        self._lag = lag
        self._facts = facts

    def collect(self) -> Iterable[Family]:
        yield self._requests()
        yield self._durations()
        yield _gauge(metrics.IN_FLIGHT, [((name,), tally.in_flight) for name, tally in self._tallies])
        yield _counter(metrics.REQUEST_BYTES, [((name,), tally.request_bytes) for name, tally in self._tallies])
        yield _counter(metrics.RESPONSE_BYTES, [((name,), tally.response_bytes) for name, tally in self._tallies])
        yield _counter(
            metrics.ATTEMPTS,
            [((name, outcome), n) for name, tally in self._tallies for outcome, n in tally.attempts.items()],
        )
        yield from self._retries()
        yield from self._dedup()
        yield from self._pace()
        yield _counter(
            metrics.ERRORS, [((name, code), n) for name, tally in self._tallies for code, n in tally.errors.items()]
        )
        yield _gauge(
            metrics.CIRCUIT,
            [
                ((name, state), float(state == tally.circuit))
                for name, tally in self._tallies
                if tally.circuit is not None
                for state in CIRCUITS
            ],
        )
        yield from session_families(self._tallies.sessions)
        yield _counter(metrics.EVENT_READERS_DROPPED, [((), self._tallies.events.dropped)])
        yield _counter(metrics.HOOKS, list(self._tallies.hooks))
        yield self._loop_lag()
        yield _gauge(metrics.CONFIG_LOADED, [((), float(self._tallies.configuration.successful))])
        yield _gauge(metrics.CONFIG_LOADED_AT, [((), self._tallies.configuration.loaded_at)])
        yield InfoMetricFamily(metrics.BUILD.name, metrics.BUILD.help, value=self._facts.build)

    def _retries(self) -> Iterable[Family]:
        yield _counter(
            metrics.RETRIES, [((name, why), n) for name, tally in self._tallies for why, n in tally.retries.items()]
        )
        yield _counter(
            metrics.RETRY_BUDGET_EXHAUSTED, [((name,), tally.budget_exhausted) for name, tally in self._tallies]
        )
        yield _counter(metrics.NOT_REPLAYABLE, [((name,), tally.not_replayable) for name, tally in self._tallies])

    def _dedup(self) -> Iterable[Family]:
        yield _counter(metrics.COALESCED, [((name,), tally.coalesced) for name, tally in self._tallies])
        yield _counter(
            metrics.DEDUP, [((name, result), n) for name, tally in self._tallies for result, n in tally.dedup.items()]
        )

    def _pace(self) -> Iterable[Family]:
        wait = metrics.RATE_LIMIT_WAIT
        family = HistogramMetricFamily(wait.name, wait.help, labels=wait.labels, unit=wait.unit)
        for name, tally in self._tallies:
            family.add_metric([name], list(_cumulated(BOUNDS, tally.rate_limit_buckets)), tally.rate_limit_seconds)
        yield family
        yield _counter(metrics.RATE_LIMITED, [((name,), tally.rate_limited) for name, tally in self._tallies])
        known = [((name,), left) for name, tally in self._tallies if (left := tally.quota_remaining) is not None]
        yield _gauge(metrics.QUOTA_REMAINING, known)

    def _requests(self) -> Family:
        return _counter(
            metrics.REQUESTS,
            [
                ((name, method, str(status)), n)
                for name, tally in self._tallies
                for (method, status), n in tally.requests.items()
            ],
        )

    def _durations(self) -> Family:
        described = metrics.DURATION
        family = HistogramMetricFamily(described.name, described.help, labels=described.labels, unit=described.unit)
        for name, tally in self._tallies:
            # Only OpenMetrics has a place for exemplars; the other form leaves them out.
            counts = zip(_cumulated(BOUNDS, tally.buckets), map(_exemplar, tally.exemplars), strict=True)
            buckets = [count if last is None else (*count, last) for count, last in counts]
            family.add_metric([name], buckets, tally.seconds)
        return family

    def _loop_lag(self) -> Family:
        buckets = list(_cumulated(LAG_BOUNDS, self._lag.buckets))
        lag = metrics.LOOP_LAG
        return HistogramMetricFamily(lag.name, lag.help, buckets=buckets, sum_value=self._lag.seconds, unit=lag.unit)


def _cumulated(bounds: Sequence[float], counts: Sequence[int]) -> Iterator[tuple[str, float]]:
    total = 0
    for bound, count in zip((*map(str, bounds), "+Inf"), counts, strict=True):
        total += count
        yield bound, total


def _exemplar(last: Exemplar | None) -> SampleExemplar | None:
    """None also for a name too long to stand here: a caller may choose it."""
    if last is None:
        return None
    seconds, request_id, trace_id = last
    labels = {"trace_id": trace_id} if trace_id else {}
    if 0 < len(request_id) <= _LONGEST_REQUEST_ID:
        labels["request_id"] = request_id.decode("latin-1")
    return SampleExemplar(labels, seconds) if labels else None


_Samples = Sequence[tuple[tuple[str, ...], float]]


def _counter(metric: Metric, samples: _Samples) -> Family:
    family = CounterMetricFamily(metric.name, metric.help, labels=metric.labels, unit=metric.unit)
    for labels, value in samples:
        family.add_metric(labels, value)
    return family


def _gauge(metric: Metric, samples: _Samples) -> Family:
    family = GaugeMetricFamily(metric.name, metric.help, labels=metric.labels, unit=metric.unit)
    for labels, value in samples:
        family.add_metric(labels, value)
    return family
