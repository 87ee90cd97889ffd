"""The scheme `oauth2` with its real caller of the token endpoint, against a server that can be told every fault."""

import asyncio
import base64
import json
from pathlib import Path
from typing import Any

import pytest

from proxy.auth import FolderStore, MemoryStore, StoreFailed
from proxy.auth.record import Record
from proxy.errors import CredentialUnavailable, SessionExpired
from tests.auth.tools import FakeClock, Open, refuses, write_secret
from tests.peers import scripts
from tests.peers.token_server import SECRET, TokenServer, answer

# What is sent


@pytest.mark.parametrize("how", ["client_secret_basic", "client_secret_basic_raw", "client_secret_post"])
async def test_the_client_proves_itself_in_each_way(server: TokenServer, open_: Open, how: str) -> None:
    if how == "client_secret_basic_raw":
        server.next.append(answers({"access_token": "t"}))
    assert (await open_(server.profile(client_auth=how)).current()).lines.startswith(b"Authorization: Bearer ")
    proof, asked = server.proofs[-1], server.asked[-1]
    if how == "client_secret_post":
        assert (proof, asked["client_secret"]) == (None, SECRET)
        return
    assert proof is not None
    pair = base64.b64decode(proof.partition(b" ")[2]).decode()
    encoded = "ma%3Achine:s%25c%26ret+%2F%C3%BC"
    assert pair == (encoded if how == "client_secret_basic" else f"ma:chine:{SECRET}")
    assert "client_secret" not in asked


async def test_a_public_client_sends_its_name_and_no_proof(server: TokenServer, open_: Open) -> None:
    server.next.append(answers({"access_token": "t"}))
    written = server.person("first")
    del written["client_secret"]
    await open_(written).current()
    assert (server.proofs, server.asked[-1]["client_id"]) == ([None], "ma:chine")


async def test_everything_that_is_configured_is_asked_for(server: TokenServer, open_: Open) -> None:
    server.next.append(answers({"access_token": "t"}))
    more = {"scope": ["read", "write"], "scope_separator": ",", "audience": "api", "resource": "https://a.example/"}
    await open_(server.profile(parameters={"tenant": "ü&"}, headers={"X-Tenant": "one"}, **more)).current()
    assert server.asked[-1] == {
        "grant_type": "client_credentials",
        "scope": "read,write",
        "audience": "api",
        "resource": "https://a.example/",
        "tenant": "ü&",
    }
    assert server._raw.requests[-1].head.get(b"x-tenant") == b"one"
    assert server._raw.requests[-1].head.get(b"content-type") == b"application/x-www-form-urlencoded"


def answers(content: Any, status: int = 200, *lines: bytes) -> scripts.Script:
    return scripts.answers_once(answer(status, content, *lines))


# Faults of the endpoint

_LONG = b"HTTP/1.1 200 OK\r\nContent-Length: 400000\r\n\r\n" + b" " * 400_000
_TOKEN = answer(200, {"access_token": "t"})
FAULTS: dict[str, scripts.Script] = {
    "resets": scripts.resets_unanswered(),
    "closes": scripts.closes_unanswered(),
    "half-closes": scripts.half_closes_unanswered(),
    "never answers": scripts.never_answers(),
    "interim answers for ever": scripts.sends_interim_for_ever(),
    "garbage": scripts.answers_once(b"\x16\x03\x01 what\r\n\r\n"),
    "trickles": scripts.trickles(_TOKEN, pause=0.05),
    "cut content": scripts.answers_once(b"HTTP/1.1 200 OK\r\nContent-Length: 90\r\n\r\n{"),
    "cut chunk": scripts.answers_once(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nff\r\n{"),
    "two lengths": scripts.answers_once(b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n{}"),
    "reset within the head": scripts.answers_then_resets(b"HTTP/1.1 200 OK\r\nConte"),
    "unasked upgrade": scripts.answers_once(b"HTTP/1.1 101 X\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n"),
    "too large": scripts.answers_once(_LONG),
    "a head of 100 KB": scripts.answers_once(b"HTTP/1.1 200 OK\r\nX: " + b"x" * 100_000 + b"\r\n\r\n"),
}
ANSWERS: dict[str, scripts.Script] = {
    "500": answers({}, 500),
    "503 and when to come back": answers({}, 503, b"Retry-After: 1"),
    "429": answers({}, 429),
    "an error under 200": answers({"error": "server_error"}),
    "a page": answers(b"<html>maintenance</html>"),
    "204": scripts.answers_once(b"HTTP/1.1 204 No Content\r\n\r\n"),
    "304": scripts.answers_once(b"HTTP/1.1 304 Not Modified\r\n\r\n"),
    "302": answers(b"", 302, b"Location: https://elsewhere.example/"),
    "expired already": answers({"access_token": "t", "expires_in": 0}),
    "an empty token": answers({"access_token": "", "expires_in": 60}),
    "no token": answers({"expires_in": 60}),
    "a token that is not enough alone": answers({"access_token": "t", "token_type": "DPoP"}),
    "a token that no field can carry": answers({"access_token": "a\nb"}),
}


@pytest.mark.parametrize("fault", [*FAULTS, *ANSWERS])
async def test_a_client_survives_every_fault_and_asks_again_after_its_pause(
    server: TokenServer, open_: Open, clock: FakeClock, fault: str
) -> None:
    source = open_(server.profile(timeout="300ms"))
    server.next.append((FAULTS | ANSWERS)[fault])
    error = await refuses(source)
    assert (error.code, error.retry_after) == ("credential_unavailable", 1)
    assert source.problem
    assert (await refuses(source)).detail == error.detail
    assert len(server.asked) == 1
    clock.now += 1
    await source.current()
    assert source.problem is None


@pytest.mark.parametrize("fault", ANSWERS)
async def test_a_rotating_session_survives_every_answer_that_is_one(
    server: TokenServer, open_: Open, clock: FakeClock, fault: str
) -> None:
    source = open_(server.person(server.begin_family()))
    server.next.append(ANSWERS[fault])
    assert (await refuses(source)).code == "credential_unavailable"
    clock.now += 60
    await source.current()
    assert server.superseded == []


@pytest.mark.parametrize("fault", FAULTS)
async def test_a_refresh_token_whose_answer_was_lost_is_not_presented_again(
    server: TokenServer, open_: Open, clock: FakeClock, wall: FakeClock, fault: str
) -> None:
    source = open_(server.person(server.begin_family(), timeout="300ms"))
    server.next.append(FAULTS[fault])
    assert (await refuses(source)).code == "session_expired"
    clock.now += 3600
    wall.now += 3600
    assert (await refuses(source)).code == "session_expired"
    assert len(server.asked) == 1


async def test_within_the_grace_that_a_profile_declares_it_is(
    server: TokenServer, open_: Open, clock: FakeClock, wall: FakeClock
) -> None:
    source = open_(server.person(server.begin_family(), reuse_grace="30s"))
    server.next.append(scripts.resets_unanswered())
    assert (await refuses(source)).code == "credential_unavailable"
    clock.now += 5
    wall.now += 5
    await source.current()


async def test_past_the_grace_it_is_not(server: TokenServer, open_: Open, clock: FakeClock, wall: FakeClock) -> None:
    source = open_(server.person(server.begin_family(), reuse_grace="30s"))
    server.next.append(scripts.resets_unanswered())
    await refuses(source)
    clock.now += 31
    wall.now += 31
    assert (await refuses(source)).code == "session_expired"


async def test_a_server_that_is_known_not_to_rotate_is_asked_again(
    server: TokenServer, open_: Open, clock: FakeClock
) -> None:
    server.rotates = False
    source = open_(server.person(server.begin_family()))
    held = await source.current()
    server.next.append(scripts.resets_unanswered())
    with pytest.raises(CredentialUnavailable):
        await source.refresh(held)
    clock.now += 1
    assert (await source.current()).lines != held.lines


async def test_a_server_that_was_never_reached_has_used_nothing_up(open_: Open, clock: FakeClock) -> None:
    async with TokenServer() as server:
        written = server.person(server.begin_family())
    source = open_(written)
    assert (await refuses(source)).code == "credential_unavailable"
    clock.now += 1
    assert (await refuses(source)).code == "credential_unavailable"


async def test_a_server_that_is_not_reached_is_named_by_its_host_alone(open_: Open) -> None:
    async with TokenServer() as server:
        written = server.profile(token_url=f"{server.url}/k3y?key=k3y")
    detail = (await refuses(open_(written))).detail
    assert f"from the token endpoint at {server.url.removeprefix('http://')}: " in detail
    assert "k3y" not in detail


# Rotation and what is kept


async def test_an_answer_without_a_refresh_token_keeps_the_old_one(server: TokenServer, open_: Open) -> None:
    server.rotates = False
    first = server.begin_family()
    source = open_(server.person(first))
    await source.refresh(await source.current())
    assert [asked["refresh_token"] for asked in server.asked] == [first, first]


async def test_each_exchange_presents_what_the_last_one_gave(server: TokenServer, open_: Open) -> None:
    source = open_(server.person(server.begin_family()))
    held = await source.current()
    for _ in range(5):
        held = await source.refresh(held) or held
    assert (server.superseded, server.exchanges) == ([], 6)


async def test_a_new_refresh_token_is_kept_before_its_access_token_is_used(
    server: TokenServer, open_: Open, tmp_path: Path
) -> None:
    store = FolderStore(tmp_path / "state")
    source = open_(server.person(server.begin_family()), store)
    held = await source.current()
    kept = json.loads((tmp_path / "state" / "p.json").read_text())
    assert held.lines == f"Authorization: Bearer {kept['access_token']}\r\n".encode()
    assert kept["refresh_token"] == next(iter(server.current.values()))
    assert kept["pending"] is None


async def test_a_restart_goes_on_with_the_kept_token_and_asks_for_nothing(
    server: TokenServer, open_: Open, tmp_path: Path
) -> None:
    for written in (server.profile(), server.person(server.begin_family())):
        store = FolderStore(tmp_path / str(len(server.asked)))
        held = await open_(written, store).current()
        before = len(server.asked)
        assert (await open_(written, store).current()).lines == held.lines
        assert len(server.asked) == before


async def test_a_kept_token_that_was_asked_for_otherwise_is_not_used(server: TokenServer, open_: Open) -> None:
    store = MemoryStore()
    await open_(server.profile(scope="read"), store).current()
    await open_(server.profile(scope="write"), store).current()
    assert server.exchanges == 2


async def test_a_token_that_was_refused_is_not_taken_from_the_store_again(server: TokenServer, open_: Open) -> None:
    source = open_(server.profile())
    held = await source.current()
    fresh = await source.refresh(held)
    assert fresh is not None
    assert fresh.lines != held.lines


async def test_what_another_process_got_is_taken_instead_of_an_exchange(server: TokenServer, open_: Open) -> None:
    store, written = MemoryStore(), server.person(server.begin_family())
    one, other = open_(written, store), open_(written, store)
    held = await one.current()
    assert (await other.current()).lines == held.lines
    fresh = await one.refresh(held)
    taken = await other.refresh(await other.current())
    assert fresh is not None
    assert taken is not None
    assert (taken.lines, server.exchanges) == (fresh.lines, 2)


async def test_another_first_token_begins_another_session(
    server: TokenServer, open_: Open, tmp_path: Path, clock: FakeClock
) -> None:
    path = write_secret(tmp_path / "first", "never-issued")
    source = open_(server.person({"file": str(path)}))
    assert (await refuses(source)).code == "session_expired"
    write_secret(path, server.begin_family())
    clock.now += 1
    await source.current()
    assert source.problem is None


async def test_another_client_secret_revives_a_session_with_its_refresh_token(
    server: TokenServer, open_: Open, tmp_path: Path, clock: FakeClock
) -> None:
    path = write_secret(tmp_path / "secret", "old")
    source = open_(server.person(server.begin_family(), client_secret={"file": str(path)}))
    assert (await refuses(source)).code == "session_expired"
    write_secret(path, SECRET)
    clock.now += 1
    await source.current()
    assert server.superseded == []


async def test_a_client_secret_that_was_replaced_a_moment_ago_is_read_again_at_once(
    server: TokenServer, open_: Open, tmp_path: Path
) -> None:
    path = write_secret(tmp_path / "secret", SECRET)
    source = open_(server.profile(client_secret={"file": str(path)}))
    held = await source.current()
    write_secret(path, "not this one")
    write_secret(path, SECRET)
    server.next.append(answers({"error": "invalid_client"}, 401))
    assert await source.refresh(held) is not None


async def test_two_processes_whose_session_is_over_do_not_set_each_other_to_try_for_ever(
    server: TokenServer, open_: Open, clock: FakeClock
) -> None:
    store, written = MemoryStore(), server.person("never-issued")
    sources = [open_(written, store), open_(written, store)]
    for _ in range(20):
        for source in sources:
            assert (await refuses(source)).code == "session_expired"
        clock.now += 1
    assert len(server.asked) <= 2


class Failing(MemoryStore):
    """`save` fails as often as `failures` says, once `begun` saves have worked."""

    def __init__(self, begun: int, failures: int) -> None:
        super().__init__()
        self.begun, self.failures = begun, failures

    async def save(self, profile: str, record: Record) -> None:
        self.begun -= 1
        if self.begun < 0 and self.failures:
            self.failures -= 1
            raise StoreFailed("no space left on device")
        await super().save(profile, record)


async def test_a_disk_that_is_full_before_an_exchange_lets_none_begin(
    server: TokenServer, open_: Open, clock: FakeClock
) -> None:
    source = open_(server.person(server.begin_family()), Failing(0, 1))
    error = await refuses(source)
    assert (error.code, error.detail, server.exchanges) == ("credential_unavailable", "no space left on device", 0)
    clock.now += 1
    await source.current()
    assert server.superseded == []


async def test_a_disk_that_is_full_after_it_keeps_the_new_token_until_it_can_be_kept(
    server: TokenServer, open_: Open, clock: FakeClock
) -> None:
    source = open_(server.person(server.begin_family()), Failing(1, 2))
    for _ in range(2):
        assert (await refuses(source)).detail == "no space left on device"
        clock.now += 2
    held = await source.current()
    assert (server.exchanges, server.superseded) == (1, [])
    await source.refresh(held)
    assert (server.exchanges, server.superseded) == (2, [])


async def test_a_full_disk_does_not_stop_a_valid_token(server: TokenServer, open_: Open, clock: FakeClock) -> None:
    store = Failing(2, 1000)
    source = open_(server.person(server.begin_family()), store)
    held = await source.current()
    clock.now += 3500
    assert source.peek(clock()) is held
    async with asyncio.timeout(5):
        while source.problem is None:
            await asyncio.sleep(0.005)
    assert source.peek(clock()) is held
    assert source.unusable is None


async def test_a_store_that_does_not_work_is_no_obstacle_for_client_credentials(
    server: TokenServer, open_: Open, tmp_path: Path
) -> None:
    (tmp_path / "state").mkdir(mode=0o777)
    (tmp_path / "state").chmod(0o777)
    await open_(server.profile(), FolderStore(tmp_path / "state")).current()
    await open_(server.profile(), Failing(0, 9)).current()
    assert server.exchanges == 2


@pytest.mark.parametrize("jump", [-3600, 3600])
async def test_a_wall_clock_that_jumps_an_hour_costs_no_request(
    server: TokenServer, open_: Open, clock: FakeClock, wall: FakeClock, jump: float
) -> None:
    store, written = MemoryStore(), server.person(server.begin_family())
    source = open_(written, store)
    held = await source.current()
    wall.now += jump
    assert source.peek(clock() + 10) is held
    await source.refresh(held)
    await open_(written, store).current()
    assert server.superseded == []


# Closing


async def test_closing_lets_an_exchange_under_way_end(server: TokenServer, open_: Open) -> None:
    reached = asyncio.Event()

    async def slow() -> None:
        reached.set()
        await asyncio.sleep(0.05)

    server.before_commit = slow
    store = MemoryStore()
    source = open_(server.person(server.begin_family()), store)
    waiting = asyncio.create_task(source.current())
    await reached.wait()
    await source.close()
    assert (await waiting).lines.startswith(b"Authorization: Bearer access-")
    record = await store.load("p")
    assert record is not None
    assert record.pending is None


async def test_two_processes_with_different_first_tokens_use_each_of_them_once(
    server: TokenServer, open_: Open
) -> None:
    store = MemoryStore()
    old = open_(server.person(server.begin_family()), store)
    held = await old.current()
    held = await old.refresh(held) or held
    new = open_(server.person(server.begin_family()), store)
    await new.current()
    with pytest.raises(SessionExpired):
        await old.refresh(held)
    for _ in range(3):
        assert await new.refresh(await new.current()) is not None
    assert (server.superseded, server.revoked) == ([], set())


async def test_a_first_token_that_the_server_never_replaces_can_be_returned_to(
    server: TokenServer, open_: Open
) -> None:
    server.rotates = False
    store, first, second = MemoryStore(), server.begin_family(), server.begin_family()
    for token in (first, second, first):
        source = open_(server.person(token), store)
        await source.refresh(await source.current())
    assert [asked["refresh_token"] for asked in server.asked] == [first, first, second, second, first, first]
