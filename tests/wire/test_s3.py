"""An S3 behind a real daemon: callers know no key, and the names of objects stay what they were."""

import re
from collections.abc import Awaitable, Callable, Iterator
from typing import Any
from urllib.parse import quote

import pytest

from tests.peers.moto import moto_missing, running_moto
from tests.peers.raw_upstream import Connection, RawUpstream
from tests.peers.running import Outrider

Start = Callable[..., Awaitable[Outrider]]
PROFILE = {
    "type": "aws_sigv4",
    "service": "s3",
    "region": "us-east-1",
    "access_key_id": "AKIDEXAMPLE",
    "secret_access_key": "canary-secret",
}
NAMES = ["plain.txt", "a b+c", "dir/é(1)!.txt", "100%", "q?#&=;", "~'*", "a//b", ".hidden/..x"]


@pytest.fixture(scope="module")
def moto() -> Iterator[str]:
    if reason := moto_missing():
        pytest.skip(reason)
    with running_moto() as url:
        yield url


def facing(url: str, **options: Any) -> dict[str, Any]:
    entry = {"url": url + "/bucket", "auth": "s3", "match": {"prefix": "/objects"}}
    whole = {"url": url, "auth": "s3"}
    return {"auth": {"s3": PROFILE | options}, "upstreams": {"objects": entry, "s3": whole}}


async def bucket(outrider: Start, url: str, **options: Any) -> Outrider:
    running = await outrider(facing(url, **options))
    assert (await running.request(b"PUT", b"/bucket")).status in (200, 409)
    return running


@pytest.mark.parametrize("payload", ["signed", "unsigned", "streaming"])
async def test_objects_are_put_listed_and_got_whatever_their_names(outrider: Start, moto: str, payload: str) -> None:
    running = await bucket(outrider, moto, payload=payload)
    for name in NAMES:
        target = b"/objects/" + quote(name, safe="/~").encode()
        assert (await running.request(b"PUT", target, content=name.encode())).status == 200, name
        assert (await running.request(b"GET", target)).content == name.encode()
    listed = (await running.request(b"GET", b"/objects?list-type=2&prefix=a%20b%2B")).content
    assert re.findall(rb"<Key>(.*?)</Key>", listed) == [b"a b+c"]


async def test_a_long_upload_is_signed_in_chunks_and_arrives_as_it_was(outrider: Start, moto: str) -> None:
    running = await bucket(outrider, moto, payload="streaming")
    data = bytes(number % 253 for number in range(300_001))
    assert (await running.request(b"PUT", b"/objects/long", content=data)).status == 200
    answer = await running.request(b"GET", b"/objects/long")
    assert answer.content == data


async def test_the_upstream_sees_framed_chunks_and_their_length(outrider: Start) -> None:
    async def script(connection: Connection) -> None:
        request = await connection.request()
        assert len(request.content) == request.head.length
        await connection.send(b"HTTP/1.1 200 X\r\ncontent-length: 0\r\n\r\n")

    async with RawUpstream(script) as upstream:
        running = await outrider(facing(upstream.url, payload="streaming"))
        async with await running.caller() as caller:
            await caller.send(running.head(b"PUT", b"/objects/x", b"Content-Length: 200000") + b"x" * 70000)
            await caller.send(b"y" * 130000)
            assert (await caller.answer(b"PUT")).status == 200
        head, content = upstream.requests[0].head, upstream.requests[0].content
        assert head.all(b"content-encoding") == [b"aws-chunked"]
        assert head.all(b"x-amz-decoded-content-length") == [b"200000"]
        sizes = [int(size, 16) for size in re.findall(rb"([0-9a-f]{1,5});chunk-signature=[0-9a-f]{64}\r\n", content)]
        assert sizes == [65536, 65536, 65536, 3392, 0]


async def test_a_chunked_callers_content_reaches_s3_with_its_length(outrider: Start, moto: str) -> None:
    running = await bucket(outrider, moto)
    async with await running.caller() as caller:
        await caller.send(running.head(b"PUT", b"/objects/late", b"Transfer-Encoding: chunked") + b"3\r\nabc\r\n")
        await caller.send(b"3\r\ndef\r\n0\r\n\r\n")
        assert (await caller.answer(b"PUT")).status == 200
    assert (await running.request(b"GET", b"/objects/late")).content == b"abcdef"


async def test_each_attempt_is_signed_and_a_callers_own_fields_do_not_pass(outrider: Start) -> None:
    answers = [503, 200]

    async def script(connection: Connection) -> None:
        while True:
            await connection.request()
            await connection.send(b"HTTP/1.1 %d X\r\ncontent-length: 0\r\n\r\n" % answers.pop(0))

    async with RawUpstream(script) as upstream:
        config = facing(upstream.url)
        config["upstreams"]["s3"]["retry"] = {"backoff": {"base": "1ms"}}
        running = await outrider(config)
        forged = (b"authorization: AWS4-HMAC-SHA256 forged", b"x-amz_date: 1", b"X-AMZ-Security-Token: t")
        assert (await running.request(b"GET", b"/k", *forged)).status == 200
        for request in upstream.requests:
            (signature,) = request.head.all(b"authorization")
            assert signature.startswith(b"AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/")
            assert len(request.head.all(b"x-amz-date")) == 1
            assert request.head.all(b"x-amz-security-token") == request.head.all(b"x-amz_date") == []
        assert len(upstream.requests) == 2


async def test_boto3_needs_no_key_of_the_account(outrider: Start, moto: str) -> None:
    boto3 = pytest.importorskip("boto3", reason="boto3 is not installed")
    import asyncio

    running = await bucket(outrider, moto)
    client = boto3.client(
        "s3",
        endpoint_url=running.url,
        region_name="us-east-1",
        aws_access_key_id="nobody",
        aws_secret_access_key="nothing",
    )

    def work() -> tuple[bytes, list[str]]:
        client.put_object(Bucket="bucket", Key="boto/é b", Body=b"from boto3")
        found = client.list_objects_v2(Bucket="bucket", Prefix="boto/")
        return client.get_object(Bucket="bucket", Key="boto/é b")["Body"].read(), [o["Key"] for o in found["Contents"]]

    assert await asyncio.to_thread(work) == (b"from boto3", ["boto/é b"])
