"""The stage alone: what a signer is shown, and what is left of the exchange afterwards."""

import gc

import pytest

from proxy.auth.signer import Outgoing
from proxy.auth.source import PreparedInjection
from proxy.errors import ContentTooLarge, UpstreamConnectFailed
from proxy.message import Exchange, Response
from proxy.message.exchange import Injection
from proxy.policy.outgoing import OutgoingRules
from proxy.stages.replay import Replay, WholeReplay, is_kept
from proxy.stages.sign import Sign
from proxy.stages.signature import Signature
from proxy.stages.spool import SpoolCaps
from tests.policy.routes import exchange, route
from tests.stages.contents import FedContent, WholeRequest

KEY = PreparedInjection()
CAPS = SpoolCaps(1024, 1024)


class Numbering:
    """A signer whose signatures are numbers; remembers what it was shown."""

    def __init__(self, cap: int = 0) -> None:
        self.cap = cap
        self.shown: list[Outgoing] = []
        self.heard: list[tuple[Injection, int]] = []

    def wants_content(self, exchange: Exchange) -> int:
        return self.cap

    def sign(self, exchange: Exchange, outgoing: Outgoing, key: Injection) -> Injection:
        assert key is KEY
        if self.cap and outgoing.content is None:
            raise ContentTooLarge("too much", stage="sign")
        self.shown.append(outgoing)
        return PreparedInjection(lines=b"S: %d\r\n" % len(self.shown))

    def answered(self, signed: Injection, response: Response) -> None:
        self.heard.append((signed, response.status))


class Wire:
    """Reads the content, as the transport would, and answers; or fails where it is told to."""

    def __init__(self) -> None:
        self.sent: list[tuple[bytes, bytes]] = []
        self.fails = False

    async def send(self, exchange: Exchange) -> Response:
        content = b""
        if exchange.content is not None:
            while piece := await exchange.content.read():
                content += piece
        assert exchange.injection is not None
        self.sent.append((exchange.injection.lines, content))
        if self.fails:
            raise UpstreamConnectFailed("no")
        return Response(204, b"", [])


def stage(signer: Numbering, wire: Wire, url: str = "https://api.example:8443/v1", **upstream: object) -> Sign:
    return Sign(signer, OutgoingRules(route(url, **upstream), [b"s"]), wire, secure=True)


def posting(content: FedContent) -> Exchange:
    made = exchange(b"/up", method="POST")
    made.content = content
    made.injection = KEY
    return made


async def test_the_signer_is_shown_what_the_upstream_will_see() -> None:
    signer = Numbering()
    request = exchange(b"/a%2Fb?x=%20&y", (b"X-A", b"1"), (b"s", b"forged"), (b"S_", b"2"), (b"X-Gone", b"3"))
    request.injection = KEY
    edits = {"set": {"X-Set": "4"}, "remove": ["X-Gone"]}
    await stage(signer, Wire(), headers=edits).send(request)
    fields = [(b"X-Set", b"4"), (b"X-A", b"1"), (b"S_", b"2")]
    assert signer.shown == [Outgoing("GET", b"/v1/a%2Fb?x=%20&y", b"api.example:8443", True, fields, b"")]
    assert (signer.shown[0].path, signer.shown[0].query) == (b"/v1/a%2Fb", b"x=%20&y")


async def test_each_sending_is_signed_anew_and_the_signer_hears_its_answer() -> None:
    signer, wire = Numbering(), Wire()
    sign = stage(signer, wire)
    for _ in range(2):
        request = exchange()
        request.injection = KEY
        await sign.send(request)
    assert [lines for lines, _ in wire.sent] == [b"S: 1\r\n", b"S: 2\r\n"]
    assert [(signed.lines, status) for signed, status in signer.heard] == [(b"S: 1\r\n", 204), (b"S: 2\r\n", 204)]


async def test_what_is_signed_anew_further_in_is_what_the_signer_hears_of() -> None:
    signer = Numbering()

    class Trying(Wire):
        async def send(self, exchange: Exchange) -> Response:
            assert isinstance(exchange.injection, Signature)
            exchange.injection.renew(exchange)
            return await super().send(exchange)

    wire, request = Trying(), exchange()
    request.injection = KEY
    await stage(signer, wire).send(request)
    assert [lines for lines, _ in wire.sent] == [b"S: 2\r\n"]
    assert [(signed.lines, status) for signed, status in signer.heard] == [(b"S: 2\r\n", 204)]
    assert "S: 2" not in repr(request.injection)


async def test_a_signed_request_is_gone_with_its_last_reader() -> None:
    request = exchange()
    request.injection = KEY
    await stage(Numbering(), Wire()).send(request)
    signature = request.injection
    assert not any(held is request for held in gc.get_referents(signature))


async def test_a_request_without_a_credential_passes_unsigned() -> None:
    signer = Numbering()

    class Bare:
        async def send(self, exchange: Exchange) -> Response:
            assert exchange.injection is None
            return Response(200, b"", [])

    sign = Sign(signer, OutgoingRules(route()), Bare(), secure=False)
    assert (await sign.send(exchange())).status == 200
    assert (signer.shown, signer.heard) == ([], [])


@pytest.mark.parametrize("content", [WholeRequest(b"abcdef"), FedContent(b"abc", b"def")])
async def test_content_that_is_signed_is_read_ahead_and_sent_whole(content: FedContent) -> None:
    signer, wire = Numbering(cap=6), Wire()
    await stage(signer, wire).send(posting(content))
    assert signer.shown[0].content == b"abcdef"
    assert wire.sent == [(b"S: 1\r\n", b"abcdef")]


async def test_content_that_is_not_signed_is_not_read_ahead() -> None:
    signer = Numbering()
    content = FedContent(b"abc", b"def")

    class Looking(Wire):
        async def send(self, exchange: Exchange) -> Response:
            assert content.reads == 0
            return await super().send(exchange)

    await stage(signer, Looking()).send(posting(content))
    assert signer.shown[0].content is None


async def test_content_over_the_cap_is_not_sent() -> None:
    wire = Wire()
    with pytest.raises(ContentTooLarge):
        await stage(Numbering(cap=5), wire).send(posting(FedContent(b"abc", b"def")))
    assert wire.sent == []


async def test_whoever_sends_again_finds_the_content_that_it_knows() -> None:
    signer, wire = Numbering(cap=6), Wire()
    sign = stage(signer, wire)
    replay = Replay(FedContent(b"abc", b"def"), CAPS)
    request = posting(FedContent())
    request.content = replay.attempt()
    for _ in range(2):
        await sign.send(request)
        assert request.content is not None
        assert is_kept(request.content)
        request.content, request.injection = replay.attempt(), KEY
    assert [content for _, content in wire.sent] == [b"abcdef"] * 2


async def test_after_a_failure_the_content_is_signed_and_sent_once_more() -> None:
    signer, wire = Numbering(cap=6), Wire()
    sign = stage(signer, wire)
    whole = WholeReplay(WholeRequest(b"abcdef"), b"abcdef")
    request = posting(FedContent())
    for wire.fails in (True, False):
        request.content, request.injection = whole.attempt(), KEY
        if wire.fails:
            with pytest.raises(UpstreamConnectFailed):
                await sign.send(request)
        else:
            await sign.send(request)
    assert wire.sent == [(b"S: 1\r\n", b"abcdef"), (b"S: 2\r\n", b"abcdef")]
