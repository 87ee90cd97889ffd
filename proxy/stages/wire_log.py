"""Wire log: writes the heads of requests and answers as they pass, for who looks for a mistake.

There only where it is asked for. Heads are masked before anything else is done with them. What must not live here: what
may be shown (`proxy.policy.masking`).
"""

import logging
from collections.abc import Callable, Sequence
from typing import Literal

from proxy.message import Exchange, Response, Stage
from proxy.observe.log import LOGGER, event
from proxy.observe.tally import METHODS
from proxy.policy.masking import masked_fields, masked_target

__all__ = ["Head", "Side", "WireLog"]

Side = Literal["caller", "upstream"]
Head = Callable[[Exchange], tuple[bytes, Sequence[tuple[bytes, bytes]]]]
"""The target and the fields of a request as they are on this side."""


class WireLog:
    """`hidden` are the canonical names of fields whose values are never shown."""

    __slots__ = ("_head", "_hidden", "_log", "_next", "_side")

    def __init__(self, side: Side, head: Head, hidden: frozenset[bytes], inner: Stage) -> None:
        self._side = side
        self._head = head
        self._hidden = hidden
        self._next = inner
        self._log = logging.getLogger(LOGGER)

    async def send(self, exchange: Exchange) -> Response:
        if not self._log.isEnabledFor(logging.INFO):
            return await self._next.send(exchange)
        target, fields = self._head(exchange)
        method = exchange.method if exchange.method in METHODS else "OTHER"
        self._write(exchange, "request", f"{method} {masked_target(target)}", fields)
        response = await self._next.send(exchange)
        pairs = [(name, value) for name, _, value in (line.partition(b":") for line in response.lines)]
        self._write(exchange, "response", str(response.status), pairs)
        return response

    def _write(self, exchange: Exchange, what: str, start: str, fields: Sequence[tuple[bytes, bytes]]) -> None:
        event(
            self._log,
            logging.INFO,
            f"wire.{what}",
            f"{what} on the {self._side}'s side: {start}",
            outrider__request_id=exchange.request_id.decode("latin-1"),
            outrider__wire__fields=masked_fields(fields, self._hidden),
        )
