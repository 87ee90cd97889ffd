from pathlib import Path

from tests.auth.tools import FakeClock, source


async def test_the_token_is_sent_as_a_bearer_token(tmp_path: Path, clock: FakeClock) -> None:
    held = source(tmp_path, clock, {"TOKEN": "abc\n"}, type="bearer", token={"env": "TOKEN"})
    assert (await held.current()).lines == b"Authorization: Bearer abc\r\n"
