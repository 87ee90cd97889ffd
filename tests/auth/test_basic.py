import base64
from pathlib import Path

import pytest

from proxy.errors import CredentialUnavailable
from tests.auth.tools import FakeClock, source


async def pair(tmp_path: Path, clock: FakeClock, username: str, password: str) -> str:
    environ = {"U": username, "P": password}
    held = source(tmp_path, clock, environ, type="basic", username={"env": "U"}, password={"env": "P"})
    lines = (await held.current()).lines
    assert lines.startswith(b"Authorization: Basic ")
    return base64.b64decode(lines.split()[2], validate=True).decode()


async def test_user_name_and_password_are_sent_in_utf8(tmp_path: Path, clock: FakeClock) -> None:
    assert await pair(tmp_path, clock, "jürgen", "pä:ß") == "jürgen:pä:ß"


async def test_a_long_pair_stays_on_one_line(tmp_path: Path, clock: FakeClock) -> None:
    assert await pair(tmp_path, clock, "u" * 100, "p" * 500) == "u" * 100 + ":" + "p" * 500


async def test_a_colon_in_the_user_name_is_an_error(tmp_path: Path, clock: FakeClock) -> None:
    with pytest.raises(CredentialUnavailable, match="colon"):
        await pair(tmp_path, clock, "a:b", "p")


async def test_a_control_character_is_an_error(tmp_path: Path, clock: FakeClock) -> None:
    with pytest.raises(CredentialUnavailable, match="control character"):
        await pair(tmp_path, clock, "a", "p\x07")
