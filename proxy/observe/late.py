"""The exposition, loaded when it is first needed: the metrics library would be a tenth of the time of a start.

What must not live here: what is shown (`proxy.observe.exposition`).
"""

from typing import Protocol

from proxy.observe.lag import LoopLag
from proxy.observe.tally import Tallies

__all__ = ["LateExposition", "Renderer"]


class Renderer(Protocol):
    """What writes the metrics."""

    def render(self, accept: str) -> tuple[str, bytes]:
        """The media type and the text, in OpenMetrics when the `Accept` field names it."""


class LateExposition:
    """A `Renderer` that costs nothing until somebody asks, or until `load` is called, which any thread may do."""

    def __init__(self, tallies: Tallies, lag: LoopLag, build: dict[str, str]) -> None:
        self._sources = (tallies, lag)
        self._build = build
        self._renderer: Renderer | None = None

    def load(self) -> Renderer:
        if self._renderer is None:
            from proxy.observe.exposition import Exposition, Facts

            self._renderer = Exposition(*self._sources, Facts(self._build))
        return self._renderer

    def render(self, accept: str) -> tuple[str, bytes]:
        return self.load().render(accept)
