"""`outrider logout`: ends a profile's session, in the folder and in every daemon that shares it."""

import argparse
import os
import sys

from proxy.auth.session import SessionSource
from proxy.auth.source import NotASession, SessionFault
from proxy.cli.daemon_session import DaemonSession
from proxy.cli.profile_bench import Unfit, add_profile_arguments, attempt, bench, find_profile, loaded_config

__all__ = ["add_arguments", "run"]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_profile_arguments(parser)


def run(arguments: argparse.Namespace) -> int:
    return attempt(_logout(arguments.config, arguments.profile))


async def _logout(file: str | None, name: str) -> int:
    said = await _ended(file, name)
    sys.stdout.write(f"logged out: the session of {name} is ended{f'; {said}' if said else ''}\n")
    return 0


async def _ended(file: str | None, name: str) -> str:
    loaded = loaded_config(file)
    find_profile(loaded, name)
    async with bench(loaded, os.environ) as opened, opened.source(name) as source:
        if source is None:
            raise Unfit(f"profile {name} has no credential", 2)
        if loaded.config.state.dir is None and isinstance(source, SessionSource):
            return (await DaemonSession.find(loaded, name)).terminate()
        try:
            return await source.terminate()
        except NotASession as fault:
            raise Unfit(f"profile {name}: {fault.detail}", 2) from None
        except SessionFault as fault:
            raise Unfit(f"profile {name}: {fault.detail}") from None
