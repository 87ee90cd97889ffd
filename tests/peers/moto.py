"""moto's S3 under gunicorn threads: an AWS that we did not write. It keeps objects, and checks no signature."""

import importlib.util
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager

__all__ = ["moto_missing", "running_moto"]


def moto_missing() -> str | None:
    """Why moto cannot run here, or None."""
    for name in ("moto", "flask", "gunicorn"):
        if importlib.util.find_spec(name) is None:
            return f"{name} is not installed"
    return None


@contextmanager
def running_moto() -> Iterator[str]:
    """Its base URL. The listening socket is made here and inherited, so that no port is guessed."""
    with socket.create_server(("127.0.0.1", 0), backlog=64) as listener:
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        command = [sys.executable, "-m", "gunicorn", "--bind", f"fd://{listener.fileno()}"]
        command += ["--worker-class", "gthread", "--threads", "4", "--log-level", "error"]
        command += ["--timeout", "120", "tests.peers.moto:application()"]
        process = subprocess.Popen(command, pass_fds=[listener.fileno()])
        try:
            _await_answer(url + "/moto-api/", process)
            yield url
        finally:
            process.terminate()
            process.wait(10)


def application() -> object:
    """What gunicorn serves."""
    from moto.server import DomainDispatcherApplication, create_backend_app

    return DomainDispatcherApplication(create_backend_app)


def _await_answer(url: str, process: "subprocess.Popen[bytes]") -> None:
    deadline = time.monotonic() + 60
    while True:
        try:
            with urllib.request.urlopen(url, timeout=30):
                return
        except urllib.error.HTTPError:
            return
        except OSError:
            if process.poll() is not None or time.monotonic() > deadline:
                raise
            time.sleep(0.05)
