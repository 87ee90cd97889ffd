"""What a chapter works with: the client, the addresses, the made-up API, and the step that it reports.

What must not live here: what is asked (`proxy.demo.chapters`) and how it is printed (`proxy.demo.report`).
"""

import base64
import json
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
from yarl import URL

from proxy.demo.credentials import MadeUp
from proxy.demo.peer import Peer, Seen

__all__ = ["Chapter", "Reply", "Scene", "Step"]


@dataclass(frozen=True, slots=True)
class Step:
    """One thing that was tried: in words, and which expectations held."""

    title: str
    asked: str
    seen: str
    answer: str
    expected: Mapping[str, bool]

    @property
    def unmet(self) -> list[str]:
        return [expectation for expectation, held in self.expected.items() if not held]


@dataclass(frozen=True, slots=True)
class Reply:
    """What came back to the client, and what the API saw of it; `seen` is None when nothing reached the API."""

    asked: str
    status: int
    fields: Mapping[str, str]
    content: bytes
    seen: Seen | None

    def json(self) -> dict[str, Any]:
        """The content as a JSON object; empty when it is none."""
        try:
            document = json.loads(self.content)
        except ValueError:
            return {}
        return document if isinstance(document, dict) else {}

    def saw(self, field: str) -> str:
        return "" if self.seen is None else self.seen.fields.get(field.lower(), "")

    def problem(self, status: int, code: str) -> dict[str, bool]:
        """The expectations that every error of Outrider's own must meet."""
        return {
            f"status {status}": self.status == status,
            f"a problem document with code {code}": self.json().get("code") == code
            and self.fields.get("Content-Type") == "application/problem+json",
            "Proxy-Status names outrider": self.fields.get("Proxy-Status", "").startswith("outrider"),
        }


@dataclass(frozen=True, slots=True)
class Scene:
    """Everything that is up: `base` and `admin` are the daemon's two addresses, `origin` is the API's."""

    base: str
    admin: str
    origin: str
    client: aiohttp.ClientSession
    peer: Peer
    made_up: MadeUp
    folder: Path

    async def ask(self, method: str, target: str, *, base: str = "", **options: Any) -> Reply:
        """Send one request through Outrider, its target byte for byte, and read the whole answer."""
        before = len(self.peer.seen)
        url = URL((base or self.base) + target, encoded=True)
        async with self.client.request(method, url, allow_redirects=False, **options) as response:
            content = await response.read()
            seen = self.peer.seen[-1] if len(self.peer.seen) > before else None
            return Reply(f"{method} {target}", response.status, response.headers.copy(), content, seen)

    def seen_at(self, reply: Reply) -> list[Seen]:
        """Every request that the API saw of what `reply` answers, its repetitions included."""
        if reply.seen is None:
            return []
        return [seen for seen in self.peer.seen if (seen.method, seen.target) == (reply.seen.method, reply.seen.target)]

    def step(self, title: str, reply: Reply, expected: Mapping[str, bool], *, answer: str = "", seen: str = "") -> Step:
        """The step of an ordinary request and answer; `answer` and `seen` say more than the summaries."""
        return Step(
            title,
            reply.asked,
            self.describe_seen(reply.seen, seen),
            "\n".join(filter(None, [_summary(reply), answer])),
            expected,
        )

    def describe_seen(self, seen: Seen | None, more: str = "") -> str:
        """A request as the API saw it, its secrets shortened."""
        if seen is None:
            return "nothing"
        credential = _shown_credential(seen)
        return self.made_up.shorten(
            "\n".join(filter(None, [f"{seen.method} {seen.target}", credential, seen.content, more]))
        )


def _shown_credential(seen: Seen) -> str:
    """Scheme and credential, decoded where they are only encoded; a key in the query shows in the target."""
    if proof := seen.fields.get("x-app-proof"):
        return f"X-App-Proof {base64.b64decode(proof).decode()}"
    scheme, _, value = seen.fields.get("authorization", "").partition(" ")
    if scheme == "Basic":
        value = base64.b64decode(value).decode()
    if scheme:
        return f"{scheme} {value}"
    return "" if "key=" in seen.target else "no credential"


def _summary(reply: Reply) -> str:
    if code := reply.json().get("code"):
        return f"{reply.status} {code}"
    return f"{reply.status}, {_amount(len(reply.content))}" if reply.content else f"{reply.status}, no content"


def _amount(size: int) -> str:
    if size < 10_000:
        return f"{size} bytes"
    return f"{size / 2**20:.1f} MiB" if size >= 2**20 else f"{size / 2**10:.0f} KiB"


@dataclass(frozen=True, slots=True)
class Chapter:
    """A part of the story: its title, and the steps as they happen."""

    title: str
    steps: Callable[[Scene], AsyncIterator[Step]]
