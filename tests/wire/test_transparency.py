"""What Outrider does not have to touch, it does not touch: targets, field values and content, byte for byte."""

import asyncio
import gzip
import random
import zlib

import pytest

from tests.peers.raw_upstream import Connection, RawUpstream
from tests.peers.running import Outrider, facing
from tests.peers.scripts import answers

_TARGET_BYTES = bytes(byte for byte in range(0x21, 0x7F) if byte != ord("#"))
_TRICKY = (b"%2f", b"%2F", b"%5c", b"%00", b"%zz", b"%", b"%%", b"..", b".", b"//", b"?", b"??", b"&", b"=", b";", b"+")
_TRICKY += (
    b"%2e%2e",
    b"/../",
    b"/./",
    b"%20",
    b"%c3%a9",
    b"%C3%A9",
    b"%ff",
    b":",
    b"@",
    b"|",
    b"\\",
    b'"',
    b"<",
    b"^",
    b"{",
)

_KNOWN = (
    b"/a%2fb",
    b"/a%2Fb",
    b"/%2e%2e/x",
    b"/../x",
    b"/./x",
    b"/a/../../b",
    b"/a?",
    b"/a??b",
    b"/a?b?c",
    b"/?",
    b"/",
    b"//",
    b"//evil.example/x",
    b"///",
    b"/%zz",
    b"/%",
    b"/a;b=c",
    b"/a?b=c+d%20e",
    b"/a?x=%00",
    b"/a/",
    b"/~user",
    b"/a:b@c",
    b'/"<>\\^`{|}',
    b"/a?q=http://evil.example/",
    b"/a?[]",
    b"/" + b"a" * 8000,
    b"/?" + b"b=%2f&" * 1300,
)


def _targets(count: int, seed: int) -> list[bytes]:
    chance = random.Random(seed)

    def part() -> bytes:
        if chance.random() < 0.4:
            return chance.choice(_TRICKY)
        return bytes(chance.choices(_TARGET_BYTES, k=chance.randint(1, 8)))

    return [b"/" + b"".join(part() for _ in range(chance.randint(0, 10))) for _ in range(count)]


async def _ask_all(running: Outrider, targets: list[bytes], at_once: int = 50) -> None:
    """Ask for every target in order, a batch of pipelined requests at a time."""
    async with await running.caller() as caller:
        for start in range(0, len(targets), at_once):
            batch = targets[start : start + at_once]
            await caller.send(b"".join(running.head(b"GET", target) for target in batch))
            for target in batch:
                assert (await caller.answer()).status == 200, target


@pytest.mark.parametrize("target", _KNOWN)
async def test_a_known_trap_arrives_as_it_was_sent(outrider, target):
    async with RawUpstream(answers()) as upstream:
        running = await outrider(facing(upstream.url))
        assert (await running.request(b"GET", target)).status == 200
        assert upstream.targets == [target]


async def test_any_target_arrives_as_it_was_sent(outrider, scale):
    targets = _targets(scale(3000, 100_000), seed=3986)
    async with RawUpstream(answers()) as upstream:
        running = await outrider(facing(upstream.url))
        await _ask_all(running, targets)
        assert upstream.targets == targets


async def test_base_path_and_stripped_prefix_change_nothing_else_of_the_target(outrider, scale):
    targets = _targets(scale(1000, 20_000), seed=9110)
    async with RawUpstream(answers()) as upstream:
        running = await outrider(facing(upstream.url + "/v1", upstream={"match": {"prefix": "/api"}}))
        await _ask_all(running, [b"/api" + target for target in targets])
        assert upstream.targets == [b"/v1" + target for target in targets]


@pytest.mark.parametrize(
    ("base", "match", "asked", "arrives"),
    [
        ("", {"prefix": "/api"}, b"/api", b"/"),
        ("", {"prefix": "/api"}, b"/api?q", b"/?q"),
        ("", {"prefix": "/api"}, b"/api/", b"/"),
        ("/v1", {"prefix": "/api"}, b"/api/x", b"/v1/x"),
        ("/v1/", {"prefix": "/api"}, b"/api/x", b"/v1/x"),
        ("/v1", {}, b"/x?", b"/v1/x?"),
        ("/v1", {}, b"//x", b"/v1//x"),
    ],
)
async def test_the_prefix_goes_and_the_base_path_comes(outrider, base, match, asked, arrives):
    async with RawUpstream(answers()) as upstream:
        running = await outrider(facing(upstream.url + base, upstream={"match": match}))
        assert (await running.request(b"GET", asked)).status == 200
        assert upstream.targets == [arrives]


async def test_a_kept_prefix_is_sent_on(outrider):
    async with RawUpstream(answers()) as upstream:
        running = await outrider(facing(upstream.url, upstream={"match": {"prefix": "/api"}, "keep_prefix": True}))
        assert (await running.request(b"GET", b"/api/x%2fy?z")).status == 200
        assert upstream.targets == [b"/api/x%2fy?z"]


@pytest.mark.parametrize("target", [b"/apix", b"/ap", b"/", b"/API/x", b"/%61pi/x"])
async def test_a_prefix_matches_whole_segments_as_they_are_written(outrider, target):
    async with RawUpstream(answers()) as upstream:
        running = await outrider(facing(upstream.url, upstream={"match": {"prefix": "/api"}}))
        assert (await running.request(b"GET", target)).code == "route_not_found"
        assert not upstream.targets


_VALUES = (
    b"plain",
    b'"q,u;o=t"',
    "é€😀".encode(),
    b"a\tb",
    b"a  b",
    b"\\",
    b"%zz",
    b"v" * 7000,
    b"=?utf-8?q?x?=",
    b"a,b,,c",
)


@pytest.mark.parametrize("value", _VALUES, ids=range(len(_VALUES)))
async def test_a_field_value_passes_byte_for_byte_both_ways(outrider, value):
    async with RawUpstream(answers(b"HTTP/1.1 200 OK\r\nx-back: %b\r\ncontent-length: 0\r\n\r\n" % value)) as upstream:
        running = await outrider(facing(upstream.url))
        answer = await running.request(b"GET", b"/", b"X-There: " + value)
        assert upstream.heads[0].all(b"x-there") == [value]
        assert answer.all(b"x-back") == [value]


@pytest.mark.parametrize("value", [b"caf\xe9", b"\xff\xfe", b"a\x80b", b"\xc3"])
async def test_bytes_that_are_not_utf_8_arrive_whole_or_are_refused(outrider, value):
    async with RawUpstream(answers()) as upstream:
        running = await outrider(facing(upstream.url))
        answer = await running.request(b"GET", b"/", b"X-There: " + value)
        if answer.status == 200:
            assert upstream.heads[0].all(b"x-there") == [value]
        else:
            assert answer.code == "bad_request"


async def test_bytes_that_are_not_utf_8_come_back_whole(outrider):
    head = b"HTTP/1.1 200 Tr\xe8s bien\r\nx-back: caf\xe9\r\ncontent-length: 0\r\n\r\n"
    async with RawUpstream(answers(head)) as upstream:
        running = await outrider(facing(upstream.url))
        assert (await running.request()).all(b"x-back") == [b"caf\xe9"]


async def test_repeated_fields_keep_their_number_and_order(outrider):
    head = b"HTTP/1.1 200 OK\r\nset-cookie: a=1\r\nX-B: 2\r\nSet-Cookie: c=3\r\ncontent-length: 0\r\n\r\n"
    async with RawUpstream(answers(head)) as upstream:
        running = await outrider(facing(upstream.url))
        answer = await running.request(b"GET", b"/", b"X-A: 1", b"x-a: 2", b"Cookie: p=q", b"X-A: 3", b"cookie: r=s")
        assert upstream.heads[0].all(b"x-a") == [b"1", b"2", b"3"]
        assert upstream.heads[0].all(b"cookie") in ([b"p=q", b"r=s"], [b"p=q; r=s"])
        assert answer.all(b"set-cookie") == [b"a=1", b"c=3"]


@pytest.mark.parametrize(
    "method", [b"GET", b"HEAD", b"OPTIONS", b"DELETE", b"PATCH", b"PROPFIND", b"M-SEARCH", b"get", b"X!"]
)
async def test_every_method_arrives_as_it_was_written(outrider, method):
    async with RawUpstream(answers(b"HTTP/1.1 204 No Content\r\n\r\n")) as upstream:
        running = await outrider(facing(upstream.url))
        assert (await running.request(method, b"/x")).status == 204
        assert upstream.heads[0].method == method


async def test_options_of_the_whole_server_is_sent_on_as_such(outrider):
    async with RawUpstream(answers()) as upstream:
        running = await outrider(facing(upstream.url))
        assert (await running.request(b"OPTIONS", b"*")).status == 200
        assert (upstream.heads[0].method, upstream.targets) == (b"OPTIONS", [b"*"])


_TEXT = b"hello " * 5000
_COMPRESSED = {
    "gzip": gzip.compress(_TEXT),
    "deflate": zlib.compress(_TEXT),
    "br": b"\x00not really brotli\xff" * 100,
    "zstd": b"\x28\xb5\x2f\xfdnot really",
    "gzip, gzip": gzip.compress(gzip.compress(_TEXT)),
    "gzip ": b"not gzip at all",
}


@pytest.mark.parametrize("coding", _COMPRESSED)
async def test_compressed_content_passes_untouched_both_ways(outrider, coding):
    content = _COMPRESSED[coding]
    field = b"Content-Encoding: " + coding.strip().encode()

    async def script(connection: Connection) -> None:
        await connection.request()
        await connection.send(b"HTTP/1.1 200 OK\r\n%b\r\ncontent-length: %d\r\n\r\n" % (field, len(content)) + content)

    async with RawUpstream(script) as upstream:
        running = await outrider(facing(upstream.url))
        answer = await running.request(b"POST", b"/", field, b"Accept-Encoding: gzip, zstd", content=content)
        assert upstream.requests[0].content == content
        assert upstream.heads[0].get(b"content-encoding") == coding.strip().encode()
        assert upstream.heads[0].all(b"accept-encoding") == [b"gzip, zstd"]
        assert answer.content == content
        assert answer.all(b"content-encoding") == [coding.strip().encode()]


async def test_fields_that_a_client_library_likes_to_add_are_not_added(outrider):
    async with RawUpstream(answers()) as upstream:
        running = await outrider(facing(upstream.url))
        await running.request()
        names = {name.lower() for name, _ in upstream.heads[0].fields}
        assert names <= {b"host", b"authorization", b"via", b"connection"}


async def test_status_and_reason_pass_as_they_came(outrider):
    async with RawUpstream(answers(b"HTTP/1.1 599 Odd, but so\r\ncontent-length: 0\r\n\r\n")) as upstream:
        running = await outrider(facing(upstream.url))
        answer = await running.request()
        assert (answer.status, answer.reason) == (599, b"Odd, but so")


async def test_targets_are_not_mixed_between_callers(outrider):
    async with RawUpstream(answers()) as upstream:
        running = await outrider(facing(upstream.url))
        shares = [_targets(100, seed) for seed in range(10)]
        await asyncio.gather(*(_ask_all(running, share, at_once=7) for share in shares))
        assert sorted(upstream.targets) == sorted(target for share in shares for target in share)
