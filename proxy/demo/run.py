"""Starts the made-up API, the daemon in front of it and the client; tells the chapters; takes everything down again.

What must not live here: what is tried (`proxy.demo.chapters`) and how it is printed (`proxy.demo.report`).
"""

import asyncio
import signal
import socket
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, closing
from pathlib import Path

import aiohttp
from rich.console import Console

from proxy import __version__
from proxy.config.load import load_text
from proxy.daemon import Daemon
from proxy.demo.chapters import CHAPTERS
from proxy.demo.credentials import MadeUp
from proxy.demo.peer import Peer
from proxy.demo.report import print_chapter, print_keep, print_opening, print_verdict
from proxy.demo.scene import Chapter, Scene, Step

__all__ = ["CONFIGURATION", "open_scene", "run_demo", "tell"]

CONFIGURATION = """
listen: 127.0.0.1:0
admin: {listen: "127.0.0.1:0"}
state: {dir: "${DEMO_FOLDER}/state"}
auth:
  token: {type: bearer, token: {env: DEMO_TOKEN}}
  door: {type: basic, username: demo, password: {env: DEMO_PASSWORD}}
  key: {type: api_key, in: query, name: key, key: {env: DEMO_KEY}}
  app: {type: headers, set: {X-App-Proof: "{{ app | base64 }}"}, secrets: {app: {env: DEMO_APP}}}
  sealed:
    type: hmac
    key: {env: DEMO_SEAL}
    sign: "{{ timestamp }} {{ method }} {{ target }}"
    set: {X-Seal: "{{ timestamp }}.{{ signature }}"}
  command: {type: exec, command: [cat, "${DEMO_FOLDER}/command"]}
  rotated: {type: file, path: "${DEMO_FOLDER}/token"}
  person:
    type: oauth2
    grant: refresh_token
    token_url: ${DEMO_ORIGIN}/token
    client_id: demo
    client_secret: {env: DEMO_CLIENT}
    client_auth: client_secret_post
    refresh_token: {file: "${DEMO_FOLDER}/refresh"}
interceptors:
  edits: {query: {rename: {q: query}, remove: [debug], default: {limit: "10"}}}
  guardrail: {class: "proxy.demo.interceptor:Guardrail", options: {team: payments}}
upstreams:
  api:
    url: ${DEMO_ORIGIN}/v1
    match: {prefix: /api}
    auth: token
    headers: {set: {X-Team: payments}, remove: [X-Debug]}
    retry: {backoff: {base: 20ms}}
    routes: [{match: "POST /flaky/keyed", retry: {idempotency_key: auto}}]
  vetted:
    url: ${DEMO_ORIGIN}/vetted
    match: {prefix: /vetted}
    auth: token
    errors: {normalize: true, message: error.message}
    interceptors: [edits, guardrail]
  shared:
    url: ${DEMO_ORIGIN}/shared
    match: {prefix: /shared}
    auth: token
    dedup: {ttl: 30s, methods: [POST]}
  partner: {url: "${DEMO_ORIGIN}/partner", match: {prefix: /partner}, auth: door}
  maps: {url: "${DEMO_ORIGIN}/maps", match: {prefix: /maps}, auth: key}
  named: {url: "${DEMO_ORIGIN}/maps", match: {host: maps.localhost}, auth: key}
  signed: {url: "${DEMO_ORIGIN}/signed", match: {prefix: /signed}, auth: app}
  sealed: {url: "${DEMO_ORIGIN}/sealed", match: {prefix: /sealed}, auth: sealed}
  commanded: {url: "${DEMO_ORIGIN}/commanded", match: {prefix: /commanded}, auth: command}
  rotating: {url: "${DEMO_ORIGIN}/rotating", match: {prefix: /rotating}, auth: rotated}
  person: {url: "${DEMO_ORIGIN}/person", match: {prefix: /person}, auth: person}
  fragile:
    url: ${DEMO_ORIGIN}/fragile
    match: {prefix: /fragile}
    retry: {attempts: 1}
    concurrency: {limit: 8, queue: 16}
    breaker: {min_calls: 4, open: 200ms, probes: 1}
    hedge: {after: 100ms}
  metered:
    url: ${DEMO_ORIGIN}/metered
    match: {prefix: /metered}
    rate_limit: {rate: 20/s, burst: 5}
    routes: [{match: "POST /reports", rate_limit: {rate: 1/10s, key: fingerprint, max_wait: 0s}}]
  dead: {url: "${DEMO_DEAD}", match: {prefix: /dead}}
"""
"""What the demonstration's Outrider runs on: an ordinary file, its variables taken from a made-up environment."""

_DRAIN = 1.0
_CLIENT_TIMEOUT = aiohttp.ClientTimeout(total=10)


async def run_demo(console: Console, *, keep: bool = False, chapters: Sequence[Chapter] = CHAPTERS) -> bool:
    """Tell every chapter; True when every expectation held. With `keep`, wait for Ctrl-C before taking it down."""
    started = time.monotonic()
    async with open_scene() as scene:
        print_opening(console, scene, __version__)
        told: list[Step] = []
        for chapter in chapters:
            steps = await tell(chapter, scene)
            print_chapter(console, chapter.title, steps)
            told += steps
        print_verdict(console, told, time.monotonic() - started)
        if keep:
            scene.peer.gate.set()
            print_keep(console, scene)
            await _interrupted()
    return bool(told) and not any(step.unmet for step in told)


async def tell(chapter: Chapter, scene: Scene) -> list[Step]:
    """The chapter's steps; one that breaks off is a failed step, and the next chapter goes on."""
    steps: list[Step] = []
    try:
        async for step in chapter.steps(scene):
            steps.append(step)  # noqa: PERF401 - the steps before a failure must be kept
    except (aiohttp.ClientError, OSError, TimeoutError) as error:
        broke_off = {f"an answer, not {type(error).__name__}": False}
        steps.append(Step("The chapter broke off", f"after {len(steps)} steps", "", "", broke_off))
    return steps


@asynccontextmanager
async def open_scene() -> AsyncIterator[Scene]:
    """The API, the daemon and the client, up for the length of the block."""
    made_up = MadeUp()
    with tempfile.TemporaryDirectory(prefix="outrider-demo-") as name, closing(_refuse()) as dead:
        folder = Path(name)
        _write_secret(folder / "token", made_up.rotated)
        _write_secret(folder / "command", made_up.command)
        _write_secret(folder / "refresh", made_up.refresh)
        peer = Peer(made_up, folder)
        client = aiohttp.ClientSession(auto_decompress=False, timeout=_CLIENT_TIMEOUT)
        async with peer.serve() as origin, client:
            environ = {
                "DEMO_TOKEN": made_up.token,
                "DEMO_PASSWORD": made_up.password,
                "DEMO_KEY": made_up.key,
                "DEMO_APP": made_up.app,
                "DEMO_SEAL": made_up.seal,
                "DEMO_CLIENT": made_up.client,
                "DEMO_FOLDER": str(folder),
                "DEMO_ORIGIN": origin,
                "DEMO_DEAD": f"http://127.0.0.1:{dead.getsockname()[1]}",
            }
            async with _daemon(environ) as (base, admin):
                yield Scene(base, admin, origin, client, peer, made_up, folder)


@asynccontextmanager
async def _daemon(environ: dict[str, str]) -> AsyncIterator[tuple[str, str]]:
    """A real daemon on free ports; gives the URLs of its two listeners."""
    daemon = Daemon(load_text(CONFIGURATION, "demo.yaml", environ), environ)
    try:
        await daemon.start()
        yield daemon.addresses[0], daemon.admin_addresses[0]
        await daemon.drain(_DRAIN)
    finally:
        await daemon.close()


def _write_secret(path: Path, value: str) -> None:
    path.touch(mode=0o600)
    path.write_text(value + "\n")


def _refuse() -> socket.socket:
    """A port of our own that nothing listens on, so that connecting to it is refused for certain."""
    reserved = socket.socket()
    reserved.bind(("127.0.0.1", 0))
    return reserved


async def _interrupted() -> None:
    """Wait for INT or TERM."""
    stop = asyncio.Event()
    if sys.platform != "win32":
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, stop.set)
    await stop.wait()
