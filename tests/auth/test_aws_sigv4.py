"""botocore is the judge: the same request, the same moment, the same signature to the byte."""

import datetime
import hashlib
from pathlib import Path
from typing import Any
from unittest.mock import patch
from urllib.parse import quote

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from proxy.auth.aws_sigv4 import aws_sigv4_source
from proxy.auth.signer import Outgoing, SecretSigningSource
from proxy.auth.sigv4_chunks import CHUNK, SignedChunks
from proxy.config.signing_model import AwsSigV4Profile
from proxy.errors import BadRequest, ContentTooLarge, CredentialUnavailable
from proxy.message import Response
from tests.auth.signing import exchange, lines, outgoing, signed
from tests.auth.tools import FakeClock, means, profile, write_secret
from tests.stages.contents import FedContent, WholeRequest

NOW = 1_700_000_000.0
MOMENT = datetime.datetime.fromtimestamp(NOW, datetime.UTC)
SECRET = "canary/wJalrXUtnFEMI+K7MDENG"
TRAILER = b"STREAMING-UNSIGNED-PAYLOAD-TRAILER"

texts = st.text(st.characters(codec="utf-8"), max_size=8)
pairs = st.lists(st.tuples(texts.filter(bool), texts), max_size=4)
words = st.text(st.characters(min_codepoint=0x20, max_codepoint=0x7E), max_size=12)
fields = st.lists(
    st.tuples(st.sampled_from(["Content-Type", "X-Amz-Meta-a", "x-amz-ACL", "X-AMZ-TAGGING", "Content-MD5"]), words),
    max_size=4,
)


def build(folder: Path = Path(), environ: dict[str, str] | None = None, **options: Any) -> SecretSigningSource:
    written = {"service": "s3", "region": "eu-central-1", "access_key_id": "AKIDEXAMPLE", "secret_access_key": SECRET}
    found = profile(type="aws_sigv4", **(written | options))
    assert isinstance(found, AwsSigV4Profile)
    return aws_sigv4_source("p", found, means(folder, FakeClock(), environ, wall=FakeClock(NOW)))


def judged(request: Outgoing, service: str, token: str | None = None, *, unsigned: bool = False) -> dict[str, str]:
    """The fields that botocore adds."""
    auth = pytest.importorskip("botocore.auth", reason="botocore is not installed")
    from botocore.awsrequest import AWSRequest
    from botocore.config import Config
    from botocore.credentials import Credentials

    credentials = Credentials("AKIDEXAMPLE", SECRET, token)
    kind = auth.S3SigV4Auth if service == "s3" else auth.SigV4Auth
    url = f"https://{request.host.decode()}{request.target.decode()}"
    asked = AWSRequest(method=request.method, url=url, data=request.content)
    for name, value in request.fields:
        asked.headers[name.decode()] = value.decode()
    if service == "s3":
        asked.context["client_config"] = Config(s3={"payload_signing_enabled": not unsigned})
    else:
        asked.headers["X-Amz-Content-SHA256"] = hashlib.sha256(request.content or b"").hexdigest()
    with patch.object(auth, "get_current_datetime", lambda: MOMENT):
        kind(credentials, service, "eu-central-1").add_auth(asked)
    own = ("authorization", "x-amz-date", "x-amz-content-sha256", "x-amz-security-token")
    return {name.lower(): value for name, value in asked.headers.items() if name.lower() in own}


def ours(source: SecretSigningSource, request: Outgoing) -> dict[str, str]:
    key = source.peek(0.0)
    assert key is not None
    assert source.signer is not None
    made = exchange(request)
    if request.content:
        made.content = WholeRequest(request.content)
    found = lines(source.signer.sign(made, request, key).lines)
    return {name.lower(): value for name, value in found.items()}


@settings(max_examples=200)
@given(
    path=texts,
    query=pairs,
    sent=fields,
    content=st.binary(max_size=20),
    method=st.sampled_from(["GET", "PUT", "DELETE"]),
)
def test_s3_is_signed_as_botocore_signs_it(
    path: str, query: list[tuple[str, str]], sent: list[tuple[str, str]], content: bytes, method: str
) -> None:
    target = "/" + quote(path, safe="/~")
    if query:
        target += "?" + "&".join(f"{quote(name, safe='-_.~')}={quote(value, safe='-_.~')}" for name, value in query)
    given_fields = [(name.encode(), value.strip().encode()) for name, value in sent]
    request = outgoing(method, target.encode(), host=b"b.s3.amazonaws.com:9000", fields=given_fields, content=content)
    for token in (None, "session/token=="):
        more = {} if token is None else {"session_token": token}
        assert ours(build(**more), request) == judged(request, "s3", token)


@settings(max_examples=200)
@given(segments=st.lists(st.one_of(texts, st.sampled_from(["", ".", "..", "...", "a.b"])), max_size=6))
def test_other_services_are_signed_as_botocore_signs_them(segments: list[str]) -> None:
    path = "/" + "/".join(quote(segment, safe="~!$&'()*+,;=:@") for segment in segments)
    request = outgoing("POST", path.encode(), host=b"x.execute-api.amazonaws.com", content=b"{}")
    assert ours(build(service="execute-api"), request) == judged(request, "execute-api")


def test_unsigned_content_is_signed_as_botocore_signs_it() -> None:
    request = outgoing("PUT", b"/b/k", content=b"abc")
    found = ours(build(payload="unsigned"), request)
    assert found["x-amz-content-sha256"] == "UNSIGNED-PAYLOAD"
    assert found == judged(request, "s3", unsigned=True)


def test_however_a_key_is_spelt_the_signature_is_that_of_its_name() -> None:
    spelt = [signed(build(), outgoing("GET", path)) for path in (b"/b/a(1)+%c3%a9", b"/b/a%281%29%2B%C3%A9")]
    assert spelt[0] == spelt[1]


def test_content_is_asked_for_where_its_hash_is_needed() -> None:
    def wants(content: FedContent | None, *sent: tuple[bytes, bytes], **options: Any) -> int:
        made = exchange(outgoing("PUT", fields=list(sent)))
        made.content = content
        signer = build(max_content="9B", **options).signer
        assert signer is not None
        return signer.wants_content(made)

    large = FedContent(length=CHUNK + 1)
    assert wants(FedContent()) == 9
    assert wants(None) == 0
    assert wants(large, payload="unsigned") == 0
    assert wants(large, payload="streaming") == 0
    assert wants(FedContent(length=5), payload="streaming") == CHUNK
    assert wants(FedContent(), payload="streaming") == 9
    assert wants(large, (b"x-amz-content-sha256", b"a" * 64)) == 0


@pytest.mark.parametrize("declared", [hashlib.sha256(b"abc").hexdigest().encode(), TRAILER])
def test_what_the_caller_says_of_its_content_is_signed(declared: bytes) -> None:
    sent = [(b"X-Amz-Content-SHA256", declared)]
    made = exchange(outgoing("PUT", b"/b/k", fields=sent))
    made.content = FedContent(length=10**9)
    source = build()
    key = source.peek(0.0)
    assert key is not None
    assert source.signer is not None
    found = lines(source.signer.sign(made, outgoing("PUT", b"/b/k", content=None), key).lines)
    assert found["X-Amz-Content-Sha256"] == declared.decode()


def test_chunks_that_a_caller_signed_with_its_own_key_are_refused() -> None:
    sent = [(b"x-amz-content-sha256", b"STREAMING-AWS4-HMAC-SHA256-PAYLOAD")]
    with pytest.raises(BadRequest, match="key of the caller's") as refused:
        signed(build(), outgoing("PUT", b"/b/k", fields=sent))
    assert refused.value.stage == "sign"


@pytest.mark.parametrize("content", [None, b"abc"])
def test_content_over_the_cap_is_refused(content: bytes | None) -> None:
    source = build(max_content="2B")
    made = exchange(outgoing("PUT"))
    made.content = FedContent()
    key = source.peek(0.0)
    assert key is not None
    assert source.signer is not None
    with pytest.raises(ContentTooLarge, match="max_content"):
        source.signer.sign(made, outgoing("PUT", content=content), key)


def test_long_content_is_signed_in_chunks_where_it_streams() -> None:
    source = build(payload="streaming")
    made = exchange(outgoing("PUT", b"/b/k", fields=[(b"Content-Encoding", b"gzip")]))
    made.content = FedContent(length=10**9)
    key = source.peek(0.0)
    assert key is not None
    assert source.signer is not None
    found = lines(source.signer.sign(made, outgoing("PUT", b"/b/k", content=None), key).lines)
    assert found["X-Amz-Content-Sha256"] == "STREAMING-AWS4-HMAC-SHA256-PAYLOAD"
    assert (found["X-Amz-Decoded-Content-Length"], found["Content-Encoding"]) == ("1000000000", "aws-chunked,gzip")
    assert "content-encoding;host;x-amz-content-sha256;x-amz-date;x-amz-decoded" in found["Authorization"]
    assert isinstance(made.content, SignedChunks)


def test_the_fields_that_streaming_owns_stay_where_nothing_streams() -> None:
    sent = [(b"Content-Encoding", b"gzip"), (b"X-Amz-Decoded-Content-Length", b"3")]
    found = signed(build(payload="streaming"), outgoing("PUT", b"/b/k", fields=sent, content=b"abc"))
    assert (found["Content-Encoding"], found["X-Amz-Decoded-Content-Length"]) == ("gzip", "3")


def test_the_upstreams_clock_is_learned_from_a_refusal() -> None:
    source = build()
    assert source.signer is not None
    key = source.peek(0.0)
    assert key is not None
    for status, date, wanted in [
        (403, b"Tue, 14 Nov 2023 22:15:00 GMT", "20231114T221320Z"),
        (200, b"Tue, 14 Nov 2023 23:13:20 GMT", "20231114T221320Z"),
        (403, b"Tue, 14 Nov 2023 23:13:20 GMT", "20231114T231320Z"),
        (403, b"no date", "20231114T231320Z"),
        (400, b"Tue, 14 Nov 2023 22:13:20 GMT", "20231114T221320Z"),
    ]:
        source.signer.answered(key, Response(status, b"", [b"Date: " + date]))
        assert signed(source, outgoing())["X-Amz-Date"] == wanted


def test_a_new_key_is_used_for_the_next_request(tmp_path: Path) -> None:
    file = write_secret(tmp_path / "key", "one")
    source = build(tmp_path, secret_access_key={"file": "key"})
    first = signed(source, outgoing())["Authorization"]
    write_secret(file, "another")
    old = source.peek(1000.0)
    assert old is not None
    source.reject(old)
    assert signed(source, outgoing())["Authorization"] != first


async def test_an_id_that_is_none_is_told_without_it() -> None:
    with pytest.raises(CredentialUnavailable, match="access key's id") as refused:
        await build(environ={"ID": "has/slash canary"}, access_key_id={"env": "ID"}).current()
    assert "canary" not in str(refused.value)


def test_keys_print_nothing() -> None:
    source = build(session_token="canary-token")
    assert "canary" not in repr(source.peek(0.0))
    assert "AKID" not in repr(source.peek(0.0))
