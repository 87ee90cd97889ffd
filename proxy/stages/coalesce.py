"""Coalesce: identical requests in flight share one call to the upstream, and for a moment longer its answer.

Outside retry, so that those who share, share the whole outcome and not an attempt. What must not live here: what makes
requests identical and answers fit to be shared (`proxy.policy.dedup`), the call itself (`proxy.stages.flight`).
"""

import asyncio
from dataclasses import dataclass

from proxy.message import Exchange, Response, Stage
from proxy.observe.tally import DedupResult, UpstreamTally
from proxy.policy.answers import AnswerWindow, KeptAnswer, shared_lines
from proxy.policy.dedup import IdentityRules, Key, Variant, digest, may_be_joined_late, may_be_kept
from proxy.stages.flight import Flight, LateEntry, Seat
from proxy.stages.held_content import hold
from proxy.stages.shared_content import ByteBudget, LentContent, SharedContent

__all__ = ["Coalesce", "Sharing"]

_SAFE = frozenset(("GET", "HEAD", "OPTIONS"))


@dataclass(frozen=True, slots=True)
class Sharing:
    """What a route shares: bytes of one content and of all, whether private answers are kept; `total` is in seconds."""

    in_flight: bool = True
    max_bytes: int = 2**20
    total_bytes: int = 64 * 2**20
    include_private: bool = False
    total: float = 0.0


class Coalesce:
    """`window` keeps answers for later requests; None for none."""

    __slots__ = ("_budget", "_flights", "_loop", "_next", "_rules", "_sharing", "_tally", "_window")

    def __init__(
        self,
        rules: IdentityRules,
        sharing: Sharing,
        window: AnswerWindow | None,
        tally: UpstreamTally,
        loop: asyncio.AbstractEventLoop,
        inner: Stage,
    ) -> None:
        self._rules = rules
        self._sharing = sharing
        self._window = window
        self._tally = tally
        self._loop = loop
        self._next = inner
        self._budget = ByteBudget(sharing.total_bytes)
        self._flights: dict[Key, Flight] = {}

    def __len__(self) -> int:
        """Flights that others may join now."""
        return len(self._flights)

    @property
    def held(self) -> int:
        """Bytes of content that are being shared now."""
        return self._budget.used

    async def send(self, exchange: Exchange) -> Response:
        rules = self._rules
        key = rules.key(exchange) if rules.takes_part(exchange) else None
        if key is None:
            return await self._alone(exchange, "bypass")
        content = b""
        if exchange.content is not None:
            held = await hold(exchange, self._sharing.max_bytes)
            if held is None:
                return await self._alone(exchange, "bypass")
            content = digest(held)
            key = rules.key(exchange, content)
            if key is None:
                return await self._alone(exchange, "bypass")
        return await self._enter(exchange, key, content)

    async def _alone(self, exchange: Exchange, result: DedupResult) -> Response:
        self._tally.dedup[result] += 1
        return await self._next.send(exchange)

    async def _enter(self, exchange: Exchange, key: Key, content: bytes) -> Response:
        """Take an answer that is kept, join a flight, or begin one."""
        window = self._window
        if window is not None and (kept := window.find(key, exchange)) is not None:
            return self._repeat(exchange, kept, window)
        flight = self._flights.get(key)
        if flight is None:
            return await self._begin(exchange, key, content)
        if flight.late is not None:
            return await self._enter_late(exchange, key, flight, flight.late)
        outcome = await flight.ride(exchange, leads=False)
        if outcome is None:
            return await self._part(exchange, key, content)
        self._tally.dedup["collapsed"] += 1
        if isinstance(outcome, Response):
            return outcome
        raise outcome

    def _repeat(self, exchange: Exchange, kept: KeptAnswer, window: AnswerWindow) -> Response:
        self._tally.dedup["hit"] += 1
        exchange.coalesced = True
        return Response(kept.status, kept.reason, window.lines(kept), LentContent(kept.content))

    async def _begin(self, exchange: Exchange, key: Key, content: bytes) -> Response:
        self._tally.dedup["miss"] += 1
        flight = Flight(key, content, exchange, self._sharing.total, self, self._loop)
        if self._sharing.in_flight:
            self._flights[key] = flight
        flight.start(self._next)
        outcome = await flight.ride(exchange, leads=True)
        if isinstance(outcome, Response):
            return outcome
        assert outcome is not None, "who leads is always given what came"
        raise outcome

    async def _enter_late(self, exchange: Exchange, key: Key, flight: Flight, late: LateEntry) -> Response:
        response = late.enter(exchange)
        if response is None:
            return await self._begin(exchange, key, flight.content)
        flight.tell(exchange, leads=False)
        self._tally.dedup["collapsed"] += 1
        return response

    async def _part(self, exchange: Exchange, key: Key, content: bytes) -> Response:
        """Go on without the others: with those who are alike by what has just been learnt, or alone."""
        better = self._rules.key(exchange, content)
        if better is None or better == key:
            return await self._alone(exchange, "parted")
        self._tally.dedup["parted"] += 1
        return await self._enter(exchange, better, content)

    # The flights' tower

    def lost(self, flight: Flight) -> None:
        if flight.key is not None and self._flights.get(flight.key) is flight:
            del self._flights[flight.key]

    def landed(self, flight: Flight, response: Response) -> None:
        self.lost(flight)
        variant = self._rules.learn(flight.exchange, response)
        content = response.content
        sole = flight.sole
        if sole is not None and content.complete and self._window is None:
            flight.give(sole, response)
            return
        takers = self._takers(flight, response, variant)
        if not takers:
            response.close()
        else:
            if variant.names:
                flight.key = self._rules.key(flight.exchange, flight.content)
            keeps = self._may_keep(flight, response, variant)
            whole = content.take() if content.complete else None
            if whole is None:
                self._hand_out(flight, takers, response, variant, keeps=keeps)
            else:
                if keeps:
                    self._keep(flight, response, variant, whole)
                self._hand_out_whole(flight, takers, response, whole)

    def _takers(self, flight: Flight, response: Response, variant: Variant) -> list[Seat]:
        """Who is given this answer; the others are told to go on without it."""
        waiting = flight.waiting
        takers = [seat for seat in waiting if seat.leads or variant.fits(seat.exchange)]
        # What must not happen twice is shared at any size: nobody reads ahead of the slowest by more than the cap.
        if not self._fits(response) and flight.exchange.method in _SAFE:
            del takers[1:]
        if len(takers) < len(waiting):
            chosen = set(takers)
            for seat in waiting:
                if seat not in chosen:
                    flight.give(seat, None)
        return takers

    def _fits(self, response: Response) -> bool:
        size = response.content.length
        return size is None or size <= self._sharing.max_bytes

    def _may_keep(self, flight: Flight, response: Response, variant: Variant) -> bool:
        return (
            self._window is not None
            and flight.key is not None
            and may_be_kept(response, variant, include_private=self._sharing.include_private)
        )

    def _keep(self, flight: Flight, response: Response, variant: Variant, content: bytes) -> None:
        if self._window is not None and flight.key is not None and len(content) <= self._sharing.max_bytes:
            self._window.keep(flight.key, response.status, response.reason, response.lines, content, variant)

    def _hand_out_whole(self, flight: Flight, takers: list[Seat], response: Response, whole: bytes) -> None:
        lines = shared_lines(response.lines) if len(takers) > 1 or not takers[0].leads else []
        for seat in takers:
            own = response.lines if seat.leads else lines
            flight.give(seat, Response(response.status, response.reason, own, LentContent(whole)))

    def _hand_out(
        self, flight: Flight, takers: list[Seat], response: Response, variant: Variant, *, keeps: bool
    ) -> None:
        """The content is still coming: all read it together, and late comers join while all of it is held."""
        joinable = self._sharing.in_flight and flight.key is not None and may_be_joined_late(response, variant)
        fits = self._fits(response)
        if len(takers) == 1 and takers[0].leads and not (fits and (joinable or keeps)):
            flight.give(takers[0], response)
            return
        shared = SharedContent(response.content, self._sharing.max_bytes, self._budget)

        def closed() -> None:
            self.lost(flight)
            if keeps and (whole := shared.whole) is not None:
                self._keep(flight, response, variant, whole)

        shared.on_closed = closed
        lines = shared_lines(response.lines)
        for seat in takers:
            own = response.lines if seat.leads else lines
            flight.give(seat, Response(response.status, response.reason, own, shared.join()))
        if joinable and fits and flight.key is not None:
            flight.late = LateEntry(response, lines, variant, shared)
            self._flights.setdefault(flight.key, flight)
