"""The scheme `refresh_endpoint`, with calls that each test answers."""

import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from proxy.auth import CredentialSource, FolderStore, MemoryStore, SessionStore, StoreFailed, Tokens, build_source
from proxy.auth.homes import Home
from proxy.auth.record import Record
from proxy.config.tls_model import Tls
from proxy.errors import CredentialUnavailable, OutriderError, SessionExpired, UpstreamDisconnected
from proxy.message.call import Call, Reply
from proxy.secret import Secret
from tests.auth.tools import FakeClock, means, profile, write_secret

Answer = dict[str, Any] | int | OutriderError


class Api:
    """Answers each call with the next of `answers`: JSON, a status without content, or an error; the last repeats."""

    def __init__(self, *answers: Answer) -> None:
        self.answers = list(answers)
        self.calls: list[Call] = []
        self.readied = 0

    async def __call__(self, call: Call, ready: Callable[[], Awaitable[None]] | None = None) -> Reply:
        if ready is not None:
            await ready()
            self.readied += 1
        self.calls.append(call)
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, OutriderError):
            raise answer
        if isinstance(answer, int):
            return Reply(answer, (), b"")
        return Reply(200, (), json.dumps(answer).encode())

    @property
    def sent(self) -> list[Any]:
        return [json.loads(call.content) for call in self.calls]


@pytest.fixture
def wall() -> FakeClock:
    return FakeClock(1_700_000_000.0)


Open = Callable[..., CredentialSource]


@pytest.fixture
def open_(tmp_path: Path, clock: FakeClock, wall: FakeClock) -> Open:
    def build(
        api: Api, store: SessionStore | None = None, environ: dict[str, str] | None = None, **more: Any
    ) -> CredentialSource:
        homes = {"p": Home("https://api.example/v1", Tls())}
        written = {"type": "refresh_endpoint", "initial_token": "first", **more}
        written.setdefault("request", {"path": "/auth/refresh", "json": {"token": "{{ access_token }}"}})
        more_of = {"homes": homes, "secured": lambda tls: api}
        given = means(tmp_path, clock, environ, fetch=api, wall=wall, store=store or MemoryStore(), **more_of)
        source = build_source("p", profile(**written), given)
        assert source is not None
        return source

    return build


def token(lines: bytes) -> str:
    return lines.decode().removeprefix("Authorization: Bearer ").strip()


async def held(source: CredentialSource) -> str:
    return token((await source.current()).lines)


async def renewed(source: CredentialSource) -> str | None:
    """What comes in the place of a token that an upstream refused."""
    fresh = await source.refresh(await source.current())
    return None if fresh is None else token(fresh.lines)


async def test_the_session_begins_with_the_initial_token_and_asks_nobody(open_: Open) -> None:
    api = Api(500)
    assert (await held(open_(api)), api.calls) == ("first", [])


async def test_a_refused_token_is_exchanged_at_the_path_on_the_upstream(open_: Open) -> None:
    api = Api({"access_token": "second"})
    assert await renewed(open_(api)) == "second"
    assert (api.calls[0].method, api.calls[0].url) == ("POST", "https://api.example/v1/auth/refresh")
    assert api.sent == [{"token": "first"}]


async def test_the_next_refresh_presents_the_next_token(open_: Open) -> None:
    api = Api({"access_token": "second"}, {"access_token": "third"})
    source = open_(api)
    assert [await renewed(source), await renewed(source)] == ["second", "third"]
    assert api.sent == [{"token": "first"}, {"token": "second"}]


async def test_secrets_and_the_environment_are_read_when_the_call_is_made(
    open_: Open, tmp_path: Path, clock: FakeClock
) -> None:
    environ = {"TENANT": "one"}
    write_secret(tmp_path / "s", "old")
    api = Api({"access_token": "second"}, {"access_token": "third"})
    request = {"path": "/r", "json": {"s": "{{ s }}", "tenant": "{{ env.TENANT }}"}}
    source = open_(api, environ=environ, request=request, secrets={"s": {"file": "s"}, "unused": {"env": "NOT_SET"}})
    await renewed(source)
    environ["TENANT"] = "two"
    write_secret(tmp_path / "s", "new")
    clock.now += 60
    await renewed(source)
    assert api.sent == [{"s": "old", "tenant": "one"}, {"s": "new", "tenant": "two"}]


async def test_a_variable_that_is_not_set_is_named(open_: Open) -> None:
    source = open_(Api(500), request={"path": "/r", "json": {"t": "{{ env.NOT_SET }}"}})
    with pytest.raises(CredentialUnavailable, match="NOT_SET is not set"):
        await renewed(source)


async def test_a_field_that_cannot_carry_its_value_stops_the_call(open_: Open) -> None:
    api = Api(500)
    source = open_(api, environ={"V": "a\r\nb"}, request={"path": "/r", "headers": {"X-V": "{{ env.V }}"}})
    with pytest.raises(CredentialUnavailable, match="X-V"):
        await renewed(source)
    assert api.calls == []


async def test_an_expiry_renews_early_in_the_background(open_: Open, clock: FakeClock, wall: FakeClock) -> None:
    api = Api({"access_token": "second", "ttl": 100}, {"access_token": "third", "ttl": 100})
    source = open_(api, response={"expires_in": "ttl"})
    await renewed(source)
    clock.now += 95
    wall.now += 95
    assert token((await source.current()).lines) == "second"
    await source.close()
    assert len(api.calls) == 2


async def test_what_is_kept_goes_on_after_a_restart(open_: Open, tmp_path: Path) -> None:
    api = Api({"access_token": "second"})
    await renewed(open_(api, FolderStore(tmp_path / "state")))
    assert await held(open_(api, FolderStore(tmp_path / "state"))) == "second"
    assert len(api.calls) == 1


async def test_another_initial_token_begins_a_new_session(open_: Open, tmp_path: Path) -> None:
    await renewed(open_(Api({"access_token": "second"}), FolderStore(tmp_path / "state")))
    assert await held(open_(Api(500), FolderStore(tmp_path / "state"), initial_token="other")) == "other"


async def test_a_refusal_ends_the_session_until_the_initial_token_is_another(
    open_: Open, tmp_path: Path, clock: FakeClock
) -> None:
    write_secret(tmp_path / "t", "first")
    api = Api(401)
    source = open_(api, initial_token={"file": "t"})
    with pytest.raises(SessionExpired, match="the refresh endpoint answers 401"):
        await renewed(source)
    with pytest.raises(SessionExpired):
        await source.current()
    assert len(api.calls) == 1
    write_secret(tmp_path / "t", "new")
    clock.now += 60
    assert await held(source) == "new"


async def test_a_fault_is_tried_again_after_a_pause(open_: Open, clock: FakeClock) -> None:
    api = Api(503, {"access_token": "second"})
    source = open_(api)
    with pytest.raises(CredentialUnavailable, match="answers 503"):
        await renewed(source)
    clock.now += 2
    assert await held(source) == "second"


ROTATING = {
    "initial_refresh_token": "r1",
    "request": {"path": "/r", "json": {"refresh": "{{ refresh_token }}"}},
    "response": {"refresh_token": "refresh_token"},
}


class Noticing(MemoryStore):
    """Remembers what was saved; `full` while nothing can be."""

    def __init__(self) -> None:
        super().__init__()
        self.saved: list[Record] = []
        self.full = False

    async def save(self, profile: str, record: Record) -> None:
        if self.full:
            raise StoreFailed("the disk is full")
        self.saved.append(record)
        await super().save(profile, record)


async def test_a_rotating_call_is_noted_before_it_is_sent_and_kept_before_it_is_used(open_: Open) -> None:
    store, api = Noticing(), Api({"access_token": "second", "refresh_token": "r2"})
    assert await renewed(open_(api, store, **ROTATING)) == "second"
    assert [record.pending is not None for record in store.saved] == [True, False]
    assert store.saved[-1].refresh is not None
    assert store.saved[-1].refresh.reveal() == "r2"


async def test_a_rotating_call_whose_answer_was_lost_is_not_repeated(open_: Open, clock: FakeClock) -> None:
    store, api = Noticing(), Api(UpstreamDisconnected("gone"))
    source = open_(api, store, **ROTATING)
    with pytest.raises(SessionExpired, match="not presented again"):
        await renewed(source)
    clock.now += 100
    with pytest.raises(SessionExpired):
        await source.current()
    with pytest.raises(SessionExpired):
        await renewed(open_(api, store, **ROTATING))
    assert len(api.calls) == 1


async def test_one_that_was_never_sent_is_repeated(open_: Open, clock: FakeClock) -> None:
    api = Api(UpstreamDisconnected("refused", processed=False), {"access_token": "second", "refresh_token": "r2"})
    source = open_(api, **ROTATING)
    with pytest.raises(CredentialUnavailable):
        await renewed(source)
    clock.now += 2
    assert await held(source) == "second"


async def test_a_call_with_the_access_token_alone_is_repeated_after_a_lost_answer(
    open_: Open, clock: FakeClock
) -> None:
    api = Api(UpstreamDisconnected("gone"), {"access_token": "second"})
    source = open_(api)
    with pytest.raises(CredentialUnavailable):
        await renewed(source)
    clock.now += 2
    assert await held(source) == "second"
    assert api.readied == 0


async def test_a_rotation_that_cannot_be_kept_is_kept_before_anything_else(open_: Open, clock: FakeClock) -> None:
    store = Noticing()
    api = Api({"access_token": "second", "refresh_token": "r2"}, {"access_token": "third", "refresh_token": "r3"})

    async def fill(call: Call, ready: Callable[[], Awaitable[None]] | None = None) -> Reply:
        reply = await Api.__call__(api, call, ready)
        store.full = True
        return reply

    source = open_(fill, store, **ROTATING)
    with pytest.raises(CredentialUnavailable, match="disk is full"):
        await renewed(source)
    store.full = False
    clock.now += 2
    assert await held(source) == "second"
    assert len(api.calls) == 1


async def test_a_profile_that_is_told_when_to_refresh_does_not_by_itself(
    open_: Open, clock: FakeClock, wall: FakeClock
) -> None:
    api = Api({"access_token": "second", "ttl": 10})
    source = open_(api, auto_refresh=False, response={"expires_in": "ttl"})
    rejected = await source.current()
    assert not source.may_refresh(rejected)
    source.reject(rejected)
    clock.now += 1e6
    wall.now += 1e6
    assert (await held(source), api.calls) == ("first", [])
    assert await renewed(source) == "second"
    clock.now += 1e6
    wall.now += 1e6
    assert (await held(source), len(api.calls)) == ("second", 1)


async def test_a_path_of_a_profile_that_no_upstream_uses_is_told(tmp_path: Path, clock: FakeClock) -> None:
    written = profile(type="refresh_endpoint", initial_refresh_token="r", request={"path": "/r"})
    source = build_source("p", written, means(tmp_path, clock))
    assert source is not None
    with pytest.raises(CredentialUnavailable, match="no upstream uses"):
        await source.current()


async def test_a_session_that_was_ended_is_not_begun_again_from_the_initial_token(open_: Open, tmp_path: Path) -> None:
    store, api = FolderStore(tmp_path / "state"), Api(500)
    source = open_(api, store)
    await source.current()
    await source.terminate()
    for one in (source, open_(api, FolderStore(tmp_path / "state"))):
        with pytest.raises(SessionExpired, match="was ended"):
            await one.current()
    assert await held(open_(api, FolderStore(tmp_path / "state"), initial_token="another")) == "another"
    assert api.calls == []


@pytest.mark.parametrize("auto_refresh", [True, False])
async def test_tokens_from_outside_are_used_and_refreshed(open_: Open, auto_refresh: bool) -> None:
    api = Api({"access_token": "third"})
    source = open_(api, auto_refresh=auto_refresh)
    await source.install(Tokens(Secret("second"), None, 100.0))
    assert await held(source) == "second"
    assert await renewed(source) == "third"
    assert api.sent == [{"token": "second"}]


async def test_a_first_token_that_another_one_has_replaced_is_not_presented_again(open_: Open) -> None:
    store = MemoryStore()
    first = Api(*({"access_token": f"a{n}", "refresh_token": f"r{n}"} for n in range(2, 9)))
    old = open_(first, store, **ROTATING)
    assert await renewed(old) == "a2"
    new = open_(Api({"access_token": "b2", "refresh_token": "s2"}), store, **ROTATING | {"initial_refresh_token": "s1"})
    assert await renewed(new) == "b2"
    with pytest.raises(SessionExpired):
        await renewed(old)
    assert [sent["refresh"] for sent in first.sent] == ["r1"]
