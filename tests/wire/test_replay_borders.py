"""A form with a file whose token has ended, at each size at which its content is kept otherwise."""

from collections.abc import Awaitable, Callable

import pytest

from tests.peers.running import Outrider
from tests.peers.token_server import TokenServer

Start = Callable[..., Awaitable[Outrider]]

MEMORY, FILE = 64 * 1024, 512 * 1024
_KIND = b"Content-Type: multipart/form-data; boundary=b"
_BEFORE = b'--b\r\nContent-Disposition: form-data; name="f"; filename="f"\r\n\r\n'
_AFTER = b"\r\n--b--\r\n"


async def upload(
    outrider: Start, server: TokenServer, size: int, *, chunked: bool
) -> tuple[Outrider, bytes, list[bytes]]:
    """What came back for a form of `size` bytes that was sent with a token which the API takes no more."""
    replay = {"memory": f"{MEMORY}B", "file": f"{FILE}B"}
    upstream = {"url": server.url, "auth": "p", "replay": replay}
    running = await outrider({"auth": {"p": server.profile()}, "upstreams": {"api": upstream}})
    server.expire_tokens()
    content = _BEFORE + b"x" * (size - len(_BEFORE) - len(_AFTER)) + _AFTER
    framing = b"Transfer-Encoding: chunked" if chunked else b"Content-Length: %d" % size
    async with await running.caller() as caller:
        await caller.send(running.head(b"POST", b"/files", _KIND, framing))
        for start in range(0, size, 50_000):
            piece = content[start : start + 50_000]
            await caller.send(b"%x\r\n%b\r\n" % (len(piece), piece) if chunked else piece)
        await caller.send(b"0\r\n\r\n" if chunked else b"")
        answered = await caller.answer(b"POST", 20)
    return running, content, [b"%d" % answered.status, answered.content, answered.get(b"proxy-status") or b""]


@pytest.mark.parametrize("chunked", [False, True], ids=["with a length", "in chunks"])
@pytest.mark.parametrize("size", [MEMORY - 1, MEMORY, MEMORY + 1, FILE - 1, FILE])
async def test_what_is_kept_is_sent_again_whole(outrider: Start, server: TokenServer, size: int, chunked: bool) -> None:
    _, content, (status, echoed, told) = await upload(outrider, server, size, chunked=chunked)
    assert (status, echoed == content) == (b"200", True)
    assert b"refreshed" in told
    assert server.exchanges == 2


@pytest.mark.parametrize("chunked", [False, True], ids=["with a length", "in chunks"])
async def test_one_byte_over_the_cap_passes_once_and_the_next_request_has_another_token(
    outrider: Start, server: TokenServer, chunked: bool
) -> None:
    running, _, (status, _, told) = await upload(outrider, server, FILE + 1, chunked=chunked)
    assert status == b"401"
    assert b"not_replayable" in told
    assert (await running.request()).status == 200
    assert server.exchanges == 2
