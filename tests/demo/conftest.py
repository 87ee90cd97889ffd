"""A made-up API on its own, and a scene in which no Outrider stands between the client and it."""

from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest

from proxy.demo.credentials import MadeUp
from proxy.demo.peer import Peer
from proxy.demo.scene import Scene


@pytest.fixture
async def direct(tmp_path: Path) -> AsyncIterator[Scene]:
    """The client asks the API itself, at both addresses."""
    made_up = MadeUp()
    peer = Peer(made_up, tmp_path)
    client = aiohttp.ClientSession(auto_decompress=False, timeout=aiohttp.ClientTimeout(total=10))
    async with peer.serve() as origin, client:
        yield Scene(origin, origin, origin, client, peer, made_up, tmp_path)
