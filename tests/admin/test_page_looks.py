"""How the status page looks and reads: on a phone, in the dark, for who does not see it, and its picture."""

import asyncio
import contextlib
import itertools
import json
import math
import os
import random
import struct
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from tests.peers.admin import Admin
from tests.peers.browser import Visitor, visitor
from tests.peers.raw_upstream import Connection, RawUpstream, Script
from tests.peers.running import Outrider
from tests.peers.scripts import never_answers
from tests.peers.token_server import TokenServer

pytestmark = pytest.mark.xdist_group("browser")

ROOT = Path(__file__).resolve().parents[2]
PICTURE = ROOT / "deploy" / "screenshot.png"
SCHEMES = ["light", "dark"]
PARTS = (".html", ".css", ".js", ".svg")

# Text on what it stands on, by WCAG's formula; of every element that shows text of its own.
CONTRASTS = """() => {
  const canvas = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
  const parsed = (colour) => {
    canvas.clearRect(0, 0, 1, 1);
    canvas.fillStyle = colour;
    canvas.fillRect(0, 0, 1, 1);
    const [red, green, blue, alpha] = canvas.getImageData(0, 0, 1, 1).data;
    return { rgb: [red, green, blue], alpha: alpha / 255 };
  };
  const linear = (part) => (part / 255 <= 0.04045 ? part / 255 / 12.92 : ((part / 255 + 0.055) / 1.055) ** 2.4);
  const light = (rgb) => rgb.map(linear).reduce((sum, part, place) => sum + part * [0.2126, 0.7152, 0.0722][place], 0);
  const ground = (element) => {
    for (let at = element; at; at = at.parentElement) {
      const found = parsed(getComputedStyle(at).backgroundColor);
      if (found.alpha === 1) return found.rgb;
    }
    return [255, 255, 255];
  };
  const found = [];
  for (const element of document.querySelectorAll("body *")) {
    const text = [...element.childNodes].filter((node) => node.nodeType === 3).map((node) => node.data.trim()).join("");
    if (!text || !element.checkVisibility() || element.closest("noscript")) continue;
    const [one, other] = [light(parsed(getComputedStyle(element).color).rgb), light(ground(element))];
    found.push([text, (Math.max(one, other) + 0.05) / (Math.min(one, other) + 0.05)]);
  }
  return found;
}"""


@contextlib.asynccontextmanager
async def busy(outrider: Any) -> AsyncIterator[Outrider]:
    """Something in every part of the page, with names as long as they come."""
    async with TokenServer() as server, RawUpstream(never_answers()) as api, contextlib.AsyncExitStack() as open_:
        login = server.profile(grant="device_code", device_authorization_url=f"{server.url}/device")
        auth = {"a-session-with-quite-a-long-name-of-its-own": server.profile(), "mail": login}
        policies = {"concurrency": {"limit": 4}, "rate_limit": {"rate": "100/s"}, "breaker": {}}
        upstreams: dict[str, Any] = {
            "an-upstream-with-quite-a-long-name-of-its-own": {"url": api.url, "auth": next(iter(auth)), **policies},
            "mail": {"url": api.url, "match": {"prefix": "/mail"}, "auth": "mail"},
            "dead": {"url": "http://127.0.0.1:1/x", "match": {"prefix": "/dead"}, "retry": {"attempts": 1}},
            "idle": {"url": f"{api.url}/{'long/' * 30}", "match": {"prefix": "/idle"}},
        }
        running: Outrider = await outrider({"auth": auth, "upstreams": upstreams, "limits": {"min_body_rate": 0}})
        for target in (b"/dead", b"/mail"):
            await running.request(b"GET", target)
        caller = await open_.enter_async_context(await running.caller())
        head = running.head(b"PUT", b"/" + b"long" * 60, b"Content-Length: 1000000")
        await caller.send(head + b"x" * 300_000)
        await running.has_in_flight(lambda count: count == 1)
        yield running


async def seen(page: Visitor) -> None:
    await page.saw("#requests .rows", "KiB")
    await page.saw("#errors .rows", "upstream_connect_failed")
    await page.saw("#sessions .rows", "outrider login mail")
    await page.saw(".idle", "no request yet")


@pytest.mark.parametrize("width", [360, 768, 1280])
async def test_nothing_is_wider_than_the_screen(outrider, width: int) -> None:
    wide = """() => [...document.querySelectorAll("body *")]
      .filter((one) => one.checkVisibility() && one.getBoundingClientRect().right > innerWidth + 0.5
        && !one.closest(".path, h3"))
      .map((one) => one.outerHTML.slice(0, 120))"""
    async with busy(outrider) as running, visitor(running.admin_url, viewport={"width": width, "height": 740}) as page:
        await seen(page)
        assert await page.looks("() => document.documentElement.scrollWidth") <= width
        assert await page.looks(wide) == []


@pytest.mark.parametrize("scheme", SCHEMES)
async def test_all_text_stands_out_from_what_it_stands_on(outrider, scheme: str) -> None:
    async with busy(outrider) as running, visitor(running.admin_url, color_scheme=scheme) as page:
        await seen(page)
        for opened in ("", "#sessions .danger:not([aria-disabled])", "#sessions button:nth-child(2)"):
            if opened:
                await page.page.click(opened)
            pairs = await page.looks(CONTRASTS)
            assert len(pairs) > 40
            assert [pair for pair in pairs if pair[1] < 4.5] == []
            await page.page.keyboard.press("Escape")


async def test_dark_is_dark_and_light_is_light(outrider) -> None:
    grounds = []
    async with busy(outrider) as running:
        for scheme in SCHEMES:
            async with visitor(running.admin_url, color_scheme=scheme) as page:
                ground = await page.looks("() => getComputedStyle(document.body).backgroundColor")
                grounds.append(sum(int(part) for part in ground.strip("rgb()").split(",")))
    assert grounds[0] > 600
    assert grounds[1] < 120


async def test_nothing_moves_for_who_does_not_want_it(outrider) -> None:
    moves = "() => getComputedStyle(document.querySelector('.gauge .bar')).transitionDuration"
    async with busy(outrider) as running:
        async with visitor(running.admin_url) as page:
            await seen(page)
            assert await page.looks(moves) != "0s"
        async with visitor(running.admin_url, reduced_motion="reduce") as page:
            await seen(page)
            assert await page.looks(moves) == "0s"


async def shown(page: Visitor, roles: set[str]) -> list[tuple[str, str]]:
    """Role and name, as assistive technology is told; by the browser itself, for the library's own way differs by
    version.
    """
    browser = await page.page.context.new_cdp_session(page.page)
    nodes = (await browser.send("Accessibility.getFullAXTree"))["nodes"]
    told = [(node["role"]["value"], node.get("name", {}).get("value", "")) for node in nodes if not node["ignored"]]
    return [(role, name) for role, name in told if role in roles]


async def test_everything_that_is_used_or_measured_has_a_name_of_its_own(outrider) -> None:
    roles = {"button", "meter", "progressbar", "image", "textbox", "spinbutton", "dialog"}
    async with busy(outrider) as running, visitor(running.admin_url) as page:
        await seen(page)
        found = await shown(page, roles)
        await page.page.click("#sessions button:nth-child(2)")
        form = await shown(page, roles)
    assert {"button", "meter", "progressbar", "image"} <= {role for role, _ in found}
    assert {"textbox", "spinbutton", "dialog", "button"} <= {role for role, _ in form}
    assert [role for role, name in (*found, *form) if not name] == []
    buttons = [name for role, name in found if role == "button"]
    assert sorted(set(buttons)) == sorted(buttons)


async def test_headings_go_down_one_step_at_a_time_and_only_what_matters_is_read_out(outrider) -> None:
    found_in = "(wanted) => [...document.querySelectorAll(wanted)].filter((one) => !one.closest('dialog'))"
    levels = f"(wanted) => ({found_in})(wanted).map((one) => Number(one.tagName[1]))"
    live = f"(wanted) => ({found_in})(wanted).length"
    async with busy(outrider) as running, visitor(running.admin_url) as page:
        await seen(page)
        found = await page.looks(levels, "h1, h2, h3")
        assert await page.looks("() => document.documentElement.lang") == "en"
        assert await page.looks(live, "[role=status], [role=alert], [aria-live]") == 2
    assert found[0] == 1
    assert all(after - before <= 1 for before, after in itertools.pairwise(found))


def test_the_page_is_light() -> None:
    parts = [path for path in (ROOT / "proxy" / "admin" / "page").iterdir() if path.suffix in PARTS]
    assert sum(path.stat().st_size for path in parts) < 65_536


# The picture: a real daemon under real load, of which the page sees two minutes in a few seconds, under other names.

STEP = 2.5
LOOKS = 44
"""As many looks, each of them as if so many seconds had gone by since the one before."""

NAMES = {name: f"https://{name}.example/v1" for name in ("legacy", "mail", "payments", "reports", "search")}
QUICK = """
const later = window.setTimeout;
window.setTimeout = (deed, after, ...rest) => later(deed, after === 1000 ? 20 : after, ...rest);
"""


def answers_after(middle: float, chance: random.Random, ill: float = 0.0) -> Script:
    """Takes about `middle` seconds for an answer, and fails for a share of them."""

    async def script(connection: Connection) -> None:
        while True:
            await connection.request()
            await asyncio.sleep(middle * chance.lognormvariate(0, 0.5))
            quota = b'HTTP/1.1 200 OK\r\nRateLimit-Policy: "day";q=5000\r\nRateLimit: "day";r=3120;t=4000\r\n'
            broken = b"HTTP/1.1 503 X\r\ncontent-length: 0\r\n\r\n"
            await connection.send(broken if chance.random() < ill else quota + b"content-length: 2\r\n\r\nok")

    return script


async def ask_on(running: Outrider, target: bytes, pause: float, chance: random.Random) -> None:
    """One caller after the other's heart: now more, now less."""
    loop = asyncio.get_running_loop()
    async with await running.caller() as caller:
        while True:
            await caller.send(running.head(b"GET", target))
            await caller.answer()
            await asyncio.sleep(pause * chance.random() * (1.4 + math.sin(loop.time())))


SIZE = (1200, 760)


def opened(running: Outrider, answer: Any) -> Any:
    return visitor(running.admin_url, answer, script=QUICK, viewport=dict(zip(("width", "height"), SIZE, strict=True)))


async def passed(so: Callable[[], bool]) -> None:
    async with asyncio.timeout(80):
        while not so():
            await asyncio.sleep(0.02)


async def upload_on(running: Outrider, name: bytes, total: int, share: float, pause: float) -> None:
    async with await running.caller() as caller:
        named = b"Outrider-Request-Id: " + name
        await caller.send(running.head(b"PUT", b"/reports/" + name, named, b"Content-Length: %d" % total))
        await caller.send(b"x" * int(total * share))
        while True:
            await asyncio.sleep(pause)
            await caller.send(b"x" * 20_000)


def stretched(state: dict[str, Any], looks: int) -> dict[str, Any]:
    """As it would be after so many steps."""
    moved = looks * STEP
    for upstream in state["upstreams"]:
        upstream["url"] = NAMES.get(upstream["name"], upstream["url"])
    for about, when in (("errors", "at"), ("profiles", "expires_at")):
        for one in state[about]:
            one[when] = None if one[when] is None else one[when] - state["at"] + 1_800_000_000 + moved
    for request in state["requests"]:
        request["age"] *= 20
    return state | {"at": 1_800_000_000 + moved, "uptime": 266_000 + moved, "addresses": ["http://127.0.0.1:8080"]}


async def test_the_picture_of_the_readme(outrider, tmp_path: Path) -> None:
    """`OUTRIDER_TEST_SCREENSHOT=1` puts it into its place."""
    chance = random.Random(7)
    async with TokenServer() as server, contextlib.AsyncExitStack() as open_:
        payments, search, slow = [
            await open_.enter_async_context(RawUpstream(script))
            for script in (answers_after(0.012, chance), answers_after(0.035, chance, 0.06), never_answers())
        ]
        limits = {"concurrency": {"limit": 16}, "rate_limit": {"rate": "200/s", "burst": 40}, "breaker": {}}
        upstreams: dict[str, Any] = {
            "payments": {"url": payments.url, "auth": "payments", **limits},
            "search": {"url": search.url, "auth": "search", "breaker": {}, "retry": {"attempts": 1}},
            "reports": {"url": slow.url},
            "mail": {"url": slow.url, "auth": "mail"},
            "legacy": {
                "url": "http://127.0.0.1:1",
                "breaker": {"min_calls": 2, "open": "1h"},
                "retry": {"attempts": 1},
            },
        }
        for name, upstream in upstreams.items():
            upstream["match"] = {"prefix": f"/{name}"}
        login = server.profile(grant="device_code", device_authorization_url=f"{server.url}/device")
        auth = {"payments": server.profile(), "mail": login, "search": {"type": "bearer", "token": "x"}}
        # In this order, which a dump of the dictionary would not keep.
        config = {"listen": "127.0.0.1:0", "admin": {"listen": "127.0.0.1:0"}, "auth": auth, "upstreams": upstreams}
        running = await outrider(json.dumps(config))
        await Admin(running.admin_port).post("/api/profiles/mail/session", {"access_token": "x", "expires_in": 1740})
        looks = 0

        async def answer(route: Any) -> bool:
            if not route.request.url.endswith("/api/state"):
                return False
            nonlocal looks
            state = json.loads(await (await route.fetch()).body())
            looks += 1
            body = json.dumps(stretched(state, looks))
            await route.fulfill(status=200, content_type="application/json", body=body)
            return True

        async with asyncio.TaskGroup() as traffic, opened(running, answer) as page:
            tasks = [
                *(traffic.create_task(ask_on(running, b"/payments/charges", 0.08, chance)) for _ in range(4)),
                *(traffic.create_task(ask_on(running, b"/search/q", 0.12, chance)) for _ in range(2)),
                traffic.create_task(upload_on(running, b"quarter-3.parquet", 60_000_000, 0.3, 0.02)),
                traffic.create_task(upload_on(running, b"backup-0412", 9_000_000, 0.4, 0.05)),
            ]
            await passed(lambda: looks >= LOOKS // 3)
            for _ in range(5):
                await running.request(b"GET", b"/legacy/items")
            await passed(lambda: looks >= LOOKS)
            to = PICTURE if os.environ.get("OUTRIDER_TEST_SCREENSHOT") == "1" else tmp_path / "picture.png"
            await page.picture(to)
            points = "() => document.querySelector('.chart.calm .line').getAttribute('d').split('L').length"
            drawn = await page.looks(points)
            for task in tasks:
                task.cancel()
    assert drawn > 20
    for picture in (to, PICTURE):
        content = picture.read_bytes()
        assert content.startswith(b"\x89PNG")
        assert struct.unpack(">II", content[16:24]) == SIZE
        assert len(content) < 150_000
