"""The metrics of profiles whose token is renewed, as families of samples.

What must not live here: names and help texts (`proxy.observe.metrics`), the text forms (`proxy.observe.exposition`).
"""

from collections.abc import Iterator
from itertools import accumulate

from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric

from proxy.observe import metrics
from proxy.observe.session_tally import REFRESH_BOUNDS, SessionTallies

__all__ = ["SESSION_STATES", "session_families"]

SESSION_STATES = ("empty", "valid", "renewing", "cooling", "expired")


def session_families(tallies: SessionTallies) -> Iterator[Metric]:
    described = metrics.TOKEN_REFRESHES
    refreshes = CounterMetricFamily(described.name, described.help, labels=described.labels, unit=described.unit)
    described = metrics.TOKEN_REFRESH_DURATION
    durations = HistogramMetricFamily(described.name, described.help, labels=described.labels, unit=described.unit)
    described = metrics.TOKEN_EXPIRY
    expiries = GaugeMetricFamily(described.name, described.help, labels=described.labels, unit=described.unit)
    described = metrics.SESSION_STATE
    states = GaugeMetricFamily(described.name, described.help, labels=described.labels, unit=described.unit)
    bounds = [*map(str, REFRESH_BOUNDS), "+Inf"]
    for profile, tally in tallies:
        for result, count in tally.refreshes.items():
            refreshes.add_metric([profile, result], count)
        durations.add_metric([profile], list(zip(bounds, accumulate(tally.buckets), strict=True)), tally.seconds)
        expiries.add_metric([profile], tally.expiry)
        current = tally.state()
        for state in SESSION_STATES:
            states.add_metric([profile, state], float(state == current))
    yield from (refreshes, durations, expiries, states)
