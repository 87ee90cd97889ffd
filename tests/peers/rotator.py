"""A process that does nothing but renew one session, as fast as it can, with the daemon's own parts; made to be killed.

`python -m tests.peers.rotator TOKEN_URL FOLDER FIRST [COUNT]` prints `ready`, renews until it is killed, or COUNT times
once it has read a line, and prints `expired` when the session is over.

`python -m tests.peers.rotator nursery TOKEN_URL FOLDER FIRST` forks such a process for each line that it reads (COUNT
or nothing), prints its number, and prints `dead` when it has ended: a start costs milliseconds that way.
"""

import asyncio
import os
import sys
from pathlib import Path

from pydantic import TypeAdapter

import proxy.auth.oauth2  # noqa: F401 - before the fork: else each child spends most of its short life on it
from proxy.auth import FolderStore, Means, build_source
from proxy.clock import CoarseTimer
from proxy.config.auth_model import AuthProfile
from proxy.errors import CredentialUnavailable, SessionExpired
from proxy.upstream.fetch import Fetcher
from tests.peers.token_server import CLIENT, SECRET


async def run(token_url: str, folder: str, first: str, count: str = "", *, told: bool = True) -> None:
    loop = asyncio.get_running_loop()
    timer = CoarseTimer(loop, 0.05)
    written = {
        "type": "oauth2",
        "grant": "refresh_token",
        "token_url": token_url,
        "client_id": CLIENT,
        "client_secret": SECRET,
        "refresh_token": {"file": first},
    }
    profile = TypeAdapter(AuthProfile).validate_python(written)
    fetcher = Fetcher(timer, loop)
    source = build_source("p", profile, Means(Path.cwd(), {}, fetcher, FolderStore(Path(folder))))
    assert source is not None
    if told:
        print("ready", flush=True)
        if count:
            sys.stdin.readline()
    try:
        held = await source.current()
        for _ in range(int(count or 1_000_000)):
            held = await source.refresh(held) or held
    except SessionExpired:
        print("expired", flush=True)
    except CredentialUnavailable as error:
        print(f"unavailable: {error.detail}", flush=True)
    await source.close()
    await fetcher.close()
    timer.close()


def nursery(token_url: str, folder: str, first: str) -> None:
    print("ready", flush=True)
    for line in sys.stdin:
        child = os.fork()
        if child == 0:
            asyncio.run(run(token_url, folder, first, line.strip(), told=False))
            os._exit(0)
        print(child, flush=True)
        os.waitpid(child, 0)
        print("dead", flush=True)


if __name__ == "__main__":
    if sys.argv[1] == "nursery":
        nursery(*sys.argv[2:])
    else:
        asyncio.run(run(*sys.argv[1:]))
