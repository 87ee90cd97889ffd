from pathlib import Path

import pytest

from proxy.auth.file_secret import LOOK_EVERY
from proxy.errors import CredentialUnavailable
from tests.auth.tools import FakeClock, source, write_secret


async def test_the_token_is_followed_as_it_rotates(tmp_path: Path, clock: FakeClock) -> None:
    path = write_secret(tmp_path / "token", "one\n")
    held = source(tmp_path, clock, type="file", path="token")
    assert (await held.current()).lines == b"Authorization: Bearer one\r\n"
    write_secret(path, "two\n")
    clock.now += LOOK_EVERY
    rotated = held.peek(clock())
    assert rotated is not None
    assert rotated.lines == b"Authorization: Bearer two\r\n"


async def test_field_and_scheme_can_be_others(tmp_path: Path, clock: FakeClock) -> None:
    write_secret(tmp_path / "token", "one")
    held = source(tmp_path, clock, type="file", path="token", header="X-Token", scheme="")
    assert (await held.current()).lines == b"X-Token: one\r\n"


async def test_insecure_is_what_accepts_a_link(tmp_path: Path, clock: FakeClock) -> None:
    (tmp_path / "link").symlink_to(write_secret(tmp_path / "token", "one"))
    with pytest.raises(CredentialUnavailable, match="symbolic link"):
        await source(tmp_path, clock, type="file", path="link").current()
    held = source(tmp_path, clock, type="file", path="link", insecure=True)
    assert (await held.current()).lines == b"Authorization: Bearer one\r\n"
