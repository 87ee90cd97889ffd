import asyncio
import os
import socket
import stat
from contextlib import closing
from pathlib import Path
from typing import Any, cast

import pytest

from proxy.edge.sockets import Bound, bind


def open_files() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


async def bound(address: str, handed: socket.socket | None = None) -> Bound:
    return await bind(address, asyncio.get_running_loop(), handed)


async def test_a_free_port_is_told_in_the_address_that_callers_use() -> None:
    with closing(await bound("127.0.0.1:0")) as at:
        assert at.port == at.sockets[0].getsockname()[1] > 0
        assert (at.address, at.name, at.url) == ("127.0.0.1:0", "127.0.0.1", f"http://127.0.0.1:{at.port}")


async def test_an_ipv6_address_keeps_its_brackets_and_is_no_ipv4_address_too() -> None:
    with closing(await bound("[::]:0")) as at:
        assert (at.name, at.url) == ("[::]", f"http://[::]:{at.port}")
        assert at.sockets[0].getsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY) == 1


class TwoAddresses:
    """A loop to which every name stands for this machine twice."""

    async def getaddrinfo(self, name: str, port: int, **_: Any) -> list[tuple[Any, ...]]:
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (host, port)) for host in ("127.0.0.1", "127.0.0.2") * 2]


async def test_all_that_a_name_stands_for_has_one_port() -> None:
    with closing(await bind("here:0", cast(asyncio.AbstractEventLoop, TwoAddresses()))) as at:
        assert [sock.getsockname()[:2] for sock in at.sockets] == [("127.0.0.1", at.port), ("127.0.0.2", at.port)]


async def test_a_socket_that_listens_does_not_block() -> None:
    with closing(await bound("127.0.0.1:0")) as at:
        assert not at.sockets[0].getblocking()
        with pytest.raises(BlockingIOError):
            at.sockets[0].accept()


async def test_an_address_that_is_taken_leaves_nothing_open() -> None:
    with closing(await bound("127.0.0.1:0")) as at:
        before = open_files()
        with pytest.raises(OSError, match="in use"):
            await bound(f"127.0.0.1:{at.port}")
        assert open_files() == before


async def test_a_unix_socket_is_its_owners_alone_and_goes_with_its_end(tmp_path: Path) -> None:
    path = tmp_path / "s"
    mask = os.umask(0)
    try:
        at = await bound(f"unix:{path}")
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert os.umask(0) == 0
    finally:
        os.umask(mask)
    assert (at.name, at.port, at.url) == ("", 0, f"unix:{path}")
    at.close()
    assert not path.exists()


async def test_the_socket_of_a_dead_daemon_is_replaced(tmp_path: Path) -> None:
    path = tmp_path / "s"
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(path))
    (await bound(f"unix:{path}")).close()


async def test_the_socket_of_a_living_daemon_is_kept(tmp_path: Path) -> None:
    path = tmp_path / "s"
    with closing(await bound(f"unix:{path}")):
        with pytest.raises(OSError, match="in use"):
            await bound(f"unix:{path}")
        assert path.is_socket()


async def test_a_file_that_is_no_socket_is_never_removed(tmp_path: Path) -> None:
    path = tmp_path / "s"
    path.write_text("mine")
    with pytest.raises(OSError, match="in use"):
        await bound(f"unix:{path}")
    assert path.read_text() == "mine"


async def test_a_socket_that_was_handed_over_is_not_ours_to_remove(tmp_path: Path) -> None:
    path = tmp_path / "s"
    handed = socket.socket(socket.AF_UNIX)
    handed.bind(str(path))
    at = await bound(f"unix:{path}", handed)
    assert at.sockets == [handed]
    at.close()
    assert path.is_socket()


async def test_a_connection_came_by_the_address_whose_name_it_has() -> None:
    with closing(await bound("127.0.0.1:0")) as at:
        assert at.has(("127.0.0.1", at.port))
        assert not at.has(("127.0.0.1", at.port + 1))
        assert not at.has(("127.0.0.2", at.port))
        assert not at.has("/run/s")


async def test_an_address_for_all_has_connections_of_any_name() -> None:
    with closing(await bound("0.0.0.0:0")) as at:
        assert at.has(("127.0.0.2", at.port))
        assert not at.has(("127.0.0.2", at.port + 1))


async def test_a_unix_socket_has_connections_of_its_path_alone(tmp_path: Path) -> None:
    with closing(await bound(f"unix:{tmp_path / 's'}")) as at:
        assert at.has(str(tmp_path / "s"))
        assert not at.has(str(tmp_path / "t"))
        assert not at.has(("127.0.0.1", 80))
