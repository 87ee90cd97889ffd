"""One profile by itself, outside of a daemon: what `login`, `logout`, `token` and `check --online` work at.

What must not live here: what is done with it, and asking a running daemon (`proxy.cli.daemon_session`).
"""

import argparse
import asyncio
import os
import sys
from collections.abc import AsyncIterator, Coroutine, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from proxy.auth.build import build_source
from proxy.auth.homes import homes
from proxy.auth.means import Means
from proxy.auth.open_store import open_store
from proxy.auth.source import CredentialSource
from proxy.clock import CoarseTimer
from proxy.config.auth_model import AuthProfile, OAuth2Profile, RefreshEndpointProfile
from proxy.config.find import find_config
from proxy.config.load import LoadedConfig, load_file
from proxy.config.problem import ConfigInvalid, listed
from proxy.upstream.fetch import Fetcher

__all__ = [
    "Bench",
    "Unfit",
    "add_profile_arguments",
    "attempt",
    "bench",
    "find_profile",
    "is_used_up",
    "loaded_config",
    "say",
]


class Unfit(Exception):
    """The command cannot do this. The message is one line for a user, `code` the exit code."""

    def __init__(self, message: str, code: int = 1) -> None:
        super().__init__(message)
        self.code = code


def attempt(command: Coroutine[Any, Any, int]) -> int:
    """The exit code of a command; one that cannot be done says why, mistakes in the file as `check` says them."""
    try:
        return asyncio.run(command)
    except Unfit as unfit:
        say(str(unfit) if unfit.code == 78 else f"outrider: {unfit}")
        return unfit.code


def add_profile_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("profile", metavar="PROFILE", help="name of a profile under auth")
    parser.add_argument(
        "-c",
        "--config",
        metavar="FILE",
        help="the configuration; else $OUTRIDER_CONFIG, ./outrider.yaml, /etc/outrider/outrider.yaml",
    )


def loaded_config(file: str | None) -> LoadedConfig:
    """Raises Unfit."""
    try:
        return load_file(find_config(file, os.environ), os.environ)
    except ConfigInvalid as invalid:
        raise Unfit("\n".join(map(str, invalid.problems)), 78) from None


def find_profile(loaded: LoadedConfig, name: str) -> AuthProfile:
    """Raises Unfit."""
    profiles = loaded.config.auth
    if name not in profiles:
        known = f"there is {listed(profiles)}" if profiles else "the file has none"
        raise Unfit(f"there is no profile {name} under auth in {loaded.path}; {known}", 2)
    return profiles[name]


def is_used_up(profile: AuthProfile) -> bool:
    """Whether what renews its session may be good for one time only, so that it must be kept."""
    if isinstance(profile, OAuth2Profile):
        return profile.wants_login or profile.grant == "refresh_token"
    return isinstance(profile, RefreshEndpointProfile)


@dataclass(frozen=True, slots=True)
class Bench:
    """What profiles share, as in a daemon."""

    loaded: LoadedConfig
    means: Means

    @asynccontextmanager
    async def source(self, name: str) -> AsyncIterator[CredentialSource | None]:
        """The profile's credential; None where it has none."""
        source = build_source(name, self.loaded.config.auth[name], self.means)
        try:
            yield source
        finally:
            if source is not None:
                await source.close()


@asynccontextmanager
async def bench(loaded: LoadedConfig, environ: Mapping[str, str]) -> AsyncIterator[Bench]:
    loop = asyncio.get_running_loop()
    timer = CoarseTimer(loop, 0.05)
    fetcher = Fetcher(timer, loop)
    store = open_store(loaded.config.state, loaded.base, environ)
    try:
        yield Bench(
            loaded,
            Means(
                loaded.base,
                environ,
                fetcher,
                store,
                secured=lambda tls: fetcher.over(tls, loaded.base),
                homes=homes(loaded.config),
            ),
        )
    finally:
        await store.close()
        await fetcher.close()
        timer.close()


def say(line: str) -> None:
    sys.stderr.write(f"{line}\n")
    sys.stderr.flush()
