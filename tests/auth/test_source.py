"""The contract of every credential source, on each of them."""

import pickle
import tracemalloc
from collections.abc import Callable
from itertools import repeat
from pathlib import Path

import pytest

from proxy.auth import CredentialSource, NotASession, PreparedInjection, Tokens
from proxy.errors import CredentialUnavailable
from proxy.secret import Secret
from tests.auth.tools import FakeClock, python, source, write_secret

Open = Callable[[Path, FakeClock], CredentialSource]
MISSING = {"env": "ABSENT"}

GOOD: dict[str, Open] = {
    "bearer": lambda base, clock: source(base, clock, type="bearer", token="s3cret"),
    "basic": lambda base, clock: source(base, clock, type="basic", username="ann", password="s3cret"),
    "key in a field": lambda b, c: source(b, c, type="api_key", **{"in": "header"}, name="X_Key", key="s3cret"),
    "key in the query": lambda b, c: source(b, c, type="api_key", **{"in": "query"}, name="key", key="s3cret"),
    "key in a cookie": lambda b, c: source(b, c, type="api_key", **{"in": "cookie"}, name="sid", key="s3cret"),
    "headers": lambda b, c: source(b, c, type="headers", set={"X_A": "{{ a }}"}, secrets={"a": "s3cret"}),
    "file": lambda b, c: source(b, c, type="file", path=write_secret(b / "token", "s3cret").name),
    "exec": lambda b, c: source(b, c, type="exec", command=python("print('s3cret')")),
    "bearer from exec": lambda b, c: source(b, c, type="bearer", token={"exec": python("print('s3cret')")}),
}
BAD: dict[str, Open] = {
    "bearer": lambda base, clock: source(base, clock, type="bearer", token=MISSING),
    "basic": lambda base, clock: source(base, clock, type="basic", username="ann", password=MISSING),
    "basic user": lambda b, c: source(b, c, {"USER": "a:b"}, type="basic", username={"env": "USER"}, password="s3cret"),
    "key in a cookie": lambda b, c: source(b, c, type="api_key", **{"in": "cookie"}, name="sid", key="s3cret;"),
    "headers": lambda b, c: source(b, c, type="headers", set={"X-A": "{{ a }}"}, secrets={"a": MISSING}),
    "file": lambda b, c: source(b, c, type="file", path="absent"),
    "exec": lambda b, c: source(b, c, type="exec", command=python("raise SystemExit(1)")),
}


@pytest.fixture(params=GOOD)
def good(request: pytest.FixtureRequest, tmp_path: Path, clock: FakeClock) -> CredentialSource:
    return GOOD[request.param](tmp_path, clock)


@pytest.fixture(params=BAD)
def bad(request: pytest.FixtureRequest, tmp_path: Path, clock: FakeClock) -> CredentialSource:
    return BAD[request.param](tmp_path, clock)


async def test_after_start_peek_has_the_credential(good: CredentialSource, clock: FakeClock) -> None:
    await good.start()
    assert good.peek(clock()) is not None
    assert good.problem is None


async def test_peek_and_current_give_the_same_object_while_nothing_changes(
    good: CredentialSource, clock: FakeClock
) -> None:
    held = await good.current()
    for _ in range(5):
        clock.now += 10
        assert good.peek(clock()) is held
        assert await good.current() is held


async def test_peek_allocates_nothing_while_nothing_changes(good: CredentialSource, clock: FakeClock) -> None:
    await good.start()
    now = clock()
    good.peek(now)
    calls = repeat(None, 1000)
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        tracemalloc.reset_peak()
        for _ in calls:
            good.peek(now)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak - before < 48  # less than any list, tuple or object


async def test_nothing_prints_the_secret(good: CredentialSource) -> None:
    held = await good.current()
    assert "s3cret" not in f"{held!r} {held} {good!r} {good.problem}"


async def test_the_credential_goes_to_exactly_one_place_and_its_names_say_which(good: CredentialSource) -> None:
    held = await good.current()
    places = [bool(held.lines), bool(held.query), bool(held.cookie)]
    assert sum(places) == 1
    assert places == [bool(good.strip), bool(good.query_name), bool(good.cookie_name)]


async def test_strip_names_every_field_that_is_sent_in_canonical_form(good: CredentialSource) -> None:
    lines = (await good.current()).lines.splitlines()
    assert good.strip == {line.partition(b":")[0].lower().replace(b"_", b"-") for line in lines}


async def test_lines_are_complete(good: CredentialSource) -> None:
    lines = (await good.current()).lines
    assert not lines or lines.endswith(b"\r\n")


async def test_no_credential_is_an_error_that_says_when_to_come_back(bad: CredentialSource) -> None:
    with pytest.raises(CredentialUnavailable) as caught:
        await bad.current()
    assert caught.value.retry_after is not None
    assert caught.value.retry_after > 0
    assert "s3cret" not in caught.value.detail


async def test_a_start_without_a_credential_says_so(bad: CredentialSource) -> None:
    with pytest.raises(CredentialUnavailable):
        await bad.start()
    assert bad.problem
    assert "s3cret" not in bad.problem


async def test_without_a_credential_peek_has_nothing(bad: CredentialSource, clock: FakeClock) -> None:
    with pytest.raises(CredentialUnavailable):
        await bad.current()
    assert bad.peek(clock()) is None


@pytest.mark.parametrize("name", [name for name in GOOD if name != "exec"])
async def test_a_credential_of_the_configuration_is_no_session(name: str, tmp_path: Path, clock: FakeClock) -> None:
    held = GOOD[name](tmp_path, clock)
    with pytest.raises(NotASession, match="in the configuration"):
        await held.install(Tokens(Secret("t"), None, 10))
    with pytest.raises(NotASession, match="in the configuration"):
        await held.terminate()
    assert (await held.current()).lines + (await held.current()).query + (await held.current()).cookie


async def test_closing_twice_is_harmless(good: CredentialSource) -> None:
    await good.start()
    await good.close()
    await good.close()


def test_an_injection_is_not_serialised() -> None:
    with pytest.raises(TypeError, match="not serialised"):
        pickle.dumps(PreparedInjection(lines=b"A: s3cret\r\n"))
