"""The `requests` client does everything twice, directly and through Outrider, and must see the same.

The scenarios are those that the client is mostly used for; each is a function of a session and a base URL. What may
differ is what Outrider adds (`Via`, `Outrider-…`) or keeps to itself (permissions for other origins), what belongs to a
connection, and what tells the time.
"""

import asyncio
import io
import json
import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import requests
from requests.auth import HTTPBasicAuth, HTTPDigestAuth

from tests.peers.running import facing

_OWN = frozenset(
    ["connection", "date", "keep-alive", "outrider-request-id", "proxy-status", "server", "transfer-encoding", "via"]
)
_LIMIT = 20
_SIGNED = ("digest", "digest_with_content")
"""Digest signs the path as the client knows it, so under a prefix that is stripped no upstream accepts it."""
Scenario = Callable[[requests.Session, str], Any]
SCENARIOS: dict[str, Scenario] = {}


def scenario(function: Scenario) -> Scenario:
    SCENARIOS[function.__name__] = function
    return function


def _content(answer: requests.Response, base: str) -> Any:
    """The body without what names the address under which it was asked for, or varies by itself."""
    text = answer.content
    try:
        document = json.loads(text)
    except ValueError:
        return text.replace(base.encode(), b"BASE")
    if isinstance(document, dict):
        document.pop("origin", None)
        if isinstance(document.get("url"), str):
            document["url"] = re.sub(r"^http://[^/]*", "", document["url"])
        if isinstance(fields := document.get("headers"), dict):
            for name in ("Host", "Via", "Connection", "Cookie", "Accept-Encoding"):
                fields.pop(name, None)
            for name in ("Content-Type",):
                fields[name] = re.sub("boundary=.*", "boundary", fields.get(name, ""))
        if isinstance(document.get("data"), str):
            document["data"] = re.sub(r"[0-9a-f]{32}", "boundary", document["data"])
    return document


def seen(answer: requests.Response, base: str) -> dict[str, Any]:
    """What a caller sees of an answer."""
    fields = {name.lower(): value for name, value in answer.headers.items() if name.lower() not in _OWN}
    for name in [name for name in fields if name.startswith("access-control-")]:
        del fields[name]
    if "location" in fields:
        fields["location"] = fields["location"].replace(base, "").removeprefix("/api")
    if "/bytes" not in answer.url and "/status" not in answer.url:
        # A body that httpbin names its address in has another length.
        fields.pop("content-length", None)
    for varies in ("set-cookie", "www-authenticate"):
        if varies in fields:
            fields[varies] = re.sub(r'="[0-9a-f]{32}"', "=VALUE", fields[varies]).replace("/api/", "/")
    return {
        "status": answer.status_code,
        "reason": answer.reason,
        "fields": fields,
        "content": _content(answer, base),
        "url": answer.url.replace(base, "").partition("?")[0],
        "history": [(step.status_code, step.url.replace(base, "").partition("?")[0]) for step in answer.history],
        "cookies": sorted(answer.cookies.items()),
        "encoding": answer.encoding,
    }


def _plain(name: str, method: str, path: str, **options: Any) -> None:
    def run(session: requests.Session, base: str) -> Any:
        given = {
            key: value() if key in ("data", "files") and callable(value) else value for key, value in options.items()
        }
        return seen(session.request(method, base + path, timeout=_LIMIT, **given), base)

    SCENARIOS[name] = run


for _method in ("GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE"):
    _plain(f"method {_method}", _method, "/anything/x")
for _status in [200, 201, 202, 203, 204, 205, 206, 226, 300, 304, 400, 401, 402, 403, 404, 405, 406, 407, 408, 409, 410,
                411, 412, 413, 414, 415, 416, 417, 418, 421, 422, 423, 425, 426, 428, 429, 431, 451, 500, 501, 502, 503,
                504, 505, 507, 511, 520, 599]:  # fmt: skip
    _plain(f"status {_status}", "GET", f"/status/{_status}")
    if _status in (204, 304, 404, 503):
        _plain(f"status {_status} to HEAD", "HEAD", f"/status/{_status}")
        _plain(f"status {_status} to POST", "POST", f"/status/{_status}", data=b"x" * 1000)
for _code in (301, 302, 303, 307, 308):
    for _method in ("GET", "POST", "PUT"):
        _plain(
            f"redirect {_code} of {_method}",
            _method,
            f"/redirect-to?url=anything/there&status_code={_code}",
            data=b"abc",
        )
_plain("relative redirects", "GET", "/relative-redirect/4")
_plain("absolute redirects", "GET", "/absolute-redirect/3")
_plain("redirects not followed", "GET", "/redirect/2", allow_redirects=False)
_plain("redirect of HEAD", "HEAD", "/redirect/1", allow_redirects=True)
_plain("gzip", "GET", "/gzip")
_plain("deflate", "GET", "/deflate")
_plain("brotli", "GET", "/brotli", headers={"Accept-Encoding": "br"})
_plain("nothing accepted but identity", "GET", "/gzip", headers={"Accept-Encoding": "identity"})
_plain("unicode text", "GET", "/encoding/utf8")
_plain("html", "GET", "/html")
_plain("xml", "GET", "/xml")
_plain("json", "GET", "/json")
_plain("robots", "GET", "/robots.txt")
_plain("an image", "GET", "/image/png")
_plain("an image by accept", "GET", "/image", headers={"Accept": "image/webp"})
_plain("refused text", "GET", "/deny")
_plain("bytes", "GET", "/bytes/10000?seed=7")
_plain("no bytes", "GET", "/bytes/0")
_plain("chunked bytes", "GET", "/stream-bytes/50000?seed=7&chunk_size=1000")
_plain("bytes to HEAD", "HEAD", "/bytes/1000?seed=7")
_plain("dripping", "GET", "/drip?numbytes=10&duration=0.2&delay=0")
_plain("delayed", "GET", "/delay/0.2")
_plain("links", "GET", "/links/5/2")
_plain("a range", "GET", "/range/4096", headers={"Range": "bytes=100-199"})
_plain("the last bytes", "GET", "/range/4096", headers={"Range": "bytes=-10"})
_plain("an open range", "GET", "/range/4096", headers={"Range": "bytes=4000-"})
_plain("a range that is not there", "GET", "/range/4096", headers={"Range": "bytes=9000-"})
_plain("an etag that matches", "GET", "/etag/abc", headers={"If-None-Match": '"abc"'})
_plain("an etag that does not", "GET", "/etag/abc", headers={"If-None-Match": '"x"'})
_plain("a failed condition", "GET", "/etag/abc", headers={"If-Match": '"x"'})
_plain("a cache that is fresh", "GET", "/cache", headers={"If-Modified-Since": "Mon, 23 Nov 2026 11:00:00 GMT"})
_plain("a cache's age", "GET", "/cache/60")
_plain("fields of the answer", "GET", "/response-headers?X-One=1&X-Two=a%20b&X-One=2")
_plain("a query", "GET", "/get", params={"q": "a b/ü&=", "r": ["1", "2"], "none": None, "empty": ""})
_plain("a query that is odd", "GET", "/anything?a=%zz&&b;c=d&?e#fragment")
_plain("a path that is odd", "GET", "/anything/%2e%2e/a%2Fb//c;d=e/ü/~'()*")
_plain("fields", "GET", "/headers", headers={"X-Own": "ü".encode(), "X-Empty": "", "X-Long": "v" * 4000})
_plain("form", "POST", "/post", data={"k": "v w", "u": "ü", "l": ["1", "2"]})
_plain("json upload", "POST", "/post", json={"a": [1, None, "ü"], "b": {"c": 1.5}})
_plain("text upload", "POST", "/post", data="ü".encode())
_plain("empty upload", "POST", "/post", data=b"")
_plain("binary upload", "PUT", "/put", data=bytes(range(256)) * 4000)
_plain("file upload", "PATCH", "/patch", data=lambda: io.BytesIO(b"z" * 300_000))
_plain("chunked upload", "POST", "/post", data=lambda: iter([b"a" * 1000, b"", b"b" * 70_000, b"c"]))
_plain("empty chunked upload", "POST", "/post", data=lambda: iter([]))
_plain("upload with DELETE", "DELETE", "/delete", data=b"abc")
_plain("upload with GET", "GET", "/anything", data=b"abc")
_plain("one file", "POST", "/post", files=lambda: {"f": ("ü.txt", io.BytesIO(b"content"), "text/plain")})
_plain(
    "many files", "POST", "/post", files=lambda: [("f", (f"{n}", b"%d" % n * 1000)) for n in range(5)], data={"a": "b"}
)
_plain("basic", "GET", "/basic-auth/user/pass", auth=HTTPBasicAuth("user", "pass"))
_plain("basic, wrong", "GET", "/basic-auth/user/pass", auth=HTTPBasicAuth("user", "wrong"))
_plain("basic, hidden", "GET", "/hidden-basic-auth/user/pass", auth=("user", "pass"))
_plain("bearer", "GET", "/bearer", headers={"Authorization": "Bearer own"})
_plain("bearer, none", "GET", "/bearer")


@scenario
def digest(session: requests.Session, base: str) -> Any:
    session.auth = HTTPDigestAuth("user", "pass")
    return [seen(session.get(f"{base}/digest-auth/auth/user/pass", timeout=_LIMIT), base) for _ in range(2)]


@scenario
def digest_with_content(session: requests.Session, base: str) -> Any:
    answer = session.get(
        f"{base}/digest-auth/auth-int/user/pass/SHA-256", auth=HTTPDigestAuth("user", "no"), timeout=_LIMIT
    )
    return seen(answer, base)["status"]


@scenario
def cookies(session: requests.Session, base: str) -> Any:
    steps = [
        session.get(f"{base}/cookies/set?one=1&two=2", timeout=_LIMIT),
        session.get(f"{base}/cookies/set/three/a%20b", timeout=_LIMIT),
        session.get(f"{base}/cookies/delete?one", timeout=_LIMIT),
        session.get(f"{base}/cookies", cookies={"own": "4"}, timeout=_LIMIT),
    ]
    return [seen(step, base) for step in steps], sorted((cookie.name, cookie.value) for cookie in session.cookies)


@scenario
def a_cookie_set_on_the_way(session: requests.Session, base: str) -> Any:
    return seen(session.get(f"{base}/redirect-to?url=cookies/set?a=b", timeout=_LIMIT), base)


@scenario
def lines_of_a_stream(session: requests.Session, base: str) -> Any:
    with session.get(f"{base}/stream/10", stream=True, timeout=_LIMIT) as answer:
        return [json.loads(line)["id"] for line in answer.iter_lines()]


@scenario
def raw_bytes_of_a_compressed_answer(session: requests.Session, base: str) -> Any:
    with session.get(f"{base}/gzip", stream=True, timeout=_LIMIT) as answer:
        raw = answer.raw.read(decode_content=False)
        return raw[:2], int(answer.headers["content-length"]) == len(raw)


@scenario
def a_stream_that_is_left(session: requests.Session, base: str) -> Any:
    with session.get(f"{base}/stream-bytes/1000000?seed=1", stream=True, timeout=_LIMIT) as answer:
        first = next(answer.iter_content(1000))
    return first, session.get(f"{base}/status/204", timeout=_LIMIT).status_code


@scenario
def a_timeout(session: requests.Session, base: str) -> Any:
    with pytest.raises(requests.ReadTimeout):
        session.get(f"{base}/delay/3", timeout=(5, 0.2))
    return session.get(f"{base}/status/200", timeout=_LIMIT).status_code


@scenario
def too_many_redirects(session: requests.Session, base: str) -> Any:
    session.max_redirects = 3
    with pytest.raises(requests.TooManyRedirects) as stopped:
        session.get(f"{base}/redirect/9", timeout=_LIMIT)
    return len(stopped.value.response.history) if stopped.value.response is not None else None


@scenario
def many_requests_in_one_session(session: requests.Session, base: str) -> Any:
    found = []
    for number in range(20):
        method = ("GET", "POST", "HEAD", "DELETE")[number % 4]
        answer = session.request(method, f"{base}/anything/{number}", data=b"x" * number or None, timeout=_LIMIT)
        found.append(seen(answer, base)["content"])
    return found


@scenario
def a_session_of_its_own_defaults(session: requests.Session, base: str) -> Any:
    session.headers.update({"X-Default": "1", "User-Agent": "own/1"})
    session.params = {"default": "2"}
    return seen(session.get(f"{base}/anything", headers={"X-Default": None}, timeout=_LIMIT), base)


@pytest.fixture
async def running(outrider, httpbin) -> Any:
    """An Outrider before httpbin, met under a prefix and without one; it puts no credential in."""
    config = facing(httpbin, auth=False)
    config["upstreams"]["prefixed"] = config["upstreams"]["api"] | {"match": {"prefix": "/api"}}
    return await outrider(config)


def _sessions() -> Iterator[requests.Session]:
    while True:
        with requests.Session() as session:
            session.trust_env = False
            yield session


@pytest.mark.parametrize("name", SCENARIOS)
async def test_a_client_sees_through_outrider_what_it_sees_directly(running, httpbin, name):
    def twice() -> tuple[Any, Any]:
        sessions = _sessions()
        run = SCENARIOS[name]
        base = running.url if name in _SIGNED else f"{running.url}/api"
        return run(next(sessions), httpbin), run(next(sessions), base)

    direct, through = await asyncio.to_thread(twice)
    assert through == direct
