"""What the admin plane looks at and acts on: the parts of a running daemon, asked for each time, since a reload may
replace them.

What must not live here: what is shown of them.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from proxy.admin.health import Health
from proxy.clock import Clock, monotonic, wall
from proxy.config.model import Config
from proxy.edge.visit import Visit
from proxy.observe.late import Renderer
from proxy.observe.tally import Tallies
from proxy.pipeline import Pipeline

__all__ = ["Subject"]


@dataclass(frozen=True, slots=True)
class Subject:
    """`facts` are what is running, by name; `visits` the requests in flight, oldest first; `clock` is the loop's."""

    health: Health
    exposition: Renderer
    tallies: Tallies
    config: Callable[[], Config]
    pipeline: Callable[[], Pipeline | None]
    visits: Callable[[], list[Visit]]
    addresses: Callable[[], Sequence[str]]
    facts: Mapping[str, str] = field(default_factory=dict)
    clock: Clock = monotonic
    wall: Clock = wall
