"""The API that the written configurations stand in front of: takes a token server's tokens, fails and waits as told.

It echoes content. `failing` are statuses for the next requests of good credential, in turn; while `gate` is there it is
waited for before each answer, and `most` is how many requests waited at once.
"""

import asyncio

from tests.peers.grammar import Request
from tests.peers.raw_upstream import Connection, Scripted
from tests.peers.token_server import TokenServer, answer

__all__ = ["ContractApi"]


class ContractApi(Scripted):
    """Listens for as long as the `async with` lasts."""

    def __init__(self, tokens: TokenServer | None) -> None:
        self._tokens = tokens
        self.failing: list[int] = []
        self.gate: asyncio.Event | None = None
        self.waiting = self.most = 0
        super().__init__()

    @property
    def requests(self) -> list[Request]:
        return self._raw.requests

    @property
    def targets(self) -> list[bytes]:
        return self._raw.targets

    async def waits(self, count: int) -> None:
        """Until so many requests wait for the gate."""
        async with asyncio.timeout(10):
            while self.waiting < count:
                await asyncio.sleep(0.005)

    async def _serve(self, connection: Connection) -> None:
        while True:
            request = await connection.request()
            if self.gate is not None:
                self.waiting += 1
                self.most = max(self.most, self.waiting)
                await self.gate.wait()
                self.waiting -= 1
            await connection.send(self._answer(request))

    def _answer(self, request: Request) -> bytes:
        field = (request.head.get(b"authorization") or b"").decode()
        if self._tokens is not None and not self._tokens.takes(field.removeprefix("Bearer ")):
            return answer(401, {"message": "no"}, b'WWW-Authenticate: Bearer error="invalid_token"')
        if self.failing:
            return answer(self.failing.pop(0), {"message": "not now", "error": "busy"})
        return answer(200, request.content or b"ok", media=b"text/plain")
