"""Where a session's tokens come from, as the session sees it, and what may come of asking.

What must not live here: any grant, and when to ask.
"""

from dataclasses import dataclass
from typing import Protocol

from proxy.secret import Secret

__all__ = ["Failed", "Fresh", "Supplier"]


@dataclass(frozen=True, slots=True)
class Fresh:
    """A token, good for `lifetime` seconds from now; `shared` when another process had got it."""

    token: Secret
    lifetime: float
    shared: bool = False


@dataclass(frozen=True, slots=True)
class Failed:
    """No token, for now, or for good (`terminal`: only new credentials help).

    `detail` may be shown to callers, `said` is for logs only. `retry_after` is in seconds, where somebody named it.
    """

    detail: str
    said: str = ""
    retry_after: float | None = None
    terminal: bool = False

    def __str__(self) -> str:
        return f"{self.detail}: {self.said}" if self.said else self.detail


class Supplier(Protocol):
    """Obtains tokens. Asked by one at a time."""

    async def supply(self, held: Secret | None) -> Fresh | Failed:
        """A token other than `held`, which has expired, is about to, or was refused."""

    def changed(self, now: float) -> bool:
        """Whether there are other credentials than those that failed; costs a look at a small file at most."""

    async def close(self) -> None:
        """Stops what runs for it."""
