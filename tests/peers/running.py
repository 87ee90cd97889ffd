"""A real Outrider for the length of a test: in this process on free ports, or as a process of its own."""

import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, Self

import yaml

from tests.peers.caller import Answer, Caller

__all__ = ["TOKEN", "Outrider", "OutriderProcess", "facing"]

TOKEN = "canary-5up3r-s3cr3t"
"""The credential that `facing` configures; a test that finds it anywhere but upstream has found a leak."""


def facing(url: str, *, auth: bool = True, upstream: dict[str, Any] | None = None, **sections: Any) -> dict[str, Any]:
    """A configuration with one upstream that takes everything; `sections` stand beside it."""
    entry = {"url": url, **({"auth": "token"} if auth else {}), **(upstream or {})}
    return {"auth": {"token": {"type": "bearer", "token": TOKEN}}, **sections, "upstreams": {"api": entry}}


def on_free_ports(config: dict[str, Any]) -> str:
    return yaml.safe_dump({"listen": "127.0.0.1:0", "admin": {"listen": "127.0.0.1:0"}} | config)


class _Reachable:
    """What a test asks of an Outrider, wherever it runs."""

    def __init__(self, port: int, admin_port: int) -> None:
        self.port = port
        self.admin_port = admin_port
        self.host = b"127.0.0.1:%d" % port
        self.url = f"http://127.0.0.1:{port}"
        self.admin_url = f"http://127.0.0.1:{admin_port}"

    async def caller(self) -> Caller:
        return await Caller.connect(self.port)

    def head(self, method: bytes = b"GET", target: bytes = b"/", *lines: bytes) -> bytes:
        """A request's head, with Host and these field lines."""
        return b"\r\n".join([b"%b %b HTTP/1.1" % (method, target), b"Host: " + self.host, *lines, b"", b""])

    async def request(
        self, method: bytes = b"GET", target: bytes = b"/", *lines: bytes, content: bytes = b"", timeout: float = 10
    ) -> Answer:
        """One request on a connection of its own."""
        if content:
            lines = (*lines, b"Content-Length: %d" % len(content))
        async with await self.caller() as caller:
            await caller.send(self.head(method, target, *lines) + content)
            return await caller.answer(method, timeout)

    async def raw(self, data: bytes, timeout: float = 10) -> bytes:
        """Send these bytes on a new connection; everything that comes back until it is closed."""
        async with await self.caller() as caller:
            await caller.send(data)
            return await caller.rest(timeout)


class Outrider(_Reachable):
    """A daemon that runs in the test's own loop."""

    def __init__(self, daemon: Any) -> None:
        super().__init__(*(int(found[0].rpartition(":")[2]) for found in (daemon.addresses, daemon.admin_addresses)))
        self.daemon = daemon

    @classmethod
    async def start(cls, config: dict[str, Any] | str, environ: dict[str, str] | None = None) -> Self:
        from proxy.config.load import load_text
        from proxy.daemon import Daemon

        text = config if isinstance(config, str) else on_free_ports(config)
        daemon = Daemon(load_text(text, "outrider.yaml", environ or {}), environ or {})
        await daemon.start()
        return cls(daemon)

    async def has_in_flight(self, wanted: Callable[[int], bool]) -> None:
        """Wait until as many requests are in flight as are `wanted`."""
        async with asyncio.timeout(5):
            while not wanted(self.daemon._pipeline.admission.in_flight):
                await asyncio.sleep(0.001)
        await asyncio.sleep(0)

    async def stop(self) -> None:
        await self.daemon.close()


class OutriderProcess(_Reachable):
    """`outrider run` as a process of its own."""

    def __init__(self, process: asyncio.subprocess.Process, file: Path, port: int, admin_port: int) -> None:
        super().__init__(port, admin_port)
        self.process = process
        self.file = file

    @classmethod
    async def start(cls, config: dict[str, Any], folder: Path, ports: tuple[int, int]) -> Self:
        admin = {**config.get("admin", {}), "listen": f"127.0.0.1:{ports[1]}"}
        listen = {"listen": f"127.0.0.1:{ports[0]}", "admin": admin}
        file = folder / "outrider.yaml"
        file.write_text(yaml.safe_dump(config | listen))
        command = [sys.executable, "-m", "proxy", "run", "-c", str(file)]
        with (folder / "stderr").open("wb") as stderr:
            process = await asyncio.create_subprocess_exec(*command, stderr=stderr, env=dict(os.environ))
        started = cls(process, file, *ports)
        try:
            await started._until_it_answers()
        except BaseException:
            # Nobody else would end it.
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.wait()
            raise
        return started

    async def _until_it_answers(self) -> None:
        async with asyncio.timeout(60):
            while True:
                assert self.process.returncode is None, self.log
                with contextlib.suppress(OSError):
                    async with await Caller.connect(self.port):
                        return
                await asyncio.sleep(0.02)

    @property
    def log(self) -> str:
        """What it wrote, for when it did not end as it should."""
        return (self.file.parent / "stderr").read_text()

    def memory(self) -> int:
        """Peak resident bytes."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return 1024 * int(next(line for line in status.splitlines() if line.startswith("VmHWM")).split()[1])

    async def stop(self) -> int:
        """Ask it to end; its exit code."""
        if self.process.returncode is None:
            self.process.send_signal(signal.SIGTERM)
        return await asyncio.wait_for(self.process.wait(), 15)
