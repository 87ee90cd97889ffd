"""The peers themselves: a judge that forgives would make every other test worthless."""

import pytest

from tests.peers.caller import Caller
from tests.peers.grammar import judge
from tests.peers.raw_upstream import RawUpstream
from tests.peers.scripts import OK, answers, resets_unanswered

_GET = b"GET /a HTTP/1.1\r\nHost: h\r\n\r\n"


def test_the_judge_reads_requests_one_after_the_other():
    post = b"POST /b?c HTTP/1.1\r\nHost: h:1\r\nContent-Length: 3\r\n\r\nabc"
    chunked = b"PUT /c HTTP/1.1\r\nHost: [::1]\r\nTransfer-Encoding: chunked\r\n\r\n2;x=y\r\nhi\r\n0\r\nT: v\r\n\r\n"
    judged = judge(_GET + post + chunked + b"GET /half")
    assert [request.head.target for request in judged.requests] == [b"/a", b"/b?c", b"/c"]
    assert [request.content for request in judged.requests] == [b"", b"abc", b"hi"]
    assert judged.requests[2].trailers == ((b"T", b"v"),)
    assert (judged.rest, judged.fault) == (b"GET /half", None)


@pytest.mark.parametrize(
    "data",
    [
        b"GET /a HTTP/1.1\n\r\n\r\n",
        b"GET  /a HTTP/1.1\r\nHost: h\r\n\r\n",
        b"GET /a#b HTTP/1.1\r\nHost: h\r\n\r\n",
        b"GET http://h/ HTTP/1.1\r\nHost: h\r\n\r\n",
        b"GET /a HTTP/2.0\r\nHost: h\r\n\r\n",
        b"GET /a HTTP/1.1\r\n\r\n",
        b"GET /a HTTP/1.1\r\nHost: h\r\nHost: h\r\n\r\n",
        b"GET /a HTTP/1.1\r\nHost: u@h\r\n\r\n",
        b"GET /a HTTP/1.1\r\nHost : h\r\n\r\n",
        b"GET /a HTTP/1.1\r\nHost: h\r\n folded\r\n\r\n",
        b"GET /a HTTP/1.1\r\nHost: h\r\nA: b\x00\r\n\r\n",
        b"GET /a HTTP/1.1\r\nHost: h\r\nA: b\rc\r\n\r\n",
        b"GET /a HTTP/1.1\r\nHost: h\r\nContent-Length: +1\r\n\r\nx",
        b"GET /a HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\nx",
        b"GET /a HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"GET /a HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
        b"GET /a HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n1 \r\nxx\r\n",
        b"GET /a HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nxx\r\n",
    ],
)
def test_the_judge_forgives_nothing(data):
    assert judge(data).fault


async def test_the_raw_upstream_keeps_every_byte_and_answers_what_its_script_says():
    async with RawUpstream(answers(OK)) as upstream, await Caller.connect(upstream.port) as caller:
        await caller.send(_GET)
        answer = await caller.answer()
        assert (answer.status, answer.content, answer.whole) == (200, b"ok", True)
        assert upstream.connections[0].arrived == _GET
        assert upstream.targets == [b"/a"]


async def test_a_reset_answer_is_not_taken_for_a_whole_one():
    async with RawUpstream(resets_unanswered()) as upstream, await Caller.connect(upstream.port) as caller:
        await caller.send(_GET)
        with pytest.raises(EOFError):
            await caller.answer()


def test_httpbin_answers(httpbin):
    import urllib.request

    with urllib.request.urlopen(httpbin + "/get?a=b") as answer:
        assert b'"a": "b"' in answer.read()


def test_nginx_serves_and_takes_files(nginx):
    import urllib.request

    url, files = nginx
    (files / "hello").write_bytes(b"hello")
    with urllib.request.urlopen(url + "/hello") as answer:
        assert answer.read() == b"hello"
    put = urllib.request.Request(url + "/upload/x", data=b"stored", method="PUT")
    with urllib.request.urlopen(put) as answer:
        assert answer.status == 201
    assert (files / "upload" / "x").read_bytes() == b"stored"
