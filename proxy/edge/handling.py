"""The frame around every request, proxied or answered here: whatever happens in it, it is answered and settled.

What must not live here: what a request means, how it is answered, what is counted.
"""

import asyncio
import logging
from abc import ABC, abstractmethod
from typing import ClassVar

from aiohttp.http import RawRequestMessage
from aiohttp.streams import StreamReader

from proxy.clock import monotonic
from proxy.edge.caller import CallerConnection
from proxy.edge.server import EdgeServer
from proxy.edge.visit import Visit
from proxy.errors import InternalError, OutriderError
from proxy.policy.guard import Guard

__all__ = ["Handling"]


class Handling(ABC):
    """`server` and the guards are set once the addresses are known."""

    __slots__ = ("_log", "guard", "server", "socket_guard")

    server: EdgeServer
    guard: Guard
    socket_guard: Guard
    defect: ClassVar[str]
    """Name of the event of a defect of ours."""

    def __init__(self, log: logging.Logger) -> None:
        self._log = log

    async def __call__(self, connection: CallerConnection, message: RawRequestMessage, payload: StreamReader) -> bool:
        """Whether another request may follow on the connection."""
        visit = Visit(connection, message, payload, self.server.new_request_id(), monotonic())
        connection.visit = visit
        try:
            await self._serve(visit)
        except OutriderError as error:
            self._answer_error(visit, error)
        except ConnectionError:
            visit.note_gone()
        except asyncio.CancelledError:
            ending = connection.take_ending(visit)
            if ending is None:
                visit.note_gone()
                raise
            self._answer_error(visit, ending)
        except Exception:
            # Whatever else goes wrong is a defect of ours: it is logged and answered, and the connection ends.
            self._log.exception("internal error", extra={"event": self.defect})
            self._answer_error(visit, InternalError("Outrider failed at this request; its log has the trace."))
        finally:
            now = monotonic()
            self._settle(visit, now)
            connection.visit = None
            connection.rest(now)
        return visit.keep_alive

    @abstractmethod
    async def _serve(self, visit: Visit) -> None:
        """Answer it. Raises OutriderError for what cannot be served, ConnectionError when the caller is gone."""

    @abstractmethod
    def _answer_error(self, visit: Visit, error: OutriderError) -> None:
        """Answer with the error, or cut an answer that has begun."""

    @abstractmethod
    def _settle(self, visit: Visit, now: float) -> None:
        """It is over."""
