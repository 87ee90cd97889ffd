"""One call to the upstream that several requests wait for: who is aboard, and how each is given its part.

The call runs in a task of its own, so that nobody's leaving ends it but the last one's. What must not live here:
which requests are identical (`proxy.policy.dedup`), who is given what (`proxy.stages.coalesce`).
"""

import asyncio
import copy
from typing import Protocol

from proxy.clock import NEVER
from proxy.errors import DeadlineExceeded
from proxy.message import Exchange, Response, Stage
from proxy.policy.dedup import Key, Variant
from proxy.stages.shared_content import SharedContent

__all__ = ["Flight", "LateEntry", "Outcome", "Seat", "Tower"]

Outcome = Response | Exception | None
"""What a request is given: an answer, the failure that it shares, or None where it must go by itself."""


class Seat:
    """One request aboard. `leads` tells whether the call is its own."""

    __slots__ = ("arrival", "exchange", "leads")

    def __init__(self, exchange: Exchange, arrival: "asyncio.Future[Outcome]", leads: bool) -> None:
        self.exchange = exchange
        self.arrival = arrival
        self.leads = leads


class LateEntry:
    """An answer whose head has come, for those who come after it: they read its content from the beginning."""

    __slots__ = ("_lines", "_reason", "_shared", "_status", "_variant")

    def __init__(self, response: Response, lines: list[bytes], variant: Variant, shared: SharedContent) -> None:
        self._status = response.status
        self._reason = response.reason
        self._shared = shared
        self._lines = lines
        self._variant = variant

    def enter(self, exchange: Exchange) -> Response | None:
        """None where this answer is not the one that `exchange` would have been given, or it is too late."""
        if not self._shared.open or not self._variant.fits(exchange):
            return None
        return Response(self._status, self._reason, self._lines, self._shared.join())


class Tower(Protocol):
    """Who sends flights and says who is given what."""

    def landed(self, flight: "Flight", response: Response) -> None:
        """The answer's head is here: settle each of `flight.waiting`."""

    def lost(self, flight: "Flight") -> None:
        """The call failed or was given up: nobody can join it any more."""


class Flight:
    """`exchange` is the one that is sent: the first one's, but for a deadline that is its caller's own wish.

    `key` is what those aboard have in common, None once the answer turned out to be nobody else's; `content` is the
    part of it that stands for the request's content. `total` is the route's limit in seconds, 0 for none.
    """

    __slots__ = ("_loop", "_seats", "_task", "_tower", "content", "deadline", "exchange", "key", "landed", "late")

    def __init__(
        self,
        key: Key | None,
        content: bytes,
        exchange: Exchange,
        total: float,
        tower: Tower,
        loop: asyncio.AbstractEventLoop,
    ) -> None:
        self.key = key
        self.content = content
        self.deadline = exchange.started + total if total else NEVER
        if exchange.deadline < self.deadline:
            exchange = copy.copy(exchange)
            exchange.deadline = self.deadline
        self.exchange = exchange
        self.landed = False
        self.late: LateEntry | None = None
        self._loop = loop
        self._tower = tower
        self._seats: dict[Seat, None] = {}
        self._task: asyncio.Task[None] | None = None

    def start(self, stage: Stage) -> None:
        self._task = self._loop.create_task(self._run(stage))

    @property
    def coroutine(self) -> object:
        """What makes the call."""
        return None if self._task is None else self._task.get_coro()

    @property
    def sole(self) -> Seat | None:
        """The first one's seat, when nobody else ever came and it still waits."""
        if len(self._seats) > 1 or not self._seats:
            return None
        (seat,) = self._seats
        return seat if seat.leads and not seat.arrival.done() else None

    async def ride(self, exchange: Exchange, *, leads: bool) -> Outcome:
        """Wait for what `exchange` is given. Raises DeadlineExceeded when its own deadline comes first."""
        seat = Seat(exchange, self._loop.create_future(), leads)
        self._seats[seat] = None
        try:
            if exchange.deadline >= self.deadline:
                return await seat.arrival
            async with asyncio.timeout_at(exchange.deadline):
                return await seat.arrival
        except TimeoutError:
            exchange.attempts = self.exchange.attempts
            self._leave(seat)
            raise DeadlineExceeded("The request's deadline passed before its shared answer came.") from None
        except asyncio.CancelledError:
            self._leave(seat)
            raise

    @property
    def waiting(self) -> list[Seat]:
        """Who has not been given anything yet, and has not left."""
        return [seat for seat in self._seats if not seat.arrival.done()]

    def _leave(self, seat: Seat) -> None:
        arrival = seat.arrival
        if arrival.done() and not arrival.cancelled():
            outcome = arrival.result()
            if isinstance(outcome, Response):
                outcome.close()
            return
        self._seats.pop(seat, None)
        if not self._seats and not self.landed and self._task is not None:
            self._tower.lost(self)
            self._task.cancel()

    async def _run(self, stage: Stage) -> None:
        try:
            response = await stage.send(self.exchange)
            self.landed = True
            self._tower.landed(self, response)
        except asyncio.CancelledError:
            # Nobody is left, or the daemon ends: who still waits is to end, too.
            self._tower.lost(self)
            for seat in self.waiting:
                seat.arrival.cancel()
            raise
        except Exception as error:
            # Whatever it is, those who wait must hear of it; each gets a copy, as a raised one gathers its way.
            self._tower.lost(self)
            for seat in self.waiting:
                self.give(seat, copy.copy(error))

    def give(self, seat: Seat, outcome: Outcome) -> None:
        if outcome is not None:
            self.tell(seat.exchange, leads=seat.leads)
        seat.arrival.set_result(outcome)

    def tell(self, exchange: Exchange, *, leads: bool) -> None:
        """Note on `exchange` what the call that it shares took."""
        sent = self.exchange
        if exchange is not sent:
            exchange.attempts, exchange.hedged = sent.attempts, sent.hedged
            exchange.coalesced = not leads
