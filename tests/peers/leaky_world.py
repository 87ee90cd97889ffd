"""A configuration with a secret of every kind, in front of peers that repeat whatever they were told.

What must not live here: the peers (`leaky_peers`), the profiles (`leaky_profiles`), where secrets are looked for.
"""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from tests.auth.sealers import KEY
from tests.peers.canaries import Canaries
from tests.peers.leaky_peers import LeakyPeers, leaky_peers
from tests.peers.leaky_profiles import leaky_profiles
from tests.peers.planted import Planted

__all__ = ["INTERCEPTORS", "LeakyWorld", "leaky_world"]

INTERCEPTORS = Path(__file__).with_name("leaking.py").read_text()
"""The module `leaking`, for the configuration's folder."""


class LeakyWorld:
    """`config` uses all of the secrets; the peers keep what they were sent."""

    def __init__(self, planted: Planted, peers: LeakyPeers) -> None:
        self.planted = planted
        self.peers = peers
        self.canaries = planted.canaries
        self.folder = planted.folder
        self.secret = planted.secret
        self.plain = planted.plain

    def config(self, collector: str) -> dict[str, Any]:
        profiles = leaky_profiles(self.planted, self.peers)
        profiles["machine"]["on_session_expired"] = {
            "command": ["sh", "-c", self._told(), self.secret("a hook's word")]
        }
        return {
            "log": {"level": "debug", "format": "json", "wire": True},
            "state": {"dir": str(self.folder / "state"), "key": self.canaries.add("state key", KEY)},
            "limits": {"head_timeout": "300ms", "body": "1MiB"},
            "access": {"callers": {"app": {"token": self.plain("caller token")}}},
            "admin": {"token": self.plain("admin token")},
            "tracing": {"endpoint": collector, "headers": {"X-Collector": self.secret("collector's field")}},
            "hooks": self._hooks(),
            "interceptors": {
                name.lower(): {"class": f"leaking:{name}"} for name in ("Broken", "Closed", "System", "Sloppy")
            },
            "auth": profiles,
            "upstreams": self._upstreams(profiles),
        }

    def _told(self) -> str:
        """A command that keeps everything that it is given."""
        kept = f"{self.folder}/hook-input"
        return f"cat >> {kept}; env | grep -v ^CANARY_ENV= >> {kept}"

    def _hooks(self) -> dict[str, Any]:
        url = self.peers.receiver.url
        address, query = self.plain("path of a webhook"), self.plain("query of a webhook")
        return {
            "on_error": {
                "webhook": f"{url}/{address}?key={query}",
                "secret": self.secret("hook secret"),
                "every": "50ms",
            },
            "on_session_expired": {
                "webhook": f"{url}/fails/{self.plain('path of a failing webhook')}",
                "secret": self.planted.file("hook secret file"),
                "attempts": 1,
            },
            "on_refresh": {"command": ["sh", "-c", self._told()]},
        }

    def _upstreams(self, profiles: dict[str, Any]) -> dict[str, dict[str, Any]]:
        api, closed, tls = self.peers.api.url, self.peers.closed.url, self.peers.tls
        soon = {"retry": {"backoff": {"base": "10ms"}}}
        made = {
            name: {"url": f"{api}/base", "match": {"prefix": f"/{name}"}, "auth": name, **soon} for name in profiles
        }
        once = {"retry": {"attempts": 1}}
        here = {"url": api, "auth": "bearer", **soon}
        more = {
            "broken": {**here, "interceptors": ["broken"]},
            "system": {**here, "interceptors": ["system"]},
            "sloppy": {**here, "interceptors": ["sloppy"]},
            "defect": {**here, "keep_prefix": True},
            "closed": {**here, "interceptors": ["closed"]},
            "normal": {**here, "errors": {"normalize": True}, "server_timing": True},
            "shared": {**here, "dedup": {"ttl": "5s"}},
            "slow": {**here, **once, "timeout": {"first_byte": "200ms"}},
            "short": {**here, **once, "timeout": {"total": "200ms"}},
            "narrow": {**here, **once, "concurrency": {"limit": 1, "queue": 0}},
            "paced": {**here, "rate_limit": {"rate": "1/h", "burst": 1, "max_wait": "0s"}},
            "circuit": {**here, **once, "breaker": {"min_calls": 1, "failure_ratio": "1%", "open": "60s"}},
            "once": {**here, **once},
            "fields": {**here, "headers": {"set": {"X-Set": self.secret("a field that is set")}}},
            "refusing": {"url": "http://127.0.0.1:9", "auth": "bearer", **once},
            "nameless": {"url": "http://nowhere.invalid", "auth": "bearer", **once},
            "known": {"url": closed, "auth": "bearer", **once, "tls": tls},
            "untrusted": {"url": closed, "auth": "bearer", **once},
            "uncertified": {"url": closed, "auth": "bearer", **once, "tls": {"ca": tls["ca"]}},
            "not_tls": {"url": self.peers.plain.url.replace("http", "https"), "auth": "bearer", **once},
        }
        return made | {name: {**entry, "match": {"prefix": f"/{name}"}} for name, entry in more.items()}

    def kept(self) -> bytes:
        """Every byte of the state folder, names of files included."""
        files = [path for path in (self.folder / "state").rglob("*") if path.is_file()]
        assert files
        return b"\n".join(str(path).encode() + b"\n" + path.read_bytes() for path in files)

    def told_hooks(self) -> dict[str, bytes]:
        """What was sent to webhooks, their addresses apart, and what commands were given."""
        sent = self.peers.receiver.requests
        heads = [json.dumps([str(line) for line in request.head.fields]).encode() for request in sent]
        command = self.folder / "hook-input"
        return {
            "webhooks": b"\n".join([*heads, *(request.content for request in sent)]),
            "commands of hooks": command.read_bytes() if command.exists() else b"",
        }


@asynccontextmanager
async def leaky_world(folder: Path) -> AsyncIterator[LeakyWorld]:
    """All of it listening, with canaries of its own."""
    planted = Planted(Canaries(), folder)
    async with leaky_peers(planted) as peers:
        yield LeakyWorld(planted, peers)
