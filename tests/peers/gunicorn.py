"""Applications of others under gunicorn's threads.

What must not live here: which applications there are (a file each).
"""

import importlib.util
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager

__all__ = ["missing", "served"]


def missing(*modules: str) -> str | None:
    """Why what wants gunicorn and these modules cannot run here, or None."""
    for name in (*modules, "gunicorn"):
        if importlib.util.find_spec(name) is None:
            return f"{name} is not installed"
    return None


@contextmanager
def served(application: str, probe: str, threads: int, *options: str) -> Iterator[str]:
    """Its base URL, once it answers at the path `probe`, whatever it says there.

    The listening socket is made here and inherited, so that no port is guessed.
    """
    with socket.create_server(("127.0.0.1", 0), backlog=256) as listener:
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        command = [sys.executable, "-m", "gunicorn", "--bind", f"fd://{listener.fileno()}"]
        command += ["--worker-class", "gthread", "--threads", str(threads), "--log-level", "error"]
        # Less than is waited for at the end, though somebody still holds a connection open.
        command += ["--graceful-timeout", "3"]
        process = subprocess.Popen([*command, *options, application], pass_fds=[listener.fileno()])
        try:
            _await_answer(url + probe, process)
            yield url
        finally:
            process.terminate()
            process.wait(10)


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
