import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from proxy.cli.admin_client import DEFAULT, Unreachable, admin_url, ask

READY = b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nready\n"


@contextmanager
def answering(listener: socket.socket, answer: bytes) -> Iterator[Callable[[], bytes]]:
    """Answer one connection with these bytes; gives what was asked."""
    asked = bytearray()

    def serve() -> None:
        with listener, listener.accept()[0] as peer:
            asked.extend(peer.recv(65536))
            peer.sendall(answer)

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    yield lambda: bytes(asked)
    thread.join(10)


@pytest.fixture
def listener() -> socket.socket:
    return socket.create_server(("127.0.0.1", 0))


@pytest.mark.parametrize("form", ["http://127.0.0.1:{}", "http://127.0.0.1:{}/", "127.0.0.1:{}", "0.0.0.0:{}"])
def test_a_listener_is_asked_by_url_or_address(listener: socket.socket, form: str) -> None:
    with answering(listener, READY) as asked:
        assert ask(form.format(listener.getsockname()[1]), "/readyz") == (200, "ready")
    assert asked().startswith(b"GET /readyz HTTP/1.1\r\nHost: 127.0.0.1:")


def test_a_unix_socket_is_asked_under_the_name_localhost(tmp_path: Path) -> None:
    path = tmp_path / "admin.sock"
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(path))
    listener.listen()
    with answering(listener, READY) as asked:
        assert ask(f"unix:{path}", "/readyz") == (200, "ready")
    assert b"\r\nHost: localhost\r\n" in asked()


def test_a_refused_connection_is_one_line(listener: socket.socket) -> None:
    port = listener.getsockname()[1]
    listener.close()
    with pytest.raises(Unreachable, match=r"^connection refused$"):
        ask(f"127.0.0.1:{port}", "/readyz")


def test_an_answer_that_is_not_http_is_one_line(listener: socket.socket) -> None:
    with (
        answering(listener, b"SSH-2.0-OpenSSH\r\n"),
        pytest.raises(Unreachable, match=r"^the answer is not HTTP$"),
    ):
        ask(f"127.0.0.1:{listener.getsockname()[1]}", "/readyz")


@pytest.mark.parametrize(
    "url", ["", "localhost", "http://localhost", "https://h:1", "h:port", ":1", "h:70000", "http://h/x:1"]
)
def test_what_is_no_address_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match="an address such as"):
        ask(url, "/readyz")


@pytest.mark.parametrize(
    ("given", "listen", "environ", "found"),
    [
        ("a:1", "d:4", {"OUTRIDER_ADMIN": "b:2", "OUTRIDER_ADMIN_LISTEN": "c:3"}, "a:1"),
        (None, "d:4", {"OUTRIDER_ADMIN": "b:2", "OUTRIDER_ADMIN_LISTEN": "c:3"}, "b:2"),
        (None, "d:4", {"OUTRIDER_ADMIN_LISTEN": "c:3"}, "c:3"),
        (None, "d:4", {}, "d:4"),
        (None, None, {"OUTRIDER_ADMIN": ""}, DEFAULT),
    ],
)
def test_the_flag_wins_over_the_environment_and_that_over_the_file(given, listen, environ, found) -> None:
    assert admin_url(given, listen, environ) == found
