"""Content that is read before it is known whether its request is sent."""

import pytest

from proxy.message import Exchange, RequestContent
from proxy.stages.held_content import hold
from tests.stages.contents import FedContent, WholeRequest


def asked(content: RequestContent | None) -> Exchange:
    exchange = Exchange("POST", b"/", [], b"id", 0.0)
    exchange.content = content
    return exchange


async def all_of(exchange: Exchange) -> bytes:
    assert exchange.content is not None
    pieces = []
    while piece := await exchange.content.read():
        pieces.append(piece)
    return b"".join(pieces)


@pytest.mark.parametrize("content", [FedContent(b"one", b"two"), WholeRequest(b"onetwo")], ids=["pieces", "whole"])
async def test_content_within_the_cap_is_held_and_still_sent(content: RequestContent) -> None:
    exchange = asked(content)
    assert await hold(exchange, 6) == b"onetwo"
    assert await all_of(exchange) == b"onetwo"


async def test_held_content_is_at_hand_at_once_and_framed_as_it_came() -> None:
    exchange = asked(FedContent(b"one", b"two"))
    await hold(exchange, 6)
    assert exchange.content is not None
    assert exchange.content.length is None
    assert exchange.content.take() == b"onetwo"


async def test_content_that_grows_past_the_cap_is_sent_whole_all_the_same() -> None:
    content = FedContent(b"one", b"two", b"three", b"four")
    exchange = asked(content)
    assert await hold(exchange, 5) is None
    assert content.reads == 2
    assert exchange.content is not None
    assert exchange.content.take() is None
    assert await all_of(exchange) == b"onetwothreefour"


async def test_content_that_says_it_is_over_the_cap_is_not_touched() -> None:
    content = FedContent(b"12345678", length=8)
    exchange = asked(content)
    assert await hold(exchange, 5) is None
    assert exchange.content is content
    assert content.reads == 0


async def test_whole_content_over_the_cap_that_did_not_say_so_is_sent() -> None:
    content = WholeRequest(b"12345678")
    content.length = None
    exchange = asked(content)
    assert await hold(exchange, 5) is None
    assert await all_of(exchange) == b"12345678"


async def test_a_caller_that_waits_to_be_asked_for_its_content_is_asked() -> None:
    content = FedContent(b"one")
    exchange = asked(content)
    exchange.expects_continue = True
    await hold(exchange, 5)
    assert content.proceeded == 1
    assert not exchange.expects_continue


async def test_no_content_is_empty_content() -> None:
    assert await hold(asked(None), 5) == b""
