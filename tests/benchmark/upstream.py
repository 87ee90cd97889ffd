"""The upstreams that all contestants share: one for small answers, one for large transfers.

What must not live here: how they answer.
"""

import contextlib
import shutil
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.benchmark import settings_files
from tests.benchmark.processes import Running, running
from tests.benchmark.waiting import wait_for_answer
from tests.ports import free_port

__all__ = ["Upstreams", "upstreams"]

_PLAIN = Path(__file__).with_name("plain_upstream.py")


@dataclass(frozen=True, slots=True)
class Upstreams:
    """The ports of the upstreams, and what serves the small answers."""

    answers: int
    transfers: int
    served_by: str


@contextlib.contextmanager
def upstreams(folder: Path, core: int) -> Iterator[Upstreams]:
    """Run the upstreams on one core for the time of the block: nginx where installed, and the one of ours."""
    with contextlib.ExitStack() as stack:
        transfers = free_port()
        plain = [sys.executable, str(_PLAIN), str(transfers)]
        _ready(stack.enter_context(running(plain, core, folder / "plain_upstream.log")), transfers)
        nginx = shutil.which("nginx")
        if nginx is None:
            yield Upstreams(transfers, transfers, "the upstream of ours")
            return
        answers = free_port()
        settings = folder / "nginx_upstream.conf"
        settings.write_text(settings_files.nginx_upstream(str(folder), answers))
        command = [nginx, "-p", str(folder), "-c", str(settings)]
        _ready(stack.enter_context(running(command, core, folder / "nginx_upstream.log")), answers)
        yield Upstreams(answers, transfers, "nginx")


def _ready(program: Running, port: int) -> None:
    wait_for_answer(program, port, "/")
