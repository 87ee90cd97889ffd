"""A real httpbin under gunicorn threads: an upstream that we did not write."""

import importlib.util
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager

__all__ = ["httpbin_missing", "running_httpbin"]


def httpbin_missing() -> str | None:
    """Why httpbin cannot run here, or None."""
    for name in ("httpbin", "gunicorn"):
        if importlib.util.find_spec(name) is None:
            return f"{name} is not installed"
    return None


@contextmanager
def running_httpbin() -> Iterator[str]:
    """Its base URL. The listening socket is made here and inherited, so that no port is guessed."""
    with socket.create_server(("127.0.0.1", 0), backlog=256) as listener:
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        command = [sys.executable, "-m", "gunicorn", "--bind", f"fd://{listener.fileno()}"]
        command += ["--worker-class", "gthread", "--threads", "8", "--log-level", "error", "httpbin:app"]
        process = subprocess.Popen(command, pass_fds=[listener.fileno()])
        try:
            _await_answer(url + "/status/200", process)
            yield url
        finally:
            process.terminate()
            process.wait(10)


def _await_answer(url: str, process: "subprocess.Popen[bytes]") -> None:
    deadline = time.monotonic() + 20
    while True:
        try:
            with urllib.request.urlopen(url, timeout=10):
                return
        except OSError:
            if process.poll() is not None or time.monotonic() > deadline:
                raise
            time.sleep(0.05)
