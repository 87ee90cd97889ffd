"""The stage inside the one that a test is about: the test decides what becomes of each call."""

import asyncio

from proxy.errors import OutriderError
from proxy.message import Exchange, Response

__all__ = ["Arriving", "Call", "NextStage", "exchange", "failure", "settle"]


class Arriving:
    """Content that is still on its way, until it is read to the end or closed."""

    length: int | None = None

    def __init__(self) -> None:
        self.closed = False
        self.complete = False

    def take(self) -> bytes | None:
        return None

    async def read(self) -> bytes:
        self.complete = True
        return b""

    def close(self) -> None:
        self.closed = True


class Call:
    """One call that reached the stage. `began` follows the order of calls; `cancelled` tells that it was given up."""

    def __init__(self, exchange: Exchange) -> None:
        self.exchange = exchange
        self.outcome: asyncio.Future[Response] = asyncio.get_running_loop().create_future()
        self.cancelled = False
        self.content = Arriving()

    def answer(self, status: int = 200, *, whole: bool = True) -> None:
        """Answer, with nothing or with content that is still arriving."""
        response = Response(status, b"", [])
        if not whole:
            response.content = self.content
        self.outcome.set_result(response)

    def fail(self, error: BaseException) -> None:
        self.outcome.set_exception(error)


class NextStage:
    """Each call counts as an attempt when it arrives, as on the wire, unless `on_wire` is false."""

    def __init__(self) -> None:
        self.calls: list[Call] = []
        self.on_wire = True

    async def send(self, exchange: Exchange) -> Response:
        exchange.attempts += self.on_wire
        call = Call(exchange)
        self.calls.append(call)
        try:
            return await call.outcome
        except asyncio.CancelledError:
            call.cancelled = True
            # What had been answered in the same moment is closed by whoever would have handed it on.
            if call.outcome.done() and not call.outcome.cancelled() and call.outcome.exception() is None:
                call.outcome.result().close()
            raise


def exchange(method: str = "GET", caller: str = "") -> Exchange:
    made = Exchange(method, b"/", [], b"id", asyncio.get_running_loop().time())
    made.caller = caller
    return made


async def settle() -> None:
    """Let everything run that can run now."""
    for _ in range(8):
        await asyncio.sleep(0)


async def failure(task: "asyncio.Task[Response]") -> OutriderError:
    """The error that the task ends with."""
    try:
        await task
    except OutriderError as error:
        return error
    raise AssertionError("it answered")
