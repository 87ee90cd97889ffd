"""Where a session's tokens come from, as the session sees it: by asking, or from outside.

What must not live here: any grant, and when to ask.
"""

from dataclasses import dataclass
from typing import Protocol

from proxy.auth.source import SessionFault, Tokens
from proxy.secret import Secret

__all__ = ["ENDED", "REPLACED", "Failed", "Fresh", "Supplier", "Unkept"]


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


ENDED = Failed(
    "the session was ended, and only a new one helps: `outrider login`, other tokens, or another configured secret",
    terminal=True,
)
REPLACED = Failed("another session has taken its place")


class Supplier(Protocol):
    """Obtains tokens. Asked by one at a time."""

    async def supply(self, held: Secret | None) -> Fresh | Failed:
        """A token other than `held`, which has expired, is about to, or was refused."""

    def changed(self, now: float) -> bool:
        """Whether there are other credentials than those that failed; costs a look at a small file at most."""

    async def install(self, tokens: Tokens) -> Fresh | None:
        """Keep a session from outside in the place of the one that there is; None where a token is still to be asked
        for. Raises SessionFault, and then nothing has changed."""

    async def terminate(self) -> str:
        """Clear the session where it is kept, so that nobody takes it up again; says what there is to say beside that.

        Raises SessionFault where it could not be cleared.
        """

    def version(self) -> object:
        """Something that differs once somebody has written the session anew; cheap, and never raises."""

    async def look(self, held: Secret | None) -> Fresh | Failed | None:
        """What others have made of the session: a token to take, `ENDED`, `REPLACED`; None for nothing new."""

    async def close(self) -> None:
        """Stops what runs for it."""


class Unkept:
    """What a supplier that keeps nothing says to sessions from outside."""

    __slots__ = ()

    async def install(self, tokens: Tokens) -> Fresh | None:
        if tokens.access is None or tokens.refresh is not None:
            raise SessionFault("this profile has no use for a refresh token; give an access token alone")
        return Fresh(tokens.access, tokens.lifetime)

    async def terminate(self) -> str:
        return ""

    def version(self) -> object:
        return None

    async def look(self, held: Secret | None) -> Fresh | Failed | None:
        return None
