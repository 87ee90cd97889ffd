import pytest

from proxy.auth.source import PreparedInjection
from proxy.message import Exchange, Response
from proxy.message.exchange import Injection
from proxy.stages.session_cookies import SessionCookies

LINE = b"Set-Cookie: a=1"


class Jar:
    """Keeps every line to itself."""

    def __init__(self) -> None:
        self.told: list[tuple[list[bytes], float]] = []

    def answered(self, sent: Injection, lines: list[bytes], now: float) -> list[bytes]:
        self.told.append((lines, now))
        return []


class Next:
    """Answers as the transport does: `rewritable` tells whether the head has anything of the kind."""

    def __init__(self, rewritable: list[int] | None) -> None:
        self._rewritable = rewritable

    async def send(self, exchange: Exchange) -> Response:
        response = Response(200, b"OK", [LINE])
        response.rewritable = self._rewritable
        return response


async def ask(jar: Jar, rewritable: list[int] | None, injection: Injection | None) -> Response:
    request = Exchange("GET", b"/", [], b"id", 0.0)
    request.injection = injection
    return await SessionCookies(jar, lambda: 5.0, Next(rewritable)).send(request)


async def test_the_jar_decides_which_lines_pass() -> None:
    jar = Jar()
    response = await ask(jar, [0], PreparedInjection(cookie=b"a=0"))
    assert (response.lines, response.rewritable, jar.told) == ([], None, [([LINE], 5.0)])


@pytest.mark.parametrize(
    ("rewritable", "injection"), [(None, PreparedInjection()), ([0], None)], ids=["sets nothing", "no credential"]
)
async def test_other_answers_pass_as_they_came(rewritable: list[int] | None, injection: Injection | None) -> None:
    jar = Jar()
    assert (await ask(jar, rewritable, injection)).lines == [LINE]
    assert jar.told == []
