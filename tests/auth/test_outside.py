"""Sessions that are begun and ended from outside, with the real grants and stores around them."""

import asyncio
import os
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from proxy.auth import CredentialSource, FolderStore, MemoryStore, SessionFault, SessionStore, Tokens, build_source
from proxy.auth.session import SessionSource
from proxy.clock import CoarseTimer
from proxy.errors import SessionExpired
from proxy.secret import Secret
from proxy.upstream.fetch import Fetcher
from tests.auth.sealers import KEY, OTHER_KEY, sealer
from tests.auth.tools import FakeClock, means, profile, write_secret
from tests.peers.token_server import TokenServer

Open = Callable[..., SessionSource]


@pytest.fixture
async def open_(tmp_path: Path, clock: FakeClock) -> AsyncIterator[Open]:
    loop = asyncio.get_running_loop()
    timer = CoarseTimer(loop, 0.02)
    fetcher = Fetcher(timer, loop)
    opened: list[CredentialSource] = []

    def build(written: dict[str, Any], store: SessionStore) -> SessionSource:
        source = build_source("p", profile(**written), means(tmp_path, clock, fetch=fetcher, store=store))
        assert isinstance(source, SessionSource)
        opened.append(source)
        return source

    yield build
    for source in opened:
        await source.close()
    await fetcher.close()
    timer.close()


@pytest.fixture(params=["memory", "folder"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> SessionStore:
    return MemoryStore() if request.param == "memory" else FolderStore(tmp_path / "state")


@pytest.fixture(params=["client_credentials", "refresh_token"])
def written(request: pytest.FixtureRequest, server: TokenServer) -> dict[str, Any]:
    return server.profile() if request.param == "client_credentials" else server.person(server.begin_family())


def tokens(access: str | None = "installed", refresh: str | None = None) -> Tokens:
    return Tokens(Secret(access) if access else None, Secret(refresh) if refresh else None, 1000)


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(5):
        while not condition():
            await asyncio.sleep(0.001)


async def is_over(source: CredentialSource) -> bool:
    try:
        await source.current()
    except SessionExpired:
        return True
    return False


async def test_what_is_installed_is_kept(written: dict[str, Any], store: SessionStore, open_: Open) -> None:
    await open_(written, store).install(tokens())
    assert (await open_(written, store).current()).lines == b"Authorization: Bearer installed\r\n"


async def test_an_ended_session_does_not_come_back_with_a_restart(
    written: dict[str, Any], store: SessionStore, open_: Open, server: TokenServer
) -> None:
    source = open_(written, store)
    await source.current()
    await source.terminate()
    again = open_(written, store)
    assert await is_over(again)
    assert await is_over(again)
    assert server.exchanges == 1
    record = await store.load("p")
    assert record is not None
    assert (record.access, record.refresh) == (None, None)


async def test_an_installed_session_ends_an_end(written: dict[str, Any], store: SessionStore, open_: Open) -> None:
    source = open_(written, store)
    await source.terminate()
    await source.install(tokens())
    assert not await is_over(open_(written, store))


async def test_another_secret_ends_an_end(
    written: dict[str, Any], store: SessionStore, open_: Open, server: TokenServer
) -> None:
    await open_(written, store).terminate()
    server.clients[written["client_id"]] = "another"
    more = {"client_secret": "another"}
    if written["grant"] == "refresh_token":
        assert await is_over(open_(written | more, store))
        more["refresh_token"] = server.begin_family()
    assert not await is_over(open_(written | more, store))


async def test_a_secret_file_that_changes_revives_an_ended_session_while_it_runs(
    server: TokenServer, open_: Open, tmp_path: Path, clock: FakeClock
) -> None:
    first = write_secret(tmp_path / "first", server.begin_family())
    source = open_(server.person({"file": str(first)}), MemoryStore())
    await source.terminate()
    assert await is_over(source)
    write_secret(first, server.begin_family())
    clock.now += 2
    assert not await is_over(source)


async def test_an_end_and_a_beginning_are_noticed_by_whoever_shares_the_folder(
    written: dict[str, Any], open_: Open, tmp_path: Path
) -> None:
    one, other = (open_(written, FolderStore(tmp_path / "state")) for _ in range(2))
    await one.current()
    await other.current()
    await one.terminate()
    other.glance()
    await until(lambda: other.peek(1000.0) is None)
    assert await is_over(other)
    await one.install(tokens())
    other.glance()
    await until(lambda: other.peek(1000.0) is not None)
    assert (await other.current()).lines == b"Authorization: Bearer installed\r\n"


async def test_a_refresh_token_that_is_installed_is_the_one_that_is_exchanged(
    store: SessionStore, open_: Open, server: TokenServer
) -> None:
    source = open_(server.person(server.begin_family()), store)
    await source.current()
    other = server.begin_family()
    await source.install(tokens(None, other))
    assert [asked["refresh_token"] for asked in server.asked][1:] == [other]
    await source.install(tokens("installed", list(server.current.values())[-1]))
    held = await source.current()
    assert held.lines == b"Authorization: Bearer installed\r\n"
    await source.refresh(held)
    assert (server.superseded, server.exchanges) == ([], 3)


async def test_an_access_token_alone_does_not_lead_back_to_the_session_before(
    store: SessionStore, open_: Open, server: TokenServer
) -> None:
    written = server.person(server.begin_family())
    source = open_(written, store)
    await source.current()
    await source.install(tokens())
    with pytest.raises(SessionExpired):
        await source.refresh(await source.current())
    assert server.exchanges == 1


async def test_a_client_goes_on_by_itself_after_an_installed_token(
    store: SessionStore, open_: Open, server: TokenServer
) -> None:
    source = open_(server.profile(), store)
    await source.install(tokens())
    await source.refresh(await source.current())
    assert server.exchanges == 1


async def test_a_client_has_no_use_for_a_refresh_token(store: SessionStore, open_: Open, server: TokenServer) -> None:
    with pytest.raises(SessionFault, match="no refresh token"):
        await open_(server.profile(), store).install(tokens("a", "r"))


async def test_a_token_that_has_expired_is_not_installed(
    written: dict[str, Any], store: SessionStore, open_: Open
) -> None:
    with pytest.raises(SessionFault, match="expired already"):
        await open_(written, store).install(Tokens(Secret("a"), None, 0))


async def test_an_end_that_cannot_be_kept_says_so_and_holds_here(
    written: dict[str, Any], open_: Open, tmp_path: Path, server: TokenServer
) -> None:
    folder = tmp_path / "state"
    source = open_(written, FolderStore(folder))
    await source.current()
    (folder / "p.json").unlink()
    (folder / "p.json").mkdir()
    with pytest.raises(SessionFault, match="in this process alone"):
        await source.terminate()
    assert await is_over(source)
    assert server.exchanges == 1


async def test_the_mark_that_could_not_be_kept_is_kept_before_anything_else(
    written: dict[str, Any], open_: Open, tmp_path: Path, clock: FakeClock, server: TokenServer
) -> None:
    folder = tmp_path / "state"
    source = open_(written, FolderStore(folder))
    await source.current()
    kept = (folder / "p.json").read_bytes()
    (folder / "p.json").unlink()
    (folder / "p.json").mkdir()
    with pytest.raises(SessionFault):
        await source.terminate()
    (folder / "p.json").rmdir()
    (folder / "p.json").touch(mode=0o600)
    (folder / "p.json").write_bytes(kept)
    clock.now += 2
    assert await is_over(source)
    assert await is_over(open_(written, FolderStore(folder)))
    assert server.exchanges == 1


async def test_a_folder_that_breaks_later_does_not_bring_an_ended_session_back(
    open_: Open, tmp_path: Path, clock: FakeClock, server: TokenServer
) -> None:
    folder = tmp_path / "state"
    source = open_(server.profile(), FolderStore(folder))
    await source.terminate()
    folder.chmod(0o777)
    clock.now += 2
    assert await is_over(source)
    assert server.exchanges == 0


BREAKAGES: dict[str, Callable[[Path], object]] = {
    "open to others": lambda folder: folder.chmod(0o777),
    "another user's": lambda folder: os.chown(folder, 12345, 12345),
    "encrypted with another key": lambda folder: (folder / "p.json").write_bytes(
        asyncio.run(sealer(OTHER_KEY).seal("p", b"{}"))
    ),
    "full": lambda folder: (folder / ".p.json.new").mkdir(),
}


@pytest.mark.parametrize("how", BREAKAGES)
async def test_a_folder_that_breaks_is_named_and_the_token_that_is_good_serves_on(
    open_: Open, tmp_path: Path, clock: FakeClock, server: TokenServer, how: str
) -> None:
    if how == "another user's" and os.geteuid() != 0:
        pytest.skip("only root can give folders away")
    folder = tmp_path / "state"
    source = open_(server.person(server.begin_family()), FolderStore(folder, sealer=sealer(KEY)))
    held = await source.current()
    await asyncio.to_thread(BREAKAGES[how], folder)
    clock.now += 3590
    assert source.peek(clock()) is held
    await until(lambda: source.problem is not None)
    assert source.peek(clock()) is held
    assert any(word in (source.problem or "") for word in ("state.dir", "state.key"))
    assert (source.unusable, server.superseded, server.exchanges) == (None, [], 1)
