"""Whether the daemon lives, has started and wants requests.

What must not live here: what makes it so. The daemon moves the phase; the owners of credentials tell their problems.
"""

from collections.abc import Callable, Sequence
from typing import Literal

__all__ = ["Health", "Phase"]

Phase = Literal["starting", "ready", "draining"]


class Health:
    """`problems` is asked each time and names what keeps the daemon from serving; a problem that ends is forgotten.

    `notes` are worth knowing and keep it from nothing.
    """

    __slots__ = ("_problems", "notes", "phase")

    def __init__(self, problems: Callable[[], Sequence[str]] = tuple) -> None:
        self._problems = problems
        self.phase: Phase = "starting"
        self.notes: list[str] = []

    @property
    def started(self) -> bool:
        return self.phase != "starting"

    @property
    def reasons(self) -> list[str]:
        """Why requests should go elsewhere; empty when ready."""
        if self.phase == "draining":
            return [self.phase]
        return [*([] if self.started else [self.phase]), *self._problems()]
