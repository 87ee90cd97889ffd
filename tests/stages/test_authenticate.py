import asyncio

import pytest

from proxy.auth.source import PreparedInjection
from proxy.clock import NEVER
from proxy.errors import CredentialUnavailable, DeadlineExceeded
from proxy.message import Exchange, Response
from proxy.stages.authenticate import Authenticate

_GOOD = PreparedInjection(lines=b"Authorization: Bearer t\r\n")


class Source:
    """A credential that is at hand or must be waited for; `asked` counts the waits."""

    def __init__(self, at_hand: PreparedInjection | None) -> None:
        self.at_hand = at_hand
        self.asked = 0
        self.arrives = asyncio.Event()
        self.error: CredentialUnavailable | None = None

    def peek(self, now: float) -> PreparedInjection | None:
        return self.at_hand

    async def current(self) -> PreparedInjection:
        self.asked += 1
        if self.error is not None:
            raise self.error
        await self.arrives.wait()
        return _GOOD


class Inner:
    def __init__(self) -> None:
        self.sent: list[object] = []

    async def send(self, exchange: Exchange) -> Response:
        self.sent.append(exchange.injection)
        return Response(200, b"OK", [])


def _exchange(deadline: float = NEVER) -> Exchange:
    exchange = Exchange("GET", b"/", [], b"1", 0.0)
    exchange.deadline = deadline
    return exchange


async def test_a_credential_that_is_at_hand_is_not_waited_for() -> None:
    source, inner = Source(_GOOD), Inner()
    await Authenticate(source, lambda: 0.0, inner).send(_exchange())
    assert (inner.sent, source.asked) == ([_GOOD], 0)


async def test_a_credential_that_is_not_is_waited_for() -> None:
    source, inner = Source(None), Inner()
    sending = asyncio.ensure_future(Authenticate(source, lambda: 0.0, inner).send(_exchange()))
    await asyncio.sleep(0)
    assert inner.sent == []
    source.arrives.set()
    await asyncio.wait_for(sending, 5)
    assert inner.sent == [_GOOD]


async def test_no_credential_no_request() -> None:
    source, inner = Source(None), Inner()
    source.error = CredentialUnavailable("none")
    with pytest.raises(CredentialUnavailable):
        await Authenticate(source, lambda: 0.0, inner).send(_exchange())
    assert inner.sent == []


async def test_a_wait_past_the_requests_deadline_sends_nothing() -> None:
    source, inner = Source(None), Inner()
    deadline = asyncio.get_running_loop().time() + 0.02
    with pytest.raises(DeadlineExceeded):
        await Authenticate(source, lambda: 0.0, inner).send(_exchange(deadline))
    assert inner.sent == []


async def test_a_caller_that_leaves_while_it_waits_sends_nothing() -> None:
    source, inner = Source(None), Inner()
    sending = asyncio.ensure_future(Authenticate(source, lambda: 0.0, inner).send(_exchange()))
    await asyncio.sleep(0)
    sending.cancel()
    with pytest.raises(asyncio.CancelledError):
        await sending
    assert inner.sent == []


async def test_a_caller_that_asks_for_none_gets_none() -> None:
    source, inner = Source(_GOOD), Inner()
    exchange = _exchange()
    exchange.wants_auth = False
    await Authenticate(source, lambda: 0.0, inner).send(exchange)
    assert (inner.sent, source.asked) == ([None], 0)
