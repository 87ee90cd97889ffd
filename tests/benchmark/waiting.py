"""Waiting for a started program's first answer.

What must not live here: the start itself.
"""

import time

from tests.benchmark.client import answers
from tests.benchmark.processes import Running

__all__ = ["DidNotStart", "wait_for_answer"]

_PATIENCE = 15.0
_PAUSE = 0.002


class DidNotStart(Exception):
    """The program ended, or stayed silent, before its first answer."""


def wait_for_answer(program: Running, port: int, path: str) -> float:
    """Ask until a request is answered; give the seconds that took, counted from this call."""
    start = time.monotonic()
    while not answers(port, path):
        if program.ended:
            raise DidNotStart(program.last_words())
        if time.monotonic() - start > _PATIENCE:
            raise DidNotStart(f"no answer within {_PATIENCE:.0f} s; {program.last_words()}")
        # There is no event to wait for in a foreign program: only asking tells.
        time.sleep(_PAUSE)
    return time.monotonic() - start
