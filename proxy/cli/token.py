"""`outrider token`: the state of a profile's session, and its token where that is asked for.

What must not live here: sessions themselves.
"""

import argparse
import os
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime

from proxy.auth.record import Record
from proxy.auth.session import SessionSource
from proxy.auth.source import CredentialSource
from proxy.auth.store import StoreFailed
from proxy.cli.daemon_session import DaemonSession
from proxy.cli.profile_bench import (
    Bench,
    Unfit,
    add_profile_arguments,
    attempt,
    bench,
    find_profile,
    is_used_up,
    loaded_config,
)
from proxy.config.oauth2_model import OAuth2Profile
from proxy.errors import CredentialUnavailable, SessionExpired

__all__ = ["add_arguments", "run"]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_profile_arguments(parser)
    parser.add_argument(
        "--reveal", action="store_true", help="print the token alone, renewed where it has ended; for $(…) in a shell"
    )


def run(arguments: argparse.Namespace) -> int:
    return attempt(_token(arguments))


async def _token(arguments: argparse.Namespace) -> int:
    loaded = loaded_config(arguments.config)
    name = arguments.profile
    find_profile(loaded, name)
    async with bench(loaded, os.environ) as opened, opened.source(name) as source:
        if not isinstance(source, SessionSource):
            raise Unfit(f"profile {name} has no session: its credential stands in the configuration", 2)
        if arguments.reveal:
            sys.stdout.write(f"{await _revealed(opened, name, source)}\n")
            return 0
        if loaded.config.state.dir is None:
            state = (await DaemonSession.find(loaded, name)).state()
            lines, usable = list(_of_daemon(state)), state.get("unusable") is None
        else:
            record = await _kept(opened, name)
            lines, usable = list(_of_record(opened, name, record)), _is_usable(opened, name, record)
    sys.stdout.writelines(f"{line}\n" for line in lines)
    return 0 if usable else 1


async def _revealed(opened: Bench, name: str, source: CredentialSource) -> str:
    """As a daemon gets it: what is kept, or renewed. Raises Unfit."""
    if is_used_up(opened.loaded.config.auth[name]) and opened.loaded.config.state.dir is None:
        raise Unfit("the session lives in the memory of a daemon, which gives no token out; add state: {dir: PATH}")
    try:
        await source.current()
    except (CredentialUnavailable, SessionExpired) as error:
        raise Unfit(f"no token for {name}: {error.detail}") from None
    assert isinstance(source, SessionSource)
    assert source.token is not None
    return source.token.reveal()


async def _kept(opened: Bench, name: str) -> Record | None:
    try:
        return await opened.means.store.load(name)
    except StoreFailed as failed:
        raise Unfit(failed.detail) from None


def _is_usable(opened: Bench, name: str, record: Record | None) -> bool:
    profile = opened.loaded.config.auth[name]
    alone = not (isinstance(profile, OAuth2Profile) and profile.wants_login)
    if record is None:
        return alone
    held = record.remaining(time.time()) > 0 or record.refresh is not None
    return held or (alone and record.ended is None)


def _of_record(opened: Bench, name: str, record: Record | None) -> Iterator[str]:
    now = time.time()
    yield f"profile: {name}"
    if record is None:
        empty = "empty, obtained with the first request"
        yield f"state:   {empty if _is_usable(opened, name, None) else f'nobody has logged in: outrider login {name}'}"
    elif record.remaining(now) > 0:
        yield "state:   valid"
        yield f"expires: {_moment(now + record.remaining(now))} (in {record.remaining(now):.0f} s)"
    elif record.refresh is not None:
        yield "state:   ended, and renewed with the next request"
    else:
        yield f"state:   {'ended' if record.ended is not None else 'expired'}"
    if record is not None and record.scope:
        yield f"scope:   {record.scope}"
    if record is not None:
        yield f"renewal: {'by a refresh token' if record.refresh is not None else 'no refresh token'}"
        if record.pending is not None:
            yield f"pending: an exchange was begun at {_moment(record.pending)}, and its answer is not known"
    state = opened.loaded.config.state
    yield f"kept in: {opened.loaded.base / (state.dir or '')}{' (encrypted)' if state.key else ''}"


def _of_daemon(state: object) -> Iterator[str]:
    assert isinstance(state, dict)
    yield f"profile: {state.get('name')}"
    yield f"state:   {state.get('state')}"
    if isinstance(moment := state.get("expires_at"), (int, float)):
        yield f"expires: {_moment(moment)}"
    if isinstance(problem := state.get("problem"), str):
        yield f"problem: {problem}"
    yield "kept in: the memory of a running daemon"


def _moment(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M:%SZ")
