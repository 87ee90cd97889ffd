from pathlib import Path

import pytest

from proxy.errors import CredentialUnavailable
from tests.auth.tools import FakeClock, source


async def test_every_field_is_rendered_in_order(tmp_path: Path, clock: FakeClock) -> None:
    held = source(
        tmp_path,
        clock,
        {"KEY": "k/1"},
        type="headers",
        set={"X-User": "{{ user }}", "X-Both": "{{user}}:{{key | urlencode}}", "X-Fixed": "yes"},
        secrets={"user": "ann", "key": {"env": "KEY"}},
    )
    assert (await held.current()).lines == b"X-User: ann\r\nX-Both: ann:k%2F1\r\nX-Fixed: yes\r\n"
    assert held.strip == {b"x-user", b"x-both", b"x-fixed"}


async def test_a_secret_that_no_template_names_is_not_wanted(tmp_path: Path, clock: FakeClock) -> None:
    secrets = {"a": "1", "unused": {"env": "ABSENT"}}
    held = source(tmp_path, clock, type="headers", set={"X-A": "{{ a }}"}, secrets=secrets)
    assert (await held.current()).lines == b"X-A: 1\r\n"


async def test_a_rendered_value_that_a_field_cannot_carry_is_refused(tmp_path: Path, clock: FakeClock) -> None:
    held = source(tmp_path, clock, {"A": "a\x1b"}, type="headers", set={"X-A": "{{ a }}"}, secrets={"a": {"env": "A"}})
    with pytest.raises(CredentialUnavailable, match="field X-A has a control character"):
        await held.current()
