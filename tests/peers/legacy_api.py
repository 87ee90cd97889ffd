"""An API that is older than OAuth: its own refresh call takes the current token in JSON and gives the next one.

`/auth/refresh` is that call, everything else the API. It answers an ended token in its own way, under 200.
"""

import json
from typing import Any

from tests.peers.grammar import Request
from tests.peers.raw_upstream import Connection, Scripted
from tests.peers.token_server import answer

__all__ = ["LegacyApi"]


class LegacyApi(Scripted):
    """Listens for as long as the `async with` lasts. `token` is the one that it takes; `refreshes` are what it was
    sent. `superseded` counts refreshes with a token that was used up."""

    def __init__(self) -> None:
        self.token = "token-0"
        self.refreshes: list[dict[str, Any]] = []
        self.fields: list[Request] = []
        self.superseded = 0
        self.ended = False
        self.calls = 0
        self.refusal = 200
        """The status of what says that the token has ended."""
        self.failing = 0
        """A status that every call of the API is answered with."""
        super().__init__()

    async def _serve(self, connection: Connection) -> None:
        while True:
            request = await connection.request()
            refreshing = request.head.target.partition(b"?")[0] == b"/auth/refresh"
            await connection.send(self._refresh(request) if refreshing else self._api(request))

    def _api(self, request: Request) -> bytes:
        self.calls += 1
        if self.ended or request.head.get(b"authorization") != f"Bearer {self.token}".encode():
            return answer(self.refusal, {"code": 401, "message": "the token expired"})
        if self.failing:
            return answer(self.failing, {"code": 7, "error": "no such thing"})
        return answer(200, {"code": 0, "data": "here you are"})

    def _refresh(self, request: Request) -> bytes:
        asked = json.loads(request.content)
        self.refreshes.append(asked)
        self.fields.append(request)
        if asked["token"] != self.token:
            self.superseded += 1
            return answer(200, {"code": 401, "message": "token expired"})
        self.token = f"token-{len(self.refreshes)}"
        self.ended = False
        return answer(200, {"code": 0, "data": {"access_token": self.token, "ttl": "3600"}})
