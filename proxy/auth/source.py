"""What every credential source promises, and the form in which a credential goes into a request.

What must not live here: any scheme, and how secrets are read.
"""

from dataclasses import dataclass
from typing import NoReturn, Protocol

from proxy.secret import REDACTED, Secret

__all__ = ["CredentialSource", "NotASession", "PreparedInjection", "SessionFault", "StaticSource", "Tokens"]


@dataclass(frozen=True, slots=True, repr=False)
class PreparedInjection:
    """Bytes prepared once per value of a credential: an `Injection` of `proxy.message.exchange`. Prints redacted."""

    lines: bytes = b""
    query: bytes = b""
    cookie: bytes = b""

    def __repr__(self) -> str:
        return f"PreparedInjection({REDACTED})"

    def __reduce__(self) -> NoReturn:
        raise TypeError("a credential is not serialised")


@dataclass(frozen=True, slots=True, repr=False)
class Tokens:
    """A session from outside: an access token that is good for `lifetime` seconds, a refresh token, or both."""

    access: Secret | None
    refresh: Secret | None
    lifetime: float = 0.0
    scope: str = ""

    def __repr__(self) -> str:
        return f"Tokens({REDACTED})"

    def check(self) -> None:
        """Raises SessionFault where no session can begin with them."""
        if self.access is None and self.refresh is None:
            raise SessionFault("there is neither an access token nor a refresh token")
        if self.access is not None and self.lifetime <= 0:
            raise SessionFault("the access token has expired already")


class SessionFault(Exception):
    """A session could not be begun or ended from outside. `detail` says why and what to do, and holds no secret."""

    def __init__(self, detail: str) -> None:
        super().__init__(detail)
        self.detail = detail


class NotASession(SessionFault):
    """The profile has a credential that is not a session: there is nothing to begin or to end."""


class CredentialSource(Protocol):
    """One profile's credential, as it is now."""

    @property
    def strip(self) -> frozenset[bytes]:
        """Canonical names (lower case, hyphens) of the fields that the credential owns; a caller's own are removed."""

    @property
    def query_name(self) -> bytes:
        """Name of the query parameter it owns, percent-decoded; empty for none."""

    @property
    def cookie_name(self) -> bytes:
        """Name of the cookie it owns; empty for none."""

    @property
    def problem(self) -> str | None:
        """What is wrong now, for logs; an earlier credential may still be valid and handed out."""

    def peek(self, now: float) -> PreparedInjection | None:
        """The credential at monotonic `now`, the same object while it is the same; None when it must be awaited."""

    async def current(self) -> PreparedInjection:
        """The credential, waited for; raises CredentialUnavailable or SessionExpired."""

    @property
    def unusable(self) -> str | None:
        """Why requests that need the credential cannot be served now; None where nothing is known against it."""

    def may_refresh(self, rejected: PreparedInjection) -> bool:
        """Whether there may be another credential in the place of one that an upstream refused; costs nothing."""

    def reject(self, rejected: PreparedInjection) -> None:
        """An upstream refused it: if it is still the current one, another is sought, and nobody waits for it here."""

    async def refresh(self, rejected: PreparedInjection) -> PreparedInjection | None:
        """As `reject`, waiting for the other one; None when there is no other. Raises as `current` does."""

    def replayed(self, injection: PreparedInjection, *, accepted: bool) -> None:
        """What an upstream said to a request that was repeated with `injection`."""

    async def renew(self) -> None:
        """Ask for another one now; what there is serves until then. Raises as `current` does, or SessionFault."""

    async def install(self, tokens: Tokens) -> None:
        """Put a session from outside in place at once: kept first, then used by all who wait. Raises SessionFault."""

    async def terminate(self) -> str:
        """Clear the session everywhere; requests answer SessionExpired until there is another one.

        Says what there is to say beside that (of a revocation), or nothing. Raises SessionFault where it is cleared in
        memory alone.
        """

    async def start(self) -> None:
        """Obtains the credential once, so that a start can warn; raises as `current` does."""

    async def close(self) -> None:
        """Stops what runs for it; it hands out nothing new afterwards."""


class StaticSource:
    """What a credential that is no session says to sessions from outside."""

    __slots__ = ()

    async def renew(self) -> None:
        raise NotASession("this profile's credential stands in the configuration; there is no session to renew")

    async def install(self, tokens: Tokens) -> None:
        raise NotASession("this profile's credential stands in the configuration; there is no session to begin")

    async def terminate(self) -> str:
        raise NotASession("this profile's credential stands in the configuration; there is no session to end")
