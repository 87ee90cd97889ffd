"""The corpus of requests that a server must refuse, by subject. Data only."""

__all__ = ["REFUSED", "SMUGGLED", "TOLERATED", "message"]

SMUGGLED = b"GET /smuggled HTTP/1.1\r\nHost: HOST\r\n\r\n"
"""Stands where a second request would be, if a length were misread. `HOST` is put in by the test."""

_BODY = b"5\r\nhello\r\n0\r\n\r\n"


def message(*lines: bytes, body: bytes = b"", method: bytes = b"POST", target: bytes = b"/x") -> bytes:
    return b"\r\n".join([method + b" " + target + b" HTTP/1.1", b"Host: HOST", *lines, b"", b""]) + body


def _chunked(body: bytes) -> bytes:
    return message(b"Transfer-Encoding: chunked", body=body + SMUGGLED)


def _line(line: bytes) -> bytes:
    return line + b"\r\nHost: HOST\r\n\r\n"


def _host(*lines: bytes) -> bytes:
    return b"\r\n".join([b"GET /x HTTP/1.1", *lines, b"", b""])


_LENGTHS = (b"", b"-1", b"+5", b"0x5", b"5a", b"5 5", b"5,5", b"5, 6", b"5;", b"1e1", b"5.0", b"\xb2", b"\xd9\xa5")
_LENGTHS += (b"99999999999999999999999999", b"18446744073709551621", b"_5", b"5_0", b'"5"', b"five")
_CODINGS = (b"", b",", b"identity", b"gzip", b"gzip, chunked", b"chunked, gzip", b"chunked, chunked", b"xchunked")
_CODINGS += (
    b"chunked, identity",
    b"identity, chunked",
    b"chunke",
    b"chunkedd",
    b'"chunked"',
    b"chunked;q=1",
    b"chunked;",
)
_CODINGS += (b"\x0bchunked", b"chunked\x0c", b"\xa0chunked", b"chunk ed", b"cow", b"deflate")
_SIZES = (b"", b"g", b"-5", b"+5", b"0x5", b"5 5", b" 5", b"5_0", b"5,", b"\xb5", b"fffffffffffffffff", b"\x005")
_SIZES += (b"5;a\rb", b"5;a\nb", b"5;\x00", b"5\r", b"5\n", b"5\x0b", b"10000000000000005", b"\t5", b"5.0")
_HOSTS = (b"", b" ", b"HOST,HOST", b"user@HOST", b"user:pw@HOST", b"HOST/path", b"HOST?q", b"HOST#f", b"http://HOST")
_HOSTS += (
    b"HOST, evil.example",
    b"HOST evil.example",
    b"HOST:80:80",
    b"[::1",
    b"::1",
    b"HOST\\x",
    b"\xffHOST",
    b"HOST:abc",
)
_VERSIONS = (b"HTTP/1", b"HTTP/1.", b"HTTP/1.10", b"HTTP/11.1", b"HTTP/2.0", b"HTTP/3.0", b"HTTP/0.9", b"http/1.1")
_VERSIONS += (
    b"HTTP /1.1",
    b"HTTP/ 1.1",
    b"HTTPS/1.1",
    b"ICY/1.1",
    b"HTTP/1,1",
    b"HTTP/-1.1",
    b"HTTP/1.1 x",
    b"HTTP/1.1\x00",
)
_CONTROLS = tuple(bytes((byte,)) for byte in (*range(1, 9), 0x0B, 0x0C, *range(0x0E, 0x20), 0x7F))
_NAME_BYTES = (
    b" ",
    b"\t",
    b"(",
    b")",
    b"<",
    b">",
    b"@",
    b",",
    b";",
    b"\\",
    b'"',
    b"/",
    b"[",
    b"]",
    b"?",
    b"=",
    b"{",
    b"}",
)

REFUSED: dict[str, list[bytes]] = {
    "a length beside a coding": [
        message(b"Content-Length: %d" % length, b"Transfer-Encoding: chunked", body=_BODY + SMUGGLED)
        for length in (0, 5, 15, 4000)
    ]
    + [
        message(b"Transfer-Encoding: chunked", b"Content-Length: 4", body=_BODY + SMUGGLED),
        message(b"transfer-encoding: CHUNKED", b"content-length: 4", body=_BODY + SMUGGLED),
        message(b"Transfer-Encoding: chunked", b"Content-Length: 5", body=SMUGGLED, method=b"GET"),
        message(b"Transfer-Encoding:\tchunked", b"Content-Length:\t5", body=_BODY + SMUGGLED),
    ],
    "a length that is no number": [
        message(b"Content-Length: " + value, body=b"hello" + SMUGGLED) for value in _LENGTHS
    ],
    "more than one length": [
        message(b"Content-Length: 5", b"Content-Length: " + other, body=b"hello" + SMUGGLED)
        for other in (b"5", b"0", b"6", b"", b"5, 5")
    ]
    + [message(b"Content-Length: 5", b"X: y", b"content-length: 40", body=b"hello" + SMUGGLED)],
    "a coding other than chunked": [
        message(b"Transfer-Encoding: " + value, body=_BODY + SMUGGLED) for value in _CODINGS
    ],
    "more than one coding": [
        message(b"Transfer-Encoding: chunked", b"Transfer-Encoding: " + other, body=_BODY + SMUGGLED)
        for other in (b"chunked", b"identity", b"gzip", b"", b"x")
    ],
    "a coding in HTTP/1.0": [
        b"POST /x HTTP/1.0\r\nHost: HOST\r\nTransfer-Encoding: chunked\r\n\r\n" + _BODY + SMUGGLED
    ],
    "a chunk size that is no number": [_chunked(size + b"\r\nhello\r\n0\r\n\r\n") for size in _SIZES],
    "a chunk that does not end where it says": [
        _chunked(body)
        for body in (
            b"5\r\nhelloX\r\n0\r\n\r\n",
            b"5\r\nhello0\r\n\r\n",
            b"5\r\nhello\n0\r\n\r\n",
            b"5\r\nhello\r0\r\n\r\n",
            b"5\nhello\r\n0\r\n\r\n",
            b"4\r\nhello\r\n0\r\n\r\n",
            b"5\r\nhello\r\n0\n\n",
        )
    ],
    "a bad trailer": [
        _chunked(b"5\r\nhello\r\n0\r\n" + trailer + b"\r\n\r\n")
        for trailer in (b"bad name: x", b": x", b"X: a\x00b", b"X: a\rb", b"X\xff: y", b"nocolon", b"X : y")
    ],
    "a folded line": [
        message(b"X: a\r\n b"),
        message(b"X: a\r\n\tb"),
        message(b"X:\r\n a"),
        message(b"Content-Length:\r\n 5", body=b"hello"),
        message(b"Transfer-Encoding:\r\n chunked", body=_BODY),
        b"GET /x HTTP/1.1\r\n Host: HOST\r\n\r\n",
        b"GET /x HTTP/1.1\r\nHost:\r\n HOST\r\n\r\n",
    ],
    "a bare CR or LF": [
        b"GET /x HTTP/1.1\nHost: HOST\n\n",
        b"GET /x HTTP/1.1\r\nHost: HOST\n\r\n",
        b"GET /x HTTP/1.1\r\nHost: HOST\r\nX: y\n\r\n",
        b"GET /x HTTP/1.1\rHost: HOST\r\r",
        message(b"X: a\rb"),
        message(b"X: a\rInjected: b"),
        message(b"X: a\nInjected: b"),
        message(b"X: a\r\rInjected: b"),
        message(b"X: a\n\nGET /smuggled HTTP/1.1\nHost: HOST\n"),
    ],
    "a control byte in a value": [message(b"X: a" + byte + b"b") for byte in (b"\x00", *_CONTROLS)],
    "a name that is no token": [message(b"X" + byte + b"Y: z") for byte in _NAME_BYTES]
    + [message(b"X" + byte + b"Y: z") for byte in (b"\x00", b"\x01", b"\x7f", b"\x80", b"\xc3\xa9", b"\xff")]
    + [message(line) for line in (b": z", b"nocolon", b"X : z", b"X\t: z", b"Content-Length : 5", b" X: z")]
    + [message(b"Transfer-Encoding : chunked", body=_BODY + SMUGGLED), message(b"\xe2\x84\xaa-Key: z")],
    "a Host that is no authority": [_host(b"Host: " + value) for value in _HOSTS],
    "no Host or more than one": [
        _host(),
        _host(b"X: y"),
        _host(b"Host: HOST", b"Host: HOST"),
        _host(b"Host: HOST", b"Host: evil.example"),
        _host(b"Host: evil.example", b"Host: HOST"),
        _host(b"Host: HOST", b"host: evil.example"),
        _host(b"Host: HOST", b"hOsT: "),
        _host(b"Host:"),
    ],
    "a target in another form": [
        _line(method + b" " + target + b" HTTP/1.1")
        for method, target in (
            (b"GET", b"http://HOST/x"),
            (b"GET", b"https://evil.example/x"),
            (b"GET", b"ftp://HOST/"),
            (b"GET", b"HOST"),
            (b"GET", b"x"),
            (b"GET", b"*"),
            (b"POST", b"*"),
            (b"GET", b"?q"),
            (b"OPTIONS", b"http://HOST"),
            (b"OPTIONS", b"**"),
            (b"CONNECT", b"HOST"),
            (b"CONNECT", b"evil.example:443"),
            (b"CONNECT", b"/x"),
            (b"TRACE", b"/x"),
            (b"GET", b"javascript:alert(1)"),
            (b"GET", b"@evil.example/x"),
        )
    ],
    "a byte that no target has": [
        _line(b"GET /a" + byte + b"b HTTP/1.1") for byte in (*_CONTROLS, b"\x00", b"#", b"\x80", b"\xff", b"\xc3\xa9")
    ]
    + [_line(b"GET /a b HTTP/1.1"), _line(b"GET /a\tb HTTP/1.1"), _line(b"GET /?q#f HTTP/1.1")],
    "a version that is not ours": [_line(b"GET /x " + version) for version in _VERSIONS]
    + [b"GET /x\r\n\r\n", b"GET\r\n\r\n", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\x00\x00\x00\x04\x00"],
    "a request line that is none": [
        _line(line)
        for line in (
            b" GET /x HTTP/1.1",
            b"\x00GET /x HTTP/1.1",
            b"GET",
            b"/x HTTP/1.1",
            b"G(T /x HTTP/1.1",
            b"G\xc3\x8bT /x HTTP/1.1",
            b"GET\t/x\tHTTP/1.1",
            b"GET /x",
            b"GET HTTP/1.1",
            b"G\x00T /x HTTP/1.1",
            b"GE,T /x HTTP/1.1",
        )
    ]
    + [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\x00" * 64 + b"\r\n\r\n",
        b"SSH-2.0-x\r\n\r\n",
        b"\r\n\r\nnonsense\r\n\r\n",
    ],
    "a head over the cap": [
        message(b"X: " + b"a" * 70_000),
        message(*(b"X-%d: %b" % (number, b"a" * 90) for number in range(800))),
        _line(b"GET /" + b"a" * 70_000 + b" HTTP/1.1"),
        message(b"X" * 70_000 + b": a"),
        _line(b"G" * 70_000 + b" /x HTTP/1.1"),
    ],
}

TOLERATED: list[bytes] = [
    b"\r\nGET /x HTTP/1.1\r\nHost: HOST\r\n\r\n",
    _line(b"GET /x HTTP/1.2"),
    _line(b"GET /x HTTP/1.9"),
    _line(b"GET  /x HTTP/1.1"),
    _line(b"GET /x  HTTP/1.1"),
    _line(b"GET /x HTTP/1.1 "),
    message(b"X:", b"Y: ", b"Z:\t\t"),
    message(b"X: \xff\xfe", method=b"GET"),
    message(b"Content-Length: 005", body=b"hello"),
    message(b"Content-Length: \t5\t", body=b"hello"),
    message(b"Transfer-Encoding: \t chunked \t", body=_BODY),
    message(b"Transfer-Encoding: CHUNKED", body=_BODY),
    message(b"Transfer-Encoding: chunked,", body=_BODY),
    message(b"Transfer_Encoding: chunked", body=_BODY),
    message(b"Content_Length: 5", b"Content-Length: 0"),
    message(b"Transfer-Encoding: chunked", body=b"5 \r\nhello\r\n0\r\n\r\n"),
    message(b"Transfer-Encoding: chunked", body=b'5;a=b;c="d"\r\nhello\r\n0;x\r\n\r\n'),
    message(b"Transfer-Encoding: chunked", body=b"0005\r\nhello\r\n000\r\n\r\n"),
    message(b"Transfer-Encoding: chunked", body=b"5\r\nhello\r\n0\r\nAuthorization: leaked\r\nHost: evil\r\n\r\n"),
    _line(b"get /x HTTP/1.1"),
    _line(b"M-SEARCH /x HTTP/1.1"),
    _line(b"!#$%&'*+-.^_`|~ /x HTTP/1.1"),
    _line(b"OPTIONS * HTTP/1.1"),
    _line(b"GET //x HTTP/1.1"),
    _line(b"GET /\\x HTTP/1.1"),
    _line(b"GET /%00%zz HTTP/1.1"),
]
"""Where a server has a choice: either answer is right, as long as what goes on is clean and nothing is smuggled."""
