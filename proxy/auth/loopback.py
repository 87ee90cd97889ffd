"""The one request that a browser brings back to this machine (RFC 8252 §7.3), and the page that it gets.

Whatever else comes to the port is turned away and waited past: any page can send a browser here. What must not live
here: what the answer means.
"""

import asyncio
import contextlib
from collections.abc import Callable, Mapping
from types import TracebackType
from typing import Self
from urllib.parse import parse_qsl, urlsplit

__all__ = ["Loopback"]

_LARGEST = 16 * 1024
_SLOWEST = 5.0
_HEAD = (
    "HTTP/1.1 {status}\r\nContent-Type: text/html; charset=utf-8\r\nContent-Length: {length}\r\n"
    "Cache-Control: no-store\r\nReferrer-Policy: no-referrer\r\nX-Content-Type-Options: nosniff\r\n"
    "Content-Security-Policy: default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'\r\n"
    "Connection: close\r\n\r\n"
)
_PAGE = (
    "<!doctype html><html lang=en><meta charset=utf-8><title>Outrider</title>"
    "<body style='font:1.1em system-ui;margin:4em auto;max-width:30em'><h1>{title}</h1><p>{text}</p>"
)


class Loopback:
    """Listens as long as the `async with` lasts. `address` is where the browser is to come, with the real port."""

    def __init__(self, path: str, is_ours: Callable[[Mapping[str, str]], bool]) -> None:
        self.address = ""
        self._path = path
        self._is_ours = is_ours
        self._server: asyncio.Server | None = None
        self._answer: asyncio.Future[Mapping[str, str]] = asyncio.get_running_loop().create_future()

    @classmethod
    async def open(cls, redirect_uri: str, is_ours: Callable[[Mapping[str, str]], bool]) -> Self:
        """Raises OSError. `is_ours` tells the awaited request from others by its parameters."""
        parts = urlsplit(redirect_uri)
        host = parts.hostname or "127.0.0.1"
        loopback = cls(parts.path or "/", is_ours)
        loopback._server = await asyncio.start_server(loopback._serve, host, parts.port or 0, limit=_LARGEST)
        port = loopback._server.sockets[0].getsockname()[1]
        shown = f"[{host}]" if ":" in host else host
        loopback.address = f"http://{shown}:{port}{parts.path}"
        return loopback

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._server is not None:
            self._server.close()
        self._answer.cancel()

    async def wait(self, seconds: float) -> Mapping[str, str] | None:
        """The parameters that came with the browser; None where it has not come yet."""
        await asyncio.wait((self._answer,), timeout=seconds)
        return self._answer.result() if self._answer.done() else None

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            async with asyncio.timeout(_SLOWEST):
                head = await reader.readuntil(b"\r\n\r\n")
                status, title, text, answer = self._judge(head)
                page = _PAGE.format(title=title, text=text).encode()
                writer.write(_HEAD.format(status=status, length=len(page)).encode() + page)
                await writer.drain()
            if answer is not None and not self._answer.done():
                self._answer.set_result(answer)
        except (OSError, ValueError, TimeoutError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            # Whoever that was, the browser is still to come.
            pass
        finally:
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()

    def _judge(self, head: bytes) -> tuple[str, str, str, Mapping[str, str] | None]:
        method, _, rest = head.split(b"\r\n", 1)[0].decode("latin-1").partition(" ")
        target = urlsplit(rest.rpartition(" ")[0])
        if method != "GET" or target.path != self._path:
            return "404 Not Found", "Nothing here", "This address only waits for the end of a login.", None
        answer = dict(parse_qsl(target.query, max_num_fields=50))
        if not self._is_ours(answer):
            return "400 Bad Request", "Not this login", "This answer belongs to no login that was begun here.", None
        if "error" in answer:
            return "200 OK", "Not logged in", "The terminal says why. You can close this page.", answer
        return "200 OK", "Almost done", "The terminal says how it ended. You can close this page.", answer
