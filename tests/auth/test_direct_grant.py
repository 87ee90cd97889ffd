"""The grants that can be asked again and again, against a server that can be told every fault."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from proxy.auth import FolderStore, MemoryStore, StoreFailed
from proxy.auth.record import Record
from proxy.auth.session import SessionSource
from proxy.message.call import Call, Reply
from tests.auth.test_oauth2 import ANSWERS, FAULTS, answers
from tests.auth.tools import FakeClock, Open, counted, refuses, write_secret
from tests.peers.token_server import TokenServer

_URN = "urn:ietf:params:oauth:"


@pytest.fixture
def keys(tmp_path: Path) -> Path:
    key = ec.generate_private_key(ec.SECP256R1()).private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    write_secret(tmp_path / "key.pem", key.decode())
    write_secret(tmp_path / "token", "workload-1")
    write_secret(tmp_path / "password", "pa&ss")
    return tmp_path


GRANTS: dict[str, dict[str, Any]] = {
    "client_credentials": {},
    "password": {"username": "ada", "password": {"file": "password"}},
    "jwt_bearer": {"sign_assertion": {"key": {"file": "key.pem"}}},
    "token_exchange": {"subject_token": {"file": "token"}, "subject_token_type": "jwt"},
}
REFRESHED = [grant for grant in GRANTS if grant != "client_credentials"]


def of(server: TokenServer, grant: str, **more: Any) -> dict[str, Any]:
    return server.profile(grant=grant) | GRANTS[grant] | more


def asked_for(server: TokenServer) -> list[str]:
    return [asked["grant_type"].rpartition(":")[2] for asked in server.asked]


# What is sent


async def test_a_name_and_a_password_are_exchanged(server: TokenServer, open_: Open, keys: Path) -> None:
    await open_(of(server, "password", scope="read")).current()
    assert server.asked == [{"grant_type": "password", "username": "ada", "password": "pa&ss", "scope": "read"}]


async def test_a_token_is_exchanged_with_everything_that_tells_which(
    server: TokenServer, open_: Open, keys: Path
) -> None:
    more = {
        "subject_token_type": "id_token",
        "actor_token": "me",
        "actor_token_type": "urn:own:type",
        "requested_token_type": "access_token",
        "audience": "//iam.example",
    }
    await open_(of(server, "token_exchange", **more)).current()
    assert server.asked == [
        {
            "grant_type": f"{_URN}grant-type:token-exchange",
            "subject_token": "workload-1",
            "subject_token_type": f"{_URN}token-type:id_token",
            "actor_token": "me",
            "actor_token_type": "urn:own:type",
            "requested_token_type": f"{_URN}token-type:access_token",
            "audience": "//iam.example",
        }
    ]


async def test_who_needs_no_client_names_none(server: TokenServer, open_: Open, keys: Path) -> None:
    server.next.append(answers({"access_token": "t"}))
    written = of(server, "token_exchange")
    del written["client_id"], written["client_secret"]
    await open_(written).current()
    assert (server.proofs, "client_id" in server.asked[0]) == ([None], False)


async def test_each_exchange_has_an_assertion_of_its_own(server: TokenServer, open_: Open, keys: Path) -> None:
    source = open_(of(server, "jwt_bearer"))
    await source.refresh(await source.current())
    first, second = (asked["assertion"] for asked in server.asked)
    assert first != second


async def test_an_assertion_that_something_else_makes_is_read_anew(
    server: TokenServer, open_: Open, keys: Path, clock: FakeClock
) -> None:
    written = server.profile(grant="jwt_bearer", assertion={"file": "token"})
    source = open_(written)
    held = await source.current()
    write_secret(keys / "token", "workload-2")
    clock.now += 2
    await source.refresh(held)
    assert [asked["assertion"] for asked in server.asked] == ["workload-1", "workload-2"]


async def test_a_key_that_cannot_sign_is_told_without_a_word_of_it(
    server: TokenServer, open_: Open, keys: Path
) -> None:
    write_secret(keys / "key.pem", "s3cret")
    error = await refuses(open_(of(server, "jwt_bearer")))
    assert (error.code, "no private key" in error.detail, "s3cret" in error.detail) == (
        "credential_unavailable",
        True,
        False,
    )


# Renewal by the refresh token


@pytest.mark.parametrize("grant", REFRESHED)
async def test_a_refresh_token_renews_the_session(server: TokenServer, open_: Open, keys: Path, grant: str) -> None:
    server.gives_refresh = True
    source = open_(of(server, grant, scope="read"))
    held = await source.current()
    for _ in range(3):
        held = await source.refresh(held) or held
    assert asked_for(server)[1:] == ["refresh_token"] * 3
    assert (server.superseded, "scope" in server.asked[1]) == ([], False)


@pytest.mark.parametrize("grant", REFRESHED)
async def test_once_the_refresh_token_is_over_the_grant_is_asked_at_once(
    server: TokenServer, open_: Open, keys: Path, grant: str
) -> None:
    server.gives_refresh = True
    source = open_(of(server, grant))
    held = await source.current()
    server.revoked.update(server.current)
    assert await source.refresh(held) is not None
    assert asked_for(server)[1:] == ["refresh_token", asked_for(server)[0]]


@pytest.mark.parametrize("fault", FAULTS)
async def test_a_refresh_token_whose_answer_was_lost_is_not_presented_again(
    server: TokenServer, open_: Open, keys: Path, clock: FakeClock, fault: str
) -> None:
    server.gives_refresh = True
    source = open_(of(server, "password", timeout="300ms"))
    held = await source.current()
    server.next.append(FAULTS[fault])
    source.reject(held)
    assert (await refuses(source)).code == "credential_unavailable"
    clock.now += 1
    await source.current()
    assert asked_for(server) == ["password", "refresh_token", "password"]
    assert server.superseded == []


async def test_a_server_that_is_busy_is_shown_the_refresh_token_again(
    server: TokenServer, open_: Open, keys: Path, clock: FakeClock
) -> None:
    server.gives_refresh = True
    source = open_(of(server, "password"))
    source.reject(await source.current())
    server.next.append(answers({}, 503))
    assert (await refuses(source)).code == "credential_unavailable"
    clock.now += 1
    await source.current()
    assert asked_for(server) == ["password", "refresh_token", "refresh_token"]


async def test_a_restart_goes_on_with_the_kept_refresh_token(server: TokenServer, open_: Open, keys: Path) -> None:
    server.gives_refresh = True
    written = of(server, "password")
    held = await open_(written, FolderStore(keys / "state")).current()
    again = open_(written, FolderStore(keys / "state"))
    assert (await again.current()).lines == held.lines
    await again.refresh(await again.current())
    assert asked_for(server) == ["password", "refresh_token"]


async def test_a_refresh_token_is_out_of_the_store_before_it_is_presented(
    server: TokenServer, open_: Open, keys: Path
) -> None:
    server.gives_refresh = True
    kept: list[str | None] = []

    async def look() -> None:
        kept.append(json.loads((keys / "state" / "p.json").read_text())["refresh_token"])

    source = open_(of(server, "password"), FolderStore(keys / "state"))
    held = await source.current()
    server.before_commit = look
    await source.refresh(held)
    await look()
    assert (kept[0], kept[1]) == (None, next(iter(server.current.values())))


async def test_another_user_begins_a_session_of_their_own(server: TokenServer, open_: Open, keys: Path) -> None:
    store = MemoryStore()
    await open_(of(server, "password"), store).current()
    await open_(of(server, "password", username="bob"), store).current()
    assert [asked["username"] for asked in server.asked] == ["ada", "bob"]


# Faults


@pytest.mark.parametrize("fault", [*FAULTS, *ANSWERS])
@pytest.mark.parametrize("grant", REFRESHED)
async def test_every_grant_survives_every_fault_and_asks_again_after_its_pause(
    server: TokenServer, open_: Open, keys: Path, clock: FakeClock, grant: str, fault: str
) -> None:
    source = open_(of(server, grant, timeout="1s" if fault in FAULTS else "5s"))
    server.next.append((FAULTS | ANSWERS)[fault])
    error = await refuses(source)
    assert (error.code, error.retry_after) == ("credential_unavailable", 1)
    assert len(server.asked) == 1
    clock.now += 1
    await source.current()
    assert source.problem is None


@pytest.mark.parametrize(("grant", "file"), [("password", "password"), ("token_exchange", "token")])
async def test_a_refused_grant_is_the_end_until_its_secret_is_another(
    server: TokenServer, open_: Open, keys: Path, clock: FakeClock, grant: str, file: str
) -> None:
    source = open_(of(server, grant))
    server.next.extend([answers({"error": "invalid_grant"}, 400)] * 2)
    assert (await refuses(source)).code == "session_expired"
    clock.now += 2
    assert (await refuses(source)).code == "session_expired"
    asked = len(server.asked)
    write_secret(keys / file, "another")
    clock.now += 2
    await source.current()
    assert len(server.asked) == asked + 1


async def test_a_token_that_was_rotated_a_moment_ago_is_read_again_at_once(
    server: TokenServer, open_: Open, keys: Path
) -> None:
    source = open_(of(server, "token_exchange"))
    held = await source.current()
    write_secret(keys / "token", "workload-2")
    server.next.append(answers({"error": "invalid_grant"}, 400))
    assert await source.refresh(held) is not None
    assert [asked["subject_token"] for asked in server.asked][-1] == "workload-2"


class Broken(MemoryStore):
    """Nothing can be kept."""

    async def save(self, profile: str, record: Record) -> None:
        raise StoreFailed("no space left on device")


@pytest.mark.parametrize("grant", GRANTS)
async def test_a_store_that_does_not_work_is_no_obstacle(
    server: TokenServer, open_: Open, keys: Path, grant: str
) -> None:
    server.gives_refresh = grant != "client_credentials"
    source = open_(of(server, grant), Broken())
    assert await source.refresh(await source.current()) is not None
    assert (server.exchanges, server.superseded) == (2, [])


async def test_a_caller_that_gives_up_does_not_stop_the_exchange(server: TokenServer, open_: Open, keys: Path) -> None:
    reached, go_on = asyncio.Event(), asyncio.Event()

    async def wait() -> None:
        reached.set()
        await go_on.wait()

    server.before_commit = wait
    source = open_(of(server, "password"))
    waiting = asyncio.create_task(source.current())
    await reached.wait()
    waiting.cancel()
    go_on.set()
    await source.current()
    assert server.exchanges == 1


# Ended from outside


async def test_the_server_is_told_of_an_end_where_its_issuer_says_how(open_: Open) -> None:
    issuer = "https://id.example"
    said = {"issuer": issuer, "token_endpoint": f"{issuer}/token", "revocation_endpoint": f"{issuer}/revoke"}
    told: list[dict[str, str]] = []

    async def fetch(call: Call, ready: Callable[[], Awaitable[None]] | None = None) -> Reply:
        if call.url.endswith("/revoke"):
            told.append(dict(parse_qsl(call.content.decode())))
        granted = {"access_token": "a", "refresh_token": "r", "expires_in": 60}
        return Reply(200, (), json.dumps(granted if call.url.endswith("/token") else said).encode())

    client = {"issuer": issuer, "client_id": "me", "client_secret": "s"}
    source = open_({"type": "oauth2", "grant": "client_credentials", **client}, fetch=fetch)
    await source.current()
    assert await source.terminate() == "the server has revoked its tokens"
    assert [one["token"] for one in told] == ["r", "a"]


@pytest.mark.parametrize(
    "grant",
    [
        {"grant": "token_exchange", "subject_token": {"file": "token"}},
        {"grant": "jwt_bearer", "assertion": {"file": "token"}},
    ],
    ids=lambda grant: grant["grant"],
)
async def test_an_ended_session_comes_back_with_another_file(
    server: TokenServer, open_: Open, keys: Path, clock: FakeClock, grant: dict[str, Any]
) -> None:
    source = open_(server.profile(**grant))
    assert isinstance(source, SessionSource)
    await source.current()
    await source.terminate()
    clock.now += 2
    assert (await refuses(source)).code == "session_expired"
    assert server.exchanges == 1
    write_secret(keys / "token", "workload-2")
    clock.now += 2
    await source.current()
    assert server.exchanges == 2


async def test_an_ended_session_does_not_come_back_with_what_a_command_prints_anew(
    server: TokenServer, open_: Open, keys: Path, clock: FakeClock
) -> None:
    subject = {"exec": counted(keys / "runs", "print(f'workload-{n}')"), "ttl": "1s"}
    source = open_(server.profile(grant="token_exchange", subject_token=subject))
    assert isinstance(source, SessionSource)
    await source.current()
    await source.terminate()
    for _ in range(3):
        clock.now += 5
        assert (await refuses(source)).code == "session_expired"
    assert server.exchanges == 1


@pytest.mark.parametrize(
    ("profile", "error"),
    [
        ({"client_secret": None, "client_key": {"key": {"file": "key.pem"}}}, "invalid_client"),
        ({"grant": "jwt_bearer", "sign_assertion": {"key": {"file": "key.pem"}}}, "invalid_grant"),
    ],
    ids=["the client's proof", "the assertion"],
)
async def test_what_is_signed_with_a_wrong_clock_is_signed_again_after_its_pause(
    server: TokenServer, open_: Open, keys: Path, clock: FakeClock, profile: dict[str, Any], error: str
) -> None:
    source = open_({name: value for name, value in server.profile(**profile).items() if value is not None})
    server.next.extend([answers({"error": error}, 400)] * 2)
    refused = await refuses(source)
    assert refused.code == "credential_unavailable"
    assert "clock" in refused.detail
    clock.now += 60
    server.next.append(answers({"access_token": "there", "expires_in": 60}))
    await source.current()


async def test_an_ended_session_comes_back_with_another_password(
    server: TokenServer, open_: Open, keys: Path, clock: FakeClock
) -> None:
    server.gives_refresh = True
    source = open_(of(server, "password"))
    assert isinstance(source, SessionSource)
    await source.current()
    await source.terminate()
    assert (await refuses(source)).code == "session_expired"
    write_secret(keys / "password", "another")
    clock.now += 2
    await source.current()
    assert asked_for(server) == ["password", "password"]
