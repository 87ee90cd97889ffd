"""Builds the stage that leaves a sick upstream alone. All routes of an upstream share one circuit."""

import logging

from proxy.chain.context import Context
from proxy.clock import monotonic
from proxy.message import Stage
from proxy.observe.events import EventLog
from proxy.observe.log import LOGGER, event
from proxy.observe.tally import UpstreamTally
from proxy.policy.breaker import Breaker, Circuit
from proxy.policy.routing import RouteEntry
from proxy.stages.breaker import BreakerStage

__all__ = ["breaker"]

_TOLD = {
    Circuit.CLOSED: (logging.INFO, "circuit.closed", "the upstream answers again; its circuit is closed"),
    Circuit.OPEN: (logging.WARNING, "circuit.opened", "too many calls failed; the upstream is left alone"),
    Circuit.HALF_OPEN: (logging.INFO, "circuit.probing", "probes are sent to the upstream"),
}


def breaker(entry: RouteEntry, context: Context, inner: Stage) -> Stage:
    policy = entry.upstream.config.breaker
    name = entry.upstream.name
    if policy is None:
        context.tallies[name].circuit = None
        return inner
    tallies = context.tallies

    def make() -> Breaker:
        return Breaker(policy, _Teller(name, tallies[name], tallies.events).tell)

    circuit = context.shared(name, Breaker, make, basis=policy)
    return BreakerStage(circuit, monotonic, entry.timeout.total, inner)


class _Teller:
    """Tells metrics, log and readers of events of each change."""

    def __init__(self, upstream: str, tally: UpstreamTally, events: EventLog) -> None:
        self._upstream = upstream
        self._events = events
        self._tally = tally
        self._log = logging.getLogger(LOGGER)
        tally.circuit = Circuit.CLOSED.value

    def tell(self, circuit: Circuit) -> None:
        self._tally.circuit = circuit.value
        level, name, message = _TOLD[circuit]
        event(self._log, level, name, message, upstream=self._upstream)
        self._events.publish(name, upstream=self._upstream)
