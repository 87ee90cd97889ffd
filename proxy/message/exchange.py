"""One caller's request on its way through the stages, and the verb that every stage has."""

from collections.abc import Sequence
from copy import copy
from typing import TYPE_CHECKING, Protocol

from proxy.clock import NEVER

if TYPE_CHECKING:
    from proxy.message.content import RequestContent
    from proxy.message.response import Response
    from proxy.message.trace import Trace

__all__ = ["CookieSet", "Exchange", "Injection", "Stage"]


class Exchange:
    """What the stages know of a request.

    `path` is the target that the upstream will see below its base path, query included, byte for byte as it came.
    `fields` are pairs of name and value as the caller wrote them. `started` and `deadline` are on the loop's clock.
    `host` is the Host value by which the caller met Outrider, `via` the values of its `Via` fields.
    `caller` is the name of the caller, empty where callers are not told apart. `wants_…` and `min_interval` (seconds)
    are the caller's own wishes. `queued` (seconds), `coalesced`, `hedged` and `replayable` (False once its content can
    no longer be sent again) are told to the caller in `Proxy-Status`.
    `auth_wait` is for how long a credential was waited for, `first_byte` how long the upstream took to answer the last
    attempt, where somebody wants to know (seconds); `trace` is the request's span where tracing is on.
    `rewritten` are the fields that interceptors put in, None for none: a part of what makes requests identical.
    `injection` is what the authenticate stage decided to put into the head; the transport writes it.
    """

    __slots__ = (
        "attempts",
        "auth_wait",
        "caller",
        "coalesced",
        "content",
        "deadline",
        "expects_continue",
        "fields",
        "first_byte",
        "hedged",
        "host",
        "injection",
        "method",
        "min_interval",
        "path",
        "queued",
        "refreshed",
        "replayable",
        "request_id",
        "rewritten",
        "started",
        "trace",
        "upgrade",
        "via",
        "wants_auth",
        "wants_dedup",
        "wants_retry",
    )

    def __init__(
        self,
        method: str,
        path: bytes,
        fields: Sequence[tuple[bytes, bytes]],
        request_id: bytes,
        started: float,
    ) -> None:
        self.method = method
        self.path = path
        self.fields = fields
        self.content: RequestContent | None = None
        self.request_id = request_id
        self.started = started
        self.deadline = NEVER
        self.host = b""
        self.via: list[bytes] | None = None
        self.upgrade: bytes | None = None
        self.expects_continue = False
        self.wants_auth = True
        self.wants_retry = True
        self.wants_dedup = True
        self.min_interval = 0.0
        self.caller = ""
        self.attempts = 0
        self.queued = 0.0
        self.auth_wait = 0.0
        self.first_byte = 0.0
        self.coalesced = False
        self.hedged = False
        self.refreshed = False
        self.replayable = True
        self.rewritten: tuple[tuple[bytes, bytes], ...] | None = None
        self.injection: Injection | None = None
        self.trace: Trace | None = None

    def twin(self) -> "Exchange":
        """The same request for a second call at the same time, which has its own attempts, waits and credential."""
        twin = copy(self)
        twin.attempts = 0
        twin.queued = twin.auth_wait = twin.first_byte = 0.0
        twin.injection = None
        return twin

    def get(self, name: bytes) -> bytes | None:
        """The value of the first end-to-end field of this name (lower case)."""
        for field, value in self.fields:
            if field.lower() == name:
                return value
        return None


class Injection(Protocol):
    """A credential in the form in which it goes into a request head. All of its parts are secret."""

    @property
    def lines(self) -> bytes:
        """Complete field lines, each ended by CRLF."""

    @property
    def query(self) -> bytes:
        """`name=value`, percent-encoded, or empty."""

    @property
    def cookie(self) -> bytes:
        """`name=value`, or empty."""


class CookieSet(Protocol):
    """A credential of several cookies, which do not all go everywhere."""

    @property
    def cookie_names(self) -> frozenset[bytes]:
        """The names of all of them: a caller's own of these never go on."""

    def crumbs(self, host: str, path: str, *, secure: bool) -> list[bytes]:
        """`name=value` of those that go to this host and path."""


class Stage(Protocol):
    """A stage of the chain: does its part, and asks the next one inside it."""

    async def send(self, exchange: Exchange) -> "Response":
        """Answer with the upstream's response, or raise an `OutriderError`."""
