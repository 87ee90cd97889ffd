"""A generator of damaged requests: sound ones with a few bytes or tokens put in, taken out or put over others."""

import random
from collections.abc import Iterator

from tests.wire.malformed import SMUGGLED, message

__all__ = ["damaged"]

_BODY = b"5\r\nhello\r\n0\r\n\r\n"
_PARTS = (
    b"\r",
    b"\n",
    b"\r\n",
    b"\x00",
    b" ",
    b"\t",
    b":",
    b",",
    b";",
    b"\x0b",
    b"\x7f",
    b"\x80",
    b"\xff",
    b"0",
    b"\r\n ",
)
_PARTS += (
    b"\r\n\r\n",
    b"Content-Length: 0\r\n",
    b"Transfer-Encoding: chunked\r\n",
    b"Host: evil.example\r\n",
    b"#",
    b"@",
    b"_",
)
_PARTS += (
    b"chunked",
    b"Authorization: x\r\n",
    b"Connection: authorization\r\n",
    b"HTTP/1.1",
    b"%",
    b"-",
    b"\x85",
    b"\xa0",
)

_SOUND = (
    message(b"X: y", method=b"GET", body=SMUGGLED),
    message(b"Content-Length: 5", b"X: y", body=b"hello"),
    message(b"Content-Length: %d" % len(SMUGGLED), body=SMUGGLED),
    message(b"Transfer-Encoding: chunked", body=_BODY + SMUGGLED),
    message(b"Transfer-Encoding: chunked", body=b"%x\r\n%b\r\n0\r\nT: v\r\n\r\n" % (len(SMUGGLED), SMUGGLED)),
    message(b"Connection: close, x", b"X: 1", b"Authorization: Basic eA==", b"Expect: 100-continue", method=b"GET"),
)


def damaged(count: int, seed: int) -> Iterator[bytes]:
    """`count` requests, each a sound one with one to three bytes or tokens put in, taken out or put over others."""
    chance = random.Random(seed)
    for _ in range(count):
        data = bytearray(chance.choice(_SOUND))
        for _ in range(chance.choice((1, 1, 2, 3))):
            at = chance.randrange(len(data))
            match chance.randrange(4):
                case 0:
                    data[at:at] = chance.choice(_PARTS)
                case 1:
                    data[at : at + 1] = chance.choice(_PARTS)
                case 2:
                    del data[at : at + chance.choice((1, 1, 2, 5))]
                case 3:
                    data[at : at + 1] = bytes((chance.randrange(256),))
        yield bytes(data)
