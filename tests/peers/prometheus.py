"""A real Prometheus that watches one Outrider with the configuration and the rules that stand in deploy/prometheus."""

import asyncio
import shutil
import signal
from pathlib import Path
from typing import Any, Self

import aiohttp
import yaml

from tests.ports import free_port

__all__ = ["Prometheus", "prometheus_missing"]

_SHIPPED = Path(__file__).resolve().parent.parent.parent / "deploy/prometheus"


def prometheus_missing() -> str | None:
    """Why Prometheus cannot run here, or None."""
    return None if shutil.which("prometheus") else "prometheus is not installed"


class Prometheus:
    """Runs for as long as the `async with` lasts. Only its pace, target and folder are not those that are shipped."""

    def __init__(self, folder: Path, target: str) -> None:
        self._folder = folder
        self._file = folder / "prometheus.yml"
        shutil.copytree(_SHIPPED / "rules", folder / "rules")
        self.config: dict[str, Any] = yaml.safe_load((_SHIPPED / "prometheus.yml").read_text())
        self.config["global"] = {"scrape_interval": "200ms", "scrape_timeout": "200ms", "evaluation_interval": "200ms"}
        self.config["scrape_configs"][0]["static_configs"][0]["targets"] = [target]

    async def __aenter__(self) -> Self:
        address = f"127.0.0.1:{free_port()}"
        self._file.write_text(yaml.safe_dump(self.config))
        command = [
            shutil.which("prometheus") or "prometheus",
            f"--config.file={self._file}",
            f"--storage.tsdb.path={self._folder / 'data'}",
            f"--web.listen-address={address}",
            "--enable-feature=exemplar-storage",
        ]
        with (self._folder / "log").open("wb") as log:
            self._process = await asyncio.create_subprocess_exec(*command, stdout=log, stderr=log)
        self._client = aiohttp.ClientSession(f"http://{address}")
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._client.close()
        if self._process.returncode is None:
            self._process.terminate()
        await asyncio.wait_for(self._process.wait(), 15)

    async def watch_nothing(self) -> None:
        """Forget the target; the job stays, without which Prometheus would not end the target's series."""
        self.config["scrape_configs"][0]["static_configs"][0]["targets"] = []
        self._file.write_text(yaml.safe_dump(self.config))
        self._process.send_signal(signal.SIGHUP)

    async def query(self, expression: str) -> list[dict[str, Any]]:
        """The samples of an instant query; none while Prometheus starts."""
        found = await self._get("/api/v1/query", query=expression)
        return found["result"] if found else []

    async def rules(self) -> list[dict[str, Any]]:
        """Every rule with its health."""
        found = await self._get("/api/v1/rules")
        return [rule for group in found["groups"] for rule in group["rules"]] if found else []

    async def exemplars(self, expression: str) -> list[dict[str, Any]]:
        found = await self._get("/api/v1/query_exemplars", query=expression, start="0", end="99999999999")
        return [one for series in found or [] for one in series["exemplars"]]

    async def _get(self, path: str, **parameters: str) -> Any:
        try:
            async with self._client.get(path, params=parameters) as answer:
                if answer.status == 503:
                    return None
                found = await answer.json()
        except aiohttp.ClientConnectionError:
            assert self._process.returncode is None, (self._folder / "log").read_text()
            return None
        assert found["status"] == "success", (parameters, found)
        return found["data"]
