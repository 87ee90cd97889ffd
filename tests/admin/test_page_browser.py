"""The status page in a real browser: what it shows of a real daemon, what its buttons do, and for whom it works."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any

import pytest

from tests.peers.browser import Visitor, visitor
from tests.peers.raw_upstream import Connection, RawUpstream
from tests.peers.running import Outrider
from tests.peers.scripts import OK, answers, never_answers
from tests.peers.token_server import TokenServer

pytestmark = pytest.mark.xdist_group("browser")

NAMED = b"Outrider-Request-Id: mine"
UPLOAD = 1_000_000
ROW = "#requests .rows > li"
SESSION = "#sessions .rows > li"


@pytest.fixture
async def server() -> AsyncIterator[TokenServer]:
    async with TokenServer() as running:
        yield running


def config(api: str, server: TokenServer | None = None, **sections: Any) -> dict[str, Any]:
    """An upstream with every gauge that there is, and a session where there is a token server."""
    policies = {"concurrency": {"limit": 4}, "rate_limit": {"rate": "100/s", "burst": 10}, "breaker": {"min_calls": 2}}
    upstream: dict[str, Any] = {"url": api, "retry": {"attempts": 1}, **policies}
    # A test may be slower than any caller.
    sections["limits"] = {"min_body_rate": 0}
    if server is None:
        return {"upstreams": {"api": upstream}, **sections}
    auth = {"person": server.profile(), "key": {"type": "bearer", "token": "canary-5up3r-s3cr3t"}}
    return {"auth": auth, "upstreams": {"api": {**upstream, "auth": "person"}}, **sections}


@contextlib.asynccontextmanager
async def uploading(running: Outrider, name: bytes = NAMED) -> AsyncIterator[Any]:
    """A caller whose upload has begun and is fed by the test."""
    async with await running.caller() as caller:
        await caller.send(running.head(b"PUT", b"/files/report", name, b"Content-Length: %d" % UPLOAD))
        yield caller


def takes() -> Any:
    """An upstream that reads whatever comes."""

    async def script(connection: Connection) -> None:
        await connection.request()
        await connection.send(OK)

    return script


async def has_focus(page: Visitor, wanted: str) -> bool:
    return await page.looks("(wanted) => document.activeElement?.matches(wanted) ?? false", wanted)


async def tab_to(page: Visitor, wanted: str) -> None:
    for _ in range(20):
        await page.page.keyboard.press("Tab")
        if await has_focus(page, wanted):
            return
    raise AssertionError(f"no way by keyboard to {wanted}")


async def test_a_running_upload_is_seen_to_move_and_is_cancelled(outrider) -> None:
    async with RawUpstream(takes()) as api:
        running = await outrider(config(api.url))
        async with visitor(running.admin_url) as page, uploading(running) as caller:
            await caller.send(b"x" * 250_000)
            bar = f"{ROW} .up progress"
            await page.until("(bar) => document.querySelector(bar)?.value === 0.25", bar)
            await caller.send(b"x" * 500_000)
            await page.until("(bar) => document.querySelector(bar)?.value === 0.75", bar)
            assert "732 KiB of 977 KiB" in await page.reads(f"{ROW} .up")
            assert "PUT /files/report" in await page.reads(f"{ROW} h3")
            await page.page.click(f"{ROW} button")
            await page.saw("#said", "PUT /files/report was cancelled.")
            assert (await caller.answer(b"PUT")).code == "request_cancelled"
            await page.saw("#requests .none", "Nothing is in flight")
            await page.saw("#errors", "request_cancelled")


async def test_what_changes_something_says_so(outrider, server) -> None:
    async with RawUpstream(answers()) as api:
        running = await outrider(config(api.url, server))
        async with visitor(running.admin_url) as page:
            await page.page.click(f"{SESSION} button >> text=Refresh")
            await page.saw("#said", "person was refreshed.")
            (sent,) = [one for one in page.sent if one.method == "POST"]
            assert sent.headers["outrider-admin"] == "1"
    assert server.exchanges == 2


async def test_a_session_is_ended_after_asking_once_more(outrider, server) -> None:
    async with RawUpstream(never_answers()) as api:
        running = await outrider(config(api.url, server))
        async with visitor(running.admin_url) as page, await running.caller() as caller:
            await caller.send(running.head(b"GET", b"/slow", NAMED))
            await page.saw(SESSION, "1 in flight")
            assert "valid" in await page.reads(SESSION)
            await page.page.click(f"{SESSION} button.danger")
            assert "1 request in flight would be cancelled" in await page.reads("#confirm")
            await page.page.click("#confirm >> text=Keep it")
            assert "valid" in await page.reads(SESSION)
            await page.page.click(f"{SESSION} button.danger")
            await page.page.click("#confirm button.danger")
            await page.saw("#said", "person was terminated; 1 request was cancelled.")
            await page.saw(SESSION, "over")
            assert (await caller.answer()).code == "session_terminated"
            assert await page.looks("() => document.querySelector('#glance').innerText.includes('1 is over')")


async def test_a_session_counts_down(outrider, server) -> None:
    async with RawUpstream(answers()) as api:
        running = await outrider(config(api.url, server))
        async with visitor(running.admin_url) as page:
            await page.until("() => /^(59:5|60:0|1:00:00)/.test(document.querySelector('.countdown')?.innerText)")
            first = await page.reads(f"{SESSION} .countdown")
            await page.until("(first) => document.querySelector('.countdown').innerText !== first", first)


async def test_a_token_is_installed_and_shown_nowhere(outrider, server) -> None:
    async with RawUpstream(answers()) as api:
        running = await outrider(config(api.url, server))
        async with visitor(running.admin_url, forgives=("422",)) as page:
            await page.page.click(f"{SESSION} >> text=Install token")
            await page.page.click("#install [type=submit]")
            await page.saw("#install .wrong", "Give an access token")
            await page.page.fill("#install-access", "canary-1nst4ll3d")
            await page.page.fill("#install-expires", "90")
            await page.page.keyboard.press("Enter")
            await page.saw("#said", "person has a new session.")
            await page.until("() => /^1:(2|30)/.test(document.querySelector('.countdown')?.innerText)")
            assert await page.page.input_value("#install-access") == ""
            assert "canary" not in await page.page.content()
            await running.request()
        assert api.heads[-1].get(b"authorization") == b"Bearer canary-1nst4ll3d"


@pytest.mark.parametrize("grant", ["device_code"])
async def test_a_session_that_a_person_begins_says_how(outrider, server, grant: str) -> None:
    login = {"type": "oauth2", "grant": grant, "client_id": "x", "client_auth": "none", "token_url": server.token_url}
    async with RawUpstream(answers()) as api:
        auth = {"mail": login | {"device_authorization_url": f"{server.url}/device"}}
        running = await outrider({"auth": auth, "upstreams": {"api": {"url": api.url, "auth": "mail"}}})
        async with visitor(running.admin_url) as page:
            await page.saw(f"{SESSION} .advice", "outrider login mail")


async def test_an_error_is_told_with_the_stage_that_answered_and_once_however_often(outrider) -> None:
    async with RawUpstream(answers(b"HTTP/1.1 503 X\r\ncontent-length: 0\r\n\r\n")) as api:
        running = await outrider(config(api.url))
        for _ in range(5):
            await running.request()
        async with visitor(running.admin_url) as page:
            await page.saw("#errors .rows > li", "by breaker")
            assert "circuit_open × 3" in await page.reads("#errors .rows > li h3")
            assert "circuit open" in await page.reads("#upstreams .card")
            assert await page.looks("() => document.querySelectorAll('#errors .rows > li').length") == 1


async def test_gauges_tell_what_holds_requests_back(outrider) -> None:
    fields = b'RateLimit-Policy: "day";q=50\r\nRateLimit: "day";r=20;t=60\r\n'
    async with RawUpstream(answers(b"HTTP/1.1 200 OK\r\n" + fields + b"content-length: 0\r\n\r\n")) as api:
        running = await outrider(config(api.url))
        await running.request()
        async with visitor(running.admin_url) as page:
            await page.saw(".gauges", "20 of 50 left")
            told = "(all) => all.map((one) => [one.ariaLabel, one.ariaValueNow, one.ariaValueMax])"
            gauges = await page.page.eval_on_selector_all("[role=meter]", told)
            assert ["Quota", "30", "50"] in gauges
            assert ["Calls at once", "0", "4"] in gauges
            assert ["Limit 100/s", "0", "10"] in gauges


async def test_plots_grow_with_what_is_asked(outrider) -> None:
    async with RawUpstream(answers()) as api:
        running = await outrider(config(api.url))
        async with visitor(running.admin_url) as page:
            await page.saw(".idle", "no request yet")
            await running.request()
            await page.saw(".card", "1 request")
            drawn = "() => document.querySelector('.chart.calm .line')?.getAttribute('d').split('L').length > 2"
            await page.until(drawn)
            label = await page.page.get_attribute(".chart.calm svg", "aria-label")
            assert label is not None
            assert label.startswith("Requests: now 0.")


async def test_a_daemon_that_is_gone_is_told_of_and_found_again(outrider) -> None:
    async with RawUpstream(answers()) as api:
        running = await outrider(config(api.url))
        sections = {"admin": {"listen": running.admin_url.removeprefix("http://")}}
        async with visitor(running.admin_url, forgives=("ERR_CONNECTION_REFUSED", "ERR_EMPTY_RESPONSE")) as page:
            await page.saw("#phase", "ready")
            await running.stop()
            await page.saw("#trouble", "has not answered since")
            assert await page.reads("#phase") == "gone"
            await outrider(config(api.url, **sections))
            await page.saw("#phase", "ready")
            assert await page.page.is_hidden("#trouble")


async def test_a_page_that_nobody_sees_asks_nothing(outrider) -> None:
    turn = """(hidden) => {
      Object.defineProperty(document, "hidden", { value: hidden, configurable: true });
      document.dispatchEvent(new Event("visibilitychange"));
    }"""
    async with RawUpstream(answers()) as api:
        running = await outrider(config(api.url))
        async with visitor(running.admin_url) as page:
            await page.saw("#phase", "ready")
            await page.looks(turn, True)
            await asyncio.sleep(0.3)
            before = len(page.asked)
            await asyncio.sleep(2.5)
            assert len(page.asked) == before
            await page.looks(turn, False)
            async with asyncio.timeout(3):
                while len(page.asked) < before + 2:
                    await asyncio.sleep(0.05)


async def test_the_admin_token_is_asked_for_once_and_stays_in_the_tab(outrider) -> None:
    async with RawUpstream(answers()) as api:
        running = await outrider(config(api.url, admin={"listen": "127.0.0.1:0", "token": "canary-t0k3n"}))
        async with visitor(running.admin_url, forgives=("401",)) as page:
            await page.saw("#token", "Admin token")
            await page.page.fill("#token-value", "wrong")
            await page.page.keyboard.press("Enter")
            await page.saw("#token .wrong", "This is not the admin token.")
            await page.page.keyboard.press("Escape")
            assert await page.page.is_visible("#token")
            await page.page.fill("#token-value", "canary-t0k3n")
            await page.page.keyboard.press("Enter")
            await page.saw("#phase", "ready")
            await page.page.reload()
            await page.saw("#phase", "ready")
            assert await page.looks("() => [localStorage.length, document.cookie]") == [0, ""]
            assert "canary" not in await page.page.content()
            await page.page.click("#forget")
            await page.saw("#token", "Admin token")
            assert await page.looks("() => sessionStorage.length") == 0


async def test_everything_can_be_done_without_a_mouse(outrider, server) -> None:
    async with RawUpstream(never_answers()) as api:
        running = await outrider(config(api.url, server))
        async with visitor(running.admin_url) as page, await running.caller() as caller:
            press = page.page.keyboard.press
            await caller.send(running.head(b"GET", b"/slow", NAMED))
            await page.saw(ROW, "/slow")
            await press("Tab")
            assert await has_focus(page, ".skip")
            await tab_to(page, f"{ROW} button")
            outline = "() => getComputedStyle(document.activeElement).outlineStyle"
            assert await page.looks(outline) == "solid"
            await press("Enter")
            assert (await caller.answer()).code == "request_cancelled"
            # The row is gone, and the focus is not lost with it.
            await page.until("() => document.activeElement.id === 'requests-title'")
            await tab_to(page, f"{SESSION} button.danger")
            await press("Enter")
            assert await has_focus(page, "#confirm [value=no]")
            await press("Escape")
            assert await has_focus(page, f"{SESSION} button.danger")
            await press("Space")
            await press("Tab")
            await press("Enter")
            await page.saw(SESSION, "over")
            assert await has_focus(page, f"{SESSION} button.danger")


async def test_a_refusal_is_told_in_the_daemon_s_words(outrider, server) -> None:
    async with RawUpstream(answers()) as api:
        running = await outrider(config(api.url, server))
        async with visitor(running.admin_url, forgives=("404",)) as page, uploading(running):
            await page.saw(ROW, "PUT")
            await page.page.route(
                "**/api/requests/mine", lambda route: route.continue_(url=f"{page.origin}/api/requests/no")
            )
            await page.page.click(f"{ROW} button")
            await page.saw("#said", "No request of this id is in flight.")
