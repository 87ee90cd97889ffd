import asyncio

import pytest

from proxy.errors import UpstreamDisconnected
from proxy.message import NoContent, Response
from proxy.message.ending import when_ended
from proxy.message.whole import WholeContent
from proxy.upstream.content import StreamedContent


class Flow:
    def pause(self) -> None: ...
    def resume(self) -> None: ...
    def abort(self) -> None: ...


class Tunnel:
    protocol = b"odd"

    def __init__(self) -> None:
        self.said: list[str] = []

    async def read(self) -> bytes:
        return b"down"

    async def write(self, data: bytes) -> None:
        self.said.append("write")

    def finish(self) -> None:
        self.said.append("finish")

    def close(self) -> None:
        self.said.append("close")


def _streaming() -> tuple[StreamedContent, Response, list[int]]:
    content = StreamedContent(Flow(), 7)
    response, ended = Response(200, b"OK", [], content), []
    when_ended(response, lambda: ended.append(1))
    return content, response, ended


@pytest.mark.parametrize("content", [NoContent(), WholeContent(b"abc")])
async def test_what_is_here_already_has_ended(content) -> None:
    ended: list[int] = []
    when_ended(Response(200, b"OK", [], content), lambda: ended.append(1))
    assert ended == [1]


async def test_content_ends_once_when_it_has_been_read() -> None:
    content, response, ended = _streaming()
    assert response.content.length == 7
    content.feed(b"abc")
    assert (await response.content.read(), ended) == (b"abc", [])
    content.finish()
    assert (await response.content.read(), ended) == (b"", [1])
    response.close()
    assert ended == [1]


async def test_content_ends_when_all_of_it_is_taken() -> None:
    content, response, ended = _streaming()
    assert (response.content.take(), ended) == (None, [])
    content.feed(b"abc")
    content.finish()
    assert response.content.complete
    assert (response.content.take(), ended) == (b"abc", [1])


async def test_content_ends_when_it_fails() -> None:
    content, response, ended = _streaming()
    content.finish(UpstreamDisconnected("gone"))
    with pytest.raises(UpstreamDisconnected):
        await response.content.read()
    assert ended == [1]


async def test_content_does_not_end_when_one_reader_is_cancelled() -> None:
    _, response, ended = _streaming()
    reading = asyncio.ensure_future(response.content.read())
    await asyncio.sleep(0)
    reading.cancel()
    with pytest.raises(asyncio.CancelledError):
        await reading
    assert ended == []
    response.close()
    assert ended == [1]


async def test_content_ends_when_it_is_closed() -> None:
    _, response, ended = _streaming()
    response.close()
    response.close()
    assert ended == [1]


async def test_a_tunnel_ends_when_it_is_closed_and_not_before() -> None:
    tunnel, response, ended = Tunnel(), Response(101, b"X", []), []
    response.tunnel = tunnel
    when_ended(response, lambda: ended.append(1))
    assert (response.tunnel.protocol, await response.tunnel.read()) == (b"odd", b"down")
    await response.tunnel.write(b"up")
    response.tunnel.finish()
    assert ended == []
    response.close()
    response.close()
    assert ended == [1]
    assert tunnel.said[:3] == ["write", "finish", "close"]
