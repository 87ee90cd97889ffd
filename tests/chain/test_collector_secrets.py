import asyncio
import os
from collections.abc import Mapping
from pathlib import Path

import pytest

from proxy.auth.fixed_secret import environment_reader, literal_reader
from proxy.auth.secret_reader import open_secret
from proxy.auth.secret_rules import SecretReader
from proxy.chain import collector_secrets
from proxy.chain.collector_secrets import SecretFields
from proxy.clock import monotonic
from proxy.config.secret_model import ExecSecret
from proxy.observe.collector_fields import FieldsMissing
from proxy.secret import Secret


async def asked(readers: Mapping[str, SecretReader]) -> Mapping[str, str]:
    """As the exporter asks: from a thread."""
    return await asyncio.to_thread(SecretFields(readers, asyncio.get_running_loop()))


async def test_the_fields_have_the_values_of_the_secrets() -> None:
    assert await asked({"X-Key": literal_reader(Secret("k")), "X-Team": literal_reader(Secret("t"))}) == {
        "X-Key": "k",
        "X-Team": "t",
    }


async def test_a_secret_that_is_away_is_named_by_its_field_and_place() -> None:
    with pytest.raises(FieldsMissing, match=r"tracing\.headers\.X-Key: .*KEY_OF_COLLECTOR"):
        await asked({"X-Key": environment_reader("KEY_OF_COLLECTOR", {})})


async def test_a_value_that_no_field_can_carry_is_named_and_not_shown() -> None:
    reader = environment_reader("KEY", {"KEY": "canary\x01"})
    with pytest.raises(FieldsMissing) as missing:
        await asked({"X-Key": reader})
    assert str(missing.value) == "tracing.headers.X-Key: its value has a control character, which no field can carry"


async def test_a_value_that_does_not_come_in_time_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    class Slow:
        """The part of a `SecretReader` that is used; `given_up` once nobody waits for it."""

        def __init__(self) -> None:
            self.given_up = asyncio.Event()

        async def read(self) -> Secret:
            try:
                await asyncio.Event().wait()
            finally:
                self.given_up.set()
            raise AssertionError

    monkeypatch.setattr(collector_secrets, "_PATIENCE", 0.05)
    slow = Slow()
    with pytest.raises(FieldsMissing, match="in time"):
        await asked({"X-Key": slow})
    async with asyncio.timeout(10):
        await slow.given_up.wait()


async def test_a_loop_that_ends_meanwhile_is_one_that_has_no_value() -> None:
    class Ending:
        async def read(self) -> Secret:
            raise asyncio.CancelledError

    with pytest.raises(FieldsMissing, match="in time"):
        await asked({"X-Key": Ending()})


async def test_refused_values_are_looked_for_again_and_not_in_a_storm(tmp_path: Path) -> None:
    now = [0.0]
    count = f"echo >> {tmp_path / 'runs'}; wc -l < {tmp_path / 'runs'}"
    reader = open_secret(ExecSecret(exec=["sh", "-c", count]), tmp_path, {"PATH": os.environ["PATH"]}, monotonic)
    fields = SecretFields({"X-Key": reader}, asyncio.get_running_loop(), lambda: now[0])
    seen = []
    for now[0] in (0.0, 1.0, 9.0, 10.0):
        fields.refused()
        seen.append((await asyncio.to_thread(fields))["X-Key"].strip())
    await fields.close()
    assert seen == ["1", "1", "1", "2"]
