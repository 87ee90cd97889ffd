"""`outrider login`: a person begins a profile's session, and a running daemon takes it up at once.

What must not live here: the ways to log in (`proxy.auth.login`).
"""

import argparse
import os
import sys
import webbrowser

from proxy.auth.login import LoginFailed, log_in
from proxy.auth.source import SessionFault, Tokens
from proxy.auth.store import StoreFailed
from proxy.cli.daemon_session import DaemonSession
from proxy.cli.duration import duration
from proxy.cli.profile_bench import (
    Bench,
    Unfit,
    add_profile_arguments,
    attempt,
    bench,
    find_profile,
    loaded_config,
    say,
)
from proxy.config.auth_model import AuthProfile
from proxy.config.oauth2_model import OAuth2Profile

__all__ = ["add_arguments", "run"]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_profile_arguments(parser)
    parser.add_argument("--no-browser", action="store_true", help="print the address, and open nothing")
    parser.add_argument(
        "--timeout", type=duration, default=300.0, metavar="5m", help="how long to wait for the person (default 5m)"
    )


def run(arguments: argparse.Namespace) -> int:
    return attempt(_login(arguments))


async def _login(arguments: argparse.Namespace) -> int:
    loaded = loaded_config(arguments.config)
    name = arguments.profile
    profile = _interactive(name, find_profile(loaded, name))
    async with bench(loaded, os.environ) as opened:
        daemon = await _place(opened, name)
        screen = Terminal(name, browser=not arguments.no_browser)
        try:
            granted = await log_in(name, profile, opened.means, screen, arguments.timeout)
            scope = granted.scope or " ".join(profile.scopes)
            tokens = Tokens(granted.access, granted.refresh, granted.lifetime, scope)
            if daemon is None:
                await _keep(opened, name, tokens)
            else:
                daemon.install(tokens)
        except (LoginFailed, SessionFault) as failed:
            raise Unfit(f"no session for {name}: {failed.detail}") from None
        finally:
            screen.end()
    where = f"in the daemon at {daemon.url}" if daemon is not None else f"in {loaded.config.state.dir}"
    renews = "renews itself" if granted.refresh is not None else "cannot renew itself: the server gave no refresh token"
    sys.stdout.write(f"logged in: {name} is kept {where}, lives {granted.lifetime:.0f} s and {renews}\n")
    return 0


def _interactive(name: str, profile: AuthProfile) -> OAuth2Profile:
    """Raises Unfit."""
    if not isinstance(profile, OAuth2Profile):
        raise Unfit(f"profile {name} has type {profile.type}, which nobody logs in to", 2)
    if not profile.wants_login:
        raise Unfit(f"profile {name} has grant {profile.grant}, which needs nobody to log in", 2)
    return profile


async def _place(opened: Bench, name: str) -> DaemonSession | None:
    """The daemon that takes the session, None for the folder; tried first, so that nobody logs in for nothing."""
    if opened.loaded.config.state.dir is None:
        return await DaemonSession.find(opened.loaded, name)
    store = opened.means.store
    try:
        async with store.exclusive(name):
            await store.load(name)
    except StoreFailed as failed:
        raise Unfit(f"a session could not be kept: {failed.detail}") from None
    return None


async def _keep(opened: Bench, name: str, tokens: Tokens) -> None:
    async with opened.source(name) as source:
        assert source is not None
        await source.install(tokens)


class Terminal:
    """Where the person reads, on standard error; the outcome alone goes to standard output."""

    def __init__(self, profile: str, *, browser: bool) -> None:
        self._profile = profile
        self._browser = browser
        self._open_line = False

    def visit(self, url: str, code: str, complete: str) -> None:
        opened = self._browser and webbrowser.open(complete or url)
        say(f"To log in to {self._profile}, " + ("a browser was opened at" if opened else "open this address:"))
        say(f"\n  {url}\n")
        if code:
            say(f"and type this code there:\n\n  {code}\n")

    def waiting(self, seconds: float) -> None:
        if sys.stderr.isatty():
            minutes, rest = divmod(int(seconds), 60)
            sys.stderr.write(f"\rwaiting, {minutes}:{rest:02} left ")
            sys.stderr.flush()
            self._open_line = True

    def end(self) -> None:
        if self._open_line:
            sys.stderr.write("\n")
