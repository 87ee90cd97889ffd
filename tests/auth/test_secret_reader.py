"""What every reader promises, and where each kind of reference leads."""

from collections.abc import Callable
from pathlib import Path

import pytest

from proxy.auth import SecretReader, SecretUnavailable
from proxy.auth.secret_reader import credential_path
from tests.auth.tools import FakeClock, means, python, reader, reference, write_secret

Open = Callable[[Path, FakeClock], SecretReader]

GOOD: dict[str, Open] = {
    "literal": lambda base, clock: reader("s3cret", base, clock),
    "env": lambda base, clock: reader({"env": "TOKEN"}, base, clock, TOKEN="s3cret"),
    "file": lambda base, clock: reader({"file": write_secret(base / "f", "s3cret\n").name}, base, clock),
    "credential": lambda base, clock: reader(
        {"credential": write_secret(base / "c", "s3cret").name}, base, clock, CREDENTIALS_DIRECTORY=str(base)
    ),
    "exec": lambda base, clock: reader({"exec": python("print('s3cret')")}, base, clock),
}
BAD: dict[str, tuple[Open, str]] = {
    "env": (lambda base, clock: reader({"env": "TOKEN"}, base, clock), "TOKEN is not set"),
    "empty env": (lambda base, clock: reader({"env": "TOKEN"}, base, clock, TOKEN=""), "TOKEN is empty"),
    "file": (lambda base, clock: reader({"file": "nowhere"}, base, clock), "nowhere cannot be read"),
    "credential": (
        lambda base, clock: reader({"credential": "none"}, base, clock, CREDENTIALS_DIRECTORY=str(base)),
        "none cannot be read",
    ),
    "exec": (lambda base, clock: reader({"exec": python("raise SystemExit(4)")}, base, clock), "exited with 4"),
}


@pytest.fixture(params=GOOD)
def good(request: pytest.FixtureRequest, tmp_path: Path, clock: FakeClock) -> SecretReader:
    return GOOD[request.param](tmp_path, clock)


@pytest.fixture(params=BAD)
def bad(request: pytest.FixtureRequest, tmp_path: Path, clock: FakeClock) -> tuple[SecretReader, str]:
    opened, why = BAD[request.param]
    return opened(tmp_path, clock), why


async def test_a_read_value_is_peeked_from_then_on(good: SecretReader, clock: FakeClock) -> None:
    assert (await good.read()).reveal() == "s3cret"
    held = good.peek(clock())
    assert held is not None
    assert held.reveal() == "s3cret"
    assert good.peek(clock()) is held


async def test_a_good_value_has_a_version_and_no_problem(good: SecretReader) -> None:
    await good.read()
    assert (good.version, good.problem) == (1, None)


async def test_peek_says_from_when_on_it_could_change(good: SecretReader, clock: FakeClock) -> None:
    await good.read()
    good.peek(clock())
    assert good.recheck_at > clock()


async def test_no_reader_prints_its_secret(good: SecretReader, clock: FakeClock) -> None:
    await good.read()
    assert "s3cret" not in f"{good!r} {good.peek(clock())!r} {good.problem}"


async def test_a_missing_value_is_refused_with_where_it_was_looked_for(bad: tuple[SecretReader, str]) -> None:
    opened, why = bad
    with pytest.raises(SecretUnavailable, match=why) as caught:
        await opened.read()
    assert caught.value.retry_after > 0


async def test_a_missing_value_is_not_peeked_and_is_a_problem(bad: tuple[SecretReader, str], clock: FakeClock) -> None:
    opened, why = bad
    with pytest.raises(SecretUnavailable):
        await opened.read()
    assert opened.peek(clock()) is None
    assert why in (opened.problem or "")


async def test_each_waiter_gets_an_error_of_its_own(bad: tuple[SecretReader, str]) -> None:
    opened, _ = bad
    with pytest.raises(SecretUnavailable) as first:
        await opened.read()
    with pytest.raises(SecretUnavailable) as second:
        await opened.read()
    assert first.value is not second.value


async def test_closing_is_harmless_at_any_time(good: SecretReader) -> None:
    await good.close()
    await good.close()


def test_a_relative_path_begins_at_the_configuration(tmp_path: Path, clock: FakeClock) -> None:
    write_secret(tmp_path / "token", "s3cret")
    held = reader({"file": "token"}, tmp_path, clock).peek(clock())
    assert held is not None


def test_a_credential_that_the_platform_mounted_may_be_readable_by_others(tmp_path: Path, clock: FakeClock) -> None:
    write_secret(tmp_path / "name", "s3cret").chmod(0o444)
    held = reader({"credential": "name"}, tmp_path, clock, CREDENTIALS_DIRECTORY=str(tmp_path)).peek(clock())
    assert held is not None


def test_without_a_credentials_directory_the_containers_folder_is_used(tmp_path: Path) -> None:
    assert credential_path("name", {}) == Path("/run/secrets/name")


def test_a_credential_only_in_the_containers_folder_is_found_there(tmp_path: Path) -> None:
    (tmp_path / "name").touch()
    assert credential_path("name", {"CREDENTIALS_DIRECTORY": "/nowhere"}, tmp_path) == tmp_path / "name"


def test_the_units_credential_wins_over_the_containers(tmp_path: Path) -> None:
    unit, platform = tmp_path / "unit", tmp_path / "platform"
    for folder in (unit, platform):
        folder.mkdir()
        (folder / "name").touch()
    assert credential_path("name", {"CREDENTIALS_DIRECTORY": str(unit)}, platform) == unit / "name"


@pytest.mark.parametrize("kind", ["env", "file", "credential", "exec"])
async def test_a_key_may_have_several_lines_and_nothing_else_may(tmp_path: Path, clock: FakeClock, kind: str) -> None:
    write_secret(tmp_path / "k", "one\ntwo\n")
    written = {"env": "K", "file": "k", "credential": "k", "exec": python("print('one\\ntwo')")}[kind]
    given = means(tmp_path, clock, {"K": "one\ntwo", "CREDENTIALS_DIRECTORY": str(tmp_path)})
    ref = reference({kind: written})
    assert (await given.open_key(ref).read()).reveal() == "one\ntwo"
    with pytest.raises(SecretUnavailable, match="a secret is one line"):
        await given.open(ref).read()
