"""`outrider check --online`: each profile is tried once, as a daemon that starts would.

What is kept is used and kept again, under the lock that daemons share, so nobody's session is disturbed. What must not
live here: the checks of the file.
"""

import asyncio
import os

from proxy.auth.source import CredentialSource
from proxy.cli.profile_bench import Bench, bench, is_used_up
from proxy.config.load import LoadedConfig
from proxy.errors import OutriderError

__all__ = ["Tried", "try_profiles"]

Tried = tuple[str, bool]
"""A line for the user, and whether that profile is all right."""


def try_profiles(loaded: LoadedConfig) -> list[Tried]:
    return asyncio.run(_try_all(loaded))


async def _try_all(loaded: LoadedConfig) -> list[Tried]:
    async with bench(loaded, os.environ) as opened:
        return list(await asyncio.gather(*(_try(opened, name) for name in loaded.config.auth)))


async def _try(opened: Bench, name: str) -> Tried:
    profile = opened.loaded.config.auth[name]
    if opened.loaded.config.state.dir is None and is_used_up(profile):
        return f"{name}: not tried: without state.dir, to try it could use up the token that a daemon needs", True
    async with opened.source(name) as source:
        if source is None:
            return f"{name}: has no credential", True
        return await _obtained(name, source)


async def _obtained(name: str, source: CredentialSource) -> Tried:
    try:
        await source.current()
    except OutriderError as error:
        return f"{name}: no credential: {error.detail}", False
    return f"{name}: credential obtained", True
