"""A real Chromium that opens one page and remembers what it asked for and what it complained about."""

import asyncio
import shutil
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

__all__ = ["Visitor", "browser_missing", "visitor"]

PATIENCE = 10_000

_WATCH = """
addEventListener("securitypolicyviolation", (event) => {
  (window.violations ??= []).push(`${event.violatedDirective}: ${event.blockedURI}`);
});
"""


def browser_missing() -> str | None:
    """Why no page can be opened here, or None."""
    try:
        import playwright  # noqa: F401 - only whether it is there
    except ImportError:
        return "playwright is not installed"
    return None if _program() else "chromium is not installed"


def _program() -> str | None:
    return shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")


class Visitor:
    """Looks at a page of `origin`. `complaints` are console errors, exceptions and what the page's policy stopped."""

    def __init__(self, page: Any, origin: str) -> None:
        self.page = page
        self.origin = origin
        self.asked: list[str] = []
        self.sent: list[Any] = []
        self.complaints: list[str] = []
        self.forgives: tuple[str, ...] = ()
        """What a test brings about by itself: complaints that hold one of these words are none."""
        page.on("console", lambda message: self._complain(message.text) if message.type == "error" else None)
        page.on("pageerror", lambda error: self._complain(str(error)))

    def _complain(self, text: str) -> None:
        if not any(word in text for word in self.forgives):
            self.complaints.append(text)

    async def begin(self, answer: Callable[[Any], Awaitable[bool]] | None = None, script: str = "") -> None:
        """Every request passes here; `answer(route)` says whether it has dealt with one by itself."""

        async def passes(route: Any) -> None:
            self.asked.append(route.request.url)
            self.sent.append(route.request)
            if answer is None or not await answer(route):
                await route.continue_()

        self.page.set_default_timeout(PATIENCE)
        await self.page.add_init_script(_WATCH + script)
        await self.page.route("**/*", passes)
        await self.page.goto(f"{self.origin}/")

    async def looks(self, expression: str, argument: Any = None) -> Any:
        return await self.page.evaluate(expression, argument)

    async def until(self, expression: str, argument: Any = None) -> None:
        """Wait until it is so."""
        # Playwright's own way to wait makes code of text inside the page, which its policy forbids.
        try:
            async with asyncio.timeout(PATIENCE / 1000):
                while not await self.page.evaluate(expression, argument):
                    await asyncio.sleep(0.05)
        except TimeoutError:
            shown = await self.page.inner_text("body")
            raise AssertionError(f"not so: {expression} of {argument}; complaints {self.complaints}; {shown}") from None

    async def reads(self, selector: str) -> str:
        return (await self.page.inner_text(selector)).strip()

    async def saw(self, selector: str, text: str) -> None:
        """Wait until the element says this."""
        wanted = [selector, text]
        await self.until("([where, what]) => document.querySelector(where)?.innerText.includes(what) ?? false", wanted)

    async def picture(self, path: Path) -> None:
        # Playwright hides the caret by an inline style, which the page's policy stops.
        await self.page.screenshot(path=path, caret="initial")

    async def is_content(self) -> None:
        """Nothing was asked of anybody else, nothing was stopped, nothing went wrong."""
        assert [url for url in self.asked if not url.startswith(f"{self.origin}/")] == []
        assert await self.looks("() => window.violations ?? []") == []
        assert self.complaints == []


@asynccontextmanager
async def visitor(
    origin: str,
    answer: Callable[[Any], Awaitable[bool]] | None = None,
    *,
    script: str = "",
    forgives: tuple[str, ...] = (),
    **context: Any,
) -> AsyncIterator[Visitor]:
    """Opens the page at `origin` in a browser of its own; `context` is the browser's (its size, its colours).

    `script` runs before the page's own.
    """
    if reason := browser_missing():
        pytest.skip(reason)
    from playwright.async_api import async_playwright

    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=_program(), args=["--no-sandbox"])
        try:
            context.setdefault("viewport", {"width": 1280, "height": 860})
            opened = await browser.new_context(**context)
            found = Visitor(await opened.new_page(), origin)
            found.forgives = forgives
            await found.begin(answer, script)
            yield found
            await found.is_content()
        finally:
            await browser.close()
