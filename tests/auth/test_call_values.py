from pathlib import Path

import pytest

from proxy.auth.call_values import CallValues, sendable
from proxy.auth.secret_rules import SecretUnavailable
from proxy.message.call import Call
from tests.auth.tools import FakeClock, reader, reference, write_secret


def values(names: list[str], secrets: dict[str, object], environ: dict[str, str], base: Path) -> CallValues:
    def open_(ref: object):
        return reader(ref, base, FakeClock(), **environ)

    return CallValues(names, {name: reference(written) for name, written in secrets.items()}, open_, environ)


async def test_what_is_named_is_read_be_it_secret_or_variable(tmp_path: Path) -> None:
    read = values(["user", "env.TENANT"], {"user": "u"}, {"TENANT": "t", "OTHER": "o"}, tmp_path)
    assert await read.read() == {"user": "u", "env.TENANT": "t"}


async def test_a_secret_that_nobody_names_stops_no_call(tmp_path: Path) -> None:
    read = values(["user"], {"user": "u", "unused": {"env": "NOT_SET"}}, {}, tmp_path)
    assert await read.read() == {"user": "u"}
    assert len(read.readers) == 1


async def test_a_variable_that_is_not_set_is_named_and_an_empty_one_is_a_value(tmp_path: Path) -> None:
    assert await values(["env.TENANT"], {}, {"TENANT": ""}, tmp_path).read() == {"env.TENANT": ""}
    with pytest.raises(SecretUnavailable, match="variable TENANT is not set"):
        await values(["env.TENANT"], {}, {}, tmp_path).read()


async def test_all_secrets_are_read_again_also_when_the_first_cannot_change(tmp_path: Path) -> None:
    files = [write_secret(tmp_path / name, "old") for name in ("a", "b")]
    secrets: dict[str, object] = {"fixed": "f", "a": {"file": str(files[0])}, "b": {"file": str(files[1])}}
    read = values(["fixed", "a", "b"], secrets, {}, tmp_path)
    await read.read()
    for file in files:
        write_secret(file, "new")
    assert read.forget() is True
    assert await read.read() == {"fixed": "f", "a": "new", "b": "new"}


def test_where_no_secret_can_change_there_is_nothing_to_read_again(tmp_path: Path) -> None:
    assert values(["fixed"], {"fixed": "f"}, {}, tmp_path).forget() is False


@pytest.mark.parametrize("value", ["a\r\nb", "a\nb", "a\0"])
def test_a_field_that_would_become_two_is_not_sent_and_its_value_not_told(value: str) -> None:
    call = Call("POST", "https://a.test", [("X-Good", "fine"), ("X-Key", value)], b"", 1.0)
    with pytest.raises(SecretUnavailable, match="field X-Key of the call") as refused:
        sendable(call)
    assert value not in refused.value.detail


def test_a_call_whose_fields_can_be_sent_is_given_back() -> None:
    call = Call("POST", "https://a.test", [("X-Good", "fine")], b"", 1.0)
    assert sendable(call) is call
