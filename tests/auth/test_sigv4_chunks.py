"""Amazon's own worked example of content in signed chunks, and the framing of any content."""

import pytest

from proxy.auth.sigv4_chunks import CHUNK, SignedChunks
from proxy.policy.sigv4 import Signature, canonical_fields, canonical_request, derived_key, sign_request
from tests.stages.contents import FedContent

SECRET = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"
MOMENT, SCOPE = "20130524T000000Z", "20130524/us-east-1/s3/aws4_request"
FIELDS = [
    (b"Host", b"s3.amazonaws.com"),
    (b"x-amz-date", MOMENT.encode()),
    (b"x-amz-storage-class", b"REDUCED_REDUNDANCY"),
    (b"x-amz-content-sha256", b"STREAMING-AWS4-HMAC-SHA256-PAYLOAD"),
    (b"Content-Encoding", b"aws-chunked"),
    (b"x-amz-decoded-content-length", b"66560"),
    (b"Content-Length", b"66824"),
]
FIRST = "4f232c4386841ef735655705268965c44a0e4690baa4adea153f7db9fa80a0a9"
CHUNKS = [
    "ad80c730a21e5b8d04586a2213dd63b9a0e99e0e2307b0ade35a65485a288648",
    "0055627c9e194cb4542bae2aa5492e3c1575bbb81b612b7d234b86a503ef5497",
    "b6c6ea8a5354eaf15b3cb7646744f4275b71ea724fed81ceb9323e279d449df9",
]


def example() -> Signature:
    lines, names = canonical_fields(FIELDS)
    request = canonical_request(
        "PUT", b"/examplebucket/chunkObject.txt", b"", lines, names, "STREAMING-AWS4-HMAC-SHA256-PAYLOAD"
    )
    return sign_request(derived_key(SECRET, "20130524", "us-east-1", "s3"), MOMENT, SCOPE, request)


async def everything(content: SignedChunks) -> bytes:
    found = b""
    while piece := await content.read():
        found += piece
    assert await content.read() == b""
    return found


def unframed(data: bytes) -> list[tuple[bytes, str]]:
    """Each chunk with its signature."""
    found = []
    while data:
        head, _, data = data.partition(b"\r\n")
        size, _, signature = head.partition(b";chunk-signature=")
        found.append((data[: int(size, 16)], signature.decode()))
        assert data[int(size, 16) :][:2] == b"\r\n"
        data = data[int(size, 16) + 2 :]
    return found


async def test_the_published_example_is_signed_as_it_was_published() -> None:
    signature = example()
    assert signature.value == FIRST
    content = SignedChunks(FedContent(b"a" * 66560), 66560, signature)
    assert content.length == 66824
    assert [found for _, found in unframed(await everything(content))] == CHUNKS


@pytest.mark.parametrize("size", [0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 3 * CHUNK, 3 * CHUNK + 17])
@pytest.mark.parametrize("piece", [999, CHUNK, 5 * CHUNK])
async def test_content_of_any_size_comes_whole_and_as_long_as_was_said(size: int, piece: int) -> None:
    data = bytes(number % 251 for number in range(size))
    pieces = [data[at : at + piece] for at in range(0, size, piece)] or [b""]
    content = SignedChunks(FedContent(*pieces), size, example())
    sent = await everything(content)
    assert len(sent) == content.length
    chunks = [chunk for chunk, _ in unframed(sent)]
    assert b"".join(chunks) == data
    assert chunks[-1] == b""
    assert {len(chunk) for chunk in chunks[:-2]} <= {CHUNK}


def test_a_caller_that_waits_is_told_to_go_on() -> None:
    source = FedContent()
    content = SignedChunks(source, 5, example())
    content.proceed()
    assert source.proceeded == 1
    assert content.take() is None
