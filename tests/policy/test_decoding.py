import gzip
import zlib

import pytest

from proxy.policy.decoding import Undecodable, coding_of, decoded

TEXT = b'{"message": "no"}'


@pytest.mark.parametrize(
    ("coding", "content"),
    [
        (b"", TEXT),
        (b"gzip", gzip.compress(TEXT, mtime=0)),
        (b"x-gzip", gzip.compress(TEXT, mtime=0)),
        (b"deflate", zlib.compress(TEXT)),
        (b"deflate", zlib.compress(TEXT)[2:-4]),
    ],
)
def test_what_is_known_is_undone(coding: bytes, content: bytes) -> None:
    assert decoded(content, coding, 1000) == TEXT


@pytest.mark.parametrize(
    ("coding", "content"), [(b"br", TEXT), (b"gzip", TEXT), (b"deflate", TEXT), (b"gzip, br", b"")]
)
def test_what_is_not_known_or_not_what_it_says_is_refused(coding: bytes, content: bytes) -> None:
    with pytest.raises(Undecodable):
        decoded(content, coding, 1000)


def test_what_unfolds_without_end_is_cut_one_byte_past_the_cap() -> None:
    assert len(decoded(gzip.compress(bytes(10**7)), b"gzip", 1000)) == 1001


def test_what_was_cut_off_is_undone_as_far_as_it_goes() -> None:
    long = bytes(range(256)) * 100
    assert long.startswith(decoded(gzip.compress(long, mtime=0)[:-20], b"gzip", 10**6))


@pytest.mark.parametrize(("value", "coding"), [(None, b""), (b"identity", b""), (b" GZIP ", b"gzip")])
def test_no_coding_and_identity_are_the_same(value: bytes | None, coding: bytes) -> None:
    assert coding_of(value) == coding
