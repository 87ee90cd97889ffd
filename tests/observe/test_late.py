"""Module `proxy.observe.late`."""

import asyncio
import subprocess
import sys

from proxy.observe.lag import LoopLag
from proxy.observe.late import LateExposition
from proxy.observe.tally import Tallies


def test_a_daemon_starts_without_the_metrics_library() -> None:
    script = "import sys, proxy.daemon; sys.exit('prometheus_client' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", script], check=False, timeout=60).returncode == 0


def test_what_is_shown_is_what_the_exposition_shows() -> None:
    loop = asyncio.new_event_loop()
    try:
        late = LateExposition(Tallies(["api"]), LoopLag(loop), {"version": "1"})
        media_type, text = late.render("")
    finally:
        loop.close()
    assert media_type.startswith("text/plain")
    assert b'outrider_build_info{version="1"}' in text


def test_it_is_loaded_once() -> None:
    loop = asyncio.new_event_loop()
    try:
        late = LateExposition(Tallies([]), LoopLag(loop), {})
        assert late.load() is late.load()
    finally:
        loop.close()
