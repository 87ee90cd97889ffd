"""Asking a running daemon's admin listener, with the standard library alone so that it starts fast.

What must not live here: what is asked, and what is made of the answer.
"""

import http.client
import json
import socket
from collections.abc import Mapping

__all__ = ["DEFAULT", "Unreachable", "admin_url", "ask"]

DEFAULT = "127.0.0.1:9901"
TIMEOUT = 3.0
MOST = 64 * 1024
"""Bytes of an answer that are read where no other number is asked for."""

_WILDCARDS = {"0.0.0.0": "127.0.0.1", "[::]": "[::1]"}  # noqa: S104 - names to be replaced, bound by nobody here


class Unreachable(Exception):
    """The listener did not answer. The message is one line for a user."""


def admin_url(given: str | None, listen: str | None, environ: Mapping[str, str]) -> str:
    """Where to ask: the flag, the environment, the address in a file, the default; whichever comes first.

    `OUTRIDER_ADMIN_LISTEN` counts too, since a daemon started with the same environment listens there. Of several
    addresses it is the first.
    """
    candidates = (given, environ.get("OUTRIDER_ADMIN"), environ.get("OUTRIDER_ADMIN_LISTEN"), listen)
    chosen = next((candidate for candidate in candidates if candidate), DEFAULT)
    return chosen.partition(",")[0].strip()


def ask(
    url: str,
    path: str,
    method: str = "GET",
    token: str = "",
    patience: float = TIMEOUT,
    content: Mapping[str, object] | None = None,
    most: int = MOST,
) -> tuple[int, str]:
    """Status and text of the answer. `url` is `[http://]host:port` or `unix:/path`; what is no GET is confirmed.

    `content` is sent as JSON. Of the answer `most` bytes are read.

    Raises Unreachable or ValueError.
    """
    connection = _connection(url, patience)
    try:
        fields = {} if method == "GET" else {"Outrider-Admin": "1"}
        if token:
            fields["Authorization"] = f"Bearer {token}"
        if content is not None:
            fields["Content-Type"] = "application/json"
        connection.request(method, path, None if content is None else json.dumps(content).encode(), fields)
        response = connection.getresponse()
        return response.status, response.read(most).decode(errors="replace").strip()
    except (OSError, http.client.HTTPException) as error:
        raise Unreachable(_reason(error)) from error
    finally:
        connection.close()


def _connection(url: str, patience: float) -> http.client.HTTPConnection:
    if url.startswith("unix:"):
        return _UnixConnection(url.removeprefix("unix:"), patience)
    address = url.removeprefix("http://").rstrip("/")
    host, colon, port = address.rpartition(":")
    if not colon or not host or not port.isdecimal() or int(port) > 65535 or "/" in host:
        raise ValueError("an address such as http://127.0.0.1:9901 or unix:/path is wanted")
    return http.client.HTTPConnection(_WILDCARDS.get(host, host).strip("[]"), int(port), timeout=patience)


class _UnixConnection(http.client.HTTPConnection):
    def __init__(self, path: str, patience: float) -> None:
        super().__init__("localhost", timeout=patience)
        self._patience = patience
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self._patience)
        self.sock.connect(self._path)


def _reason(error: Exception) -> str:
    if isinstance(error, TimeoutError):
        return "no answer in time"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror[0].lower() + error.strerror[1:]
    return "the answer is not HTTP"
