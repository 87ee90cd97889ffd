"""A web application with a login form, a CSRF token, and a session in a cookie; and the same as JSON with a token.

What it answers to those who are not logged in is a redirect to the form, or under `/page` the form itself.
"""

from typing import Any
from urllib.parse import parse_qs

from tests.peers.grammar import Request
from tests.peers.raw_upstream import Connection, Scripted
from tests.peers.token_server import answer

__all__ = ["PASSWORD", "Portal"]

PASSWORD = 'p&ss"wörd'
_FORM = '<form action="/login"><input type=hidden name=csrf value="{}"></form>'


class Portal(Scripted):
    """Listens for as long as the `async with` lasts. `session` is the one that it takes, beside those of `also`;
    `logins` are those tried. Answers to who is logged in set the cookies of `sets`."""

    def __init__(self) -> None:
        self.session = ""
        self.also: set[str] = set()
        self.sets: list[bytes] = []
        self.logins: list[dict[str, Any]] = []
        self.requests: list[Request] = []
        super().__init__()

    async def _serve(self, connection: Connection) -> None:
        while True:
            request = await connection.request()
            await connection.send(self._answer(request))

    def _answer(self, request: Request) -> bytes:
        path = request.head.target.partition(b"?")[0]
        if path == b"/login":
            return self._page() if request.head.method == b"GET" else self._log_in(request)
        self.requests.append(request)
        cookies = (request.head.get(b"cookie") or b"").split(b"; ")
        if any(f"session={taken}".encode() in cookies for taken in (self.session, *self.also) if taken):
            return answer(200, {"hello": "there"}, *(b"Set-Cookie: " + one for one in self.sets))
        if path == b"/page":
            return answer(200, _FORM.format("x").encode(), media=b"text/html")
        return answer(302, b"", b"Location: /login?next=" + path)

    def _page(self) -> bytes:
        return answer(200, _FORM.format("t0k&amp;n").encode(), b"Set-Cookie: pre=1; Path=/login", media=b"text/html")

    def _log_in(self, request: Request) -> bytes:
        form = {name: values[0] for name, values in parse_qs(request.content.decode()).items()}
        self.logins.append(form)
        if request.head.get(b"cookie") != b"pre=1" or form.get("csrf") != "t0k&n" or form.get("password") != PASSWORD:
            return answer(200, _FORM.format("again").encode(), media=b"text/html")
        self.session = f"s{len(self.logins)}"
        return answer(
            302,
            b"",
            b"Location: /",
            f"Set-Cookie: session={self.session}; Path=/; HttpOnly".encode(),
            b"Set-Cookie: admin=1; Path=/admin",
        )
