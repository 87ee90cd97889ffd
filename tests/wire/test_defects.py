"""A defect of Outrider's own: answered, logged, and the end of the connection that it happened on."""

from proxy.message import Exchange, Response
from tests.peers.raw_upstream import RawUpstream
from tests.peers.running import facing
from tests.peers.scripts import answers


class _Broken:
    async def send(self, _: Exchange) -> Response:
        raise ValueError("made-up-canary")


async def test_a_defect_is_an_internal_error_that_says_nothing_of_itself_and_the_next_connection_works(
    outrider, captured
):
    log = captured()
    async with RawUpstream(answers()) as upstream:
        running = await outrider(facing(upstream.url))
        (chain,) = running.daemon._pipeline.chains
        whole, chain.stage = chain.stage, _Broken()
        async with await running.caller() as caller:
            await caller.send(running.head())
            answer = await caller.answer()
            assert await caller.closed()
        chain.stage = whole
        assert (await running.request()).status == 200
        await running.stop()
    assert (answer.status, answer.code) == (500, "internal_error")
    assert b"canary" not in answer.content
    assert [line["event.name"] for line in log.lines if line["severity_text"] == "ERROR"] == ["request.defect"]
