from pathlib import Path

from proxy.auth import CredentialSource, PreparedInjection
from tests.auth.tools import FakeClock, source


def keyed(tmp_path: Path, clock: FakeClock, place: str, name: str, key: str, prefix: str = "") -> CredentialSource:
    written: dict[str, object] = {"type": "api_key", "in": place, "name": name, "key": key, "prefix": prefix}
    return source(tmp_path, clock, **written)


async def test_in_a_field_the_key_stands_after_its_prefix(tmp_path: Path, clock: FakeClock) -> None:
    held = keyed(tmp_path, clock, "header", "X-Api-Key", "abc", "Token ")
    assert await held.current() == PreparedInjection(lines=b"X-Api-Key: Token abc\r\n")


async def test_in_the_query_name_and_key_are_percent_encoded(tmp_path: Path, clock: FakeClock) -> None:
    held = keyed(tmp_path, clock, "query", "api[key]", "a&b=c d/é+%")
    assert await held.current() == PreparedInjection(query=b"api%5Bkey%5D=a%26b%3Dc%20d%2F%C3%A9%2B%25")
    assert held.query_name == b"api[key]"


async def test_in_a_cookie_the_key_is_sent_as_it_is(tmp_path: Path, clock: FakeClock) -> None:
    held = keyed(tmp_path, clock, "cookie", "sid", "a=b")
    assert await held.current() == PreparedInjection(cookie=b"sid=a=b")
    assert (held.cookie_name, held.strip) == (b"sid", frozenset())
