"""Interceptors that fail in every way that code of others can, each time with secrets in their words; and a defect.

The file stands beside the configuration of a `LeakyWorld`.
"""

import asyncio
import threading
from typing import Any

from proxy.intercept import Refused
from proxy.stages.transport import Transport

_send = Transport.send


async def _defective(transport: Transport, exchange: Any) -> Any:
    """What only a mistake of Outrider's own could do, next to the wire, where the credential is at hand."""
    if not exchange.path.startswith(b"/defect"):
        return await _send(transport, exchange)
    head = transport._outgoing.encode(exchange)
    try:
        raise KeyError(head)
    except KeyError as error:
        raise RuntimeError(f"{head!r} {exchange.fields!r}") from error


setattr(Transport, "send", _defective)  # noqa: B010 - a method is not assigned to


class Broken:
    def on_request(self, request: Any) -> None:
        told = dict(request.fields)
        try:
            raise KeyError(f"inner {told} {request.query}")
        except KeyError as error:
            raise ValueError(f"outer {told} {request.query}") from error


class Closed:
    def on_request(self, request: Any) -> None:
        raise Refused("Closed.")


class System:
    """As libraries do whose errors are those of the system with words of their own."""

    def on_request(self, request: Any) -> None:
        raise OSError(5, f"{dict(request.fields)}", request.query)


class Sloppy:
    """Nobody is told of what goes wrong here."""

    def on_request(self, request: Any) -> None:
        told = f"{dict(request.fields)} {request.query}"

        class Ends:
            def __del__(self) -> None:
                raise ValueError(told)

        async def in_a_task() -> None:
            raise ValueError(told)

        def fails() -> None:
            raise ValueError(told)

        Ends()
        loop = asyncio.get_running_loop()
        loop.create_task(in_a_task())  # noqa: RUF006 - this is what goes wrong
        loop.call_soon(fails)
        threading.Thread(target=fails).start()
