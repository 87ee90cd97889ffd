"""A login and the challenges it answers, without a wire."""

from pathlib import Path

import pytest

from proxy.auth.digest import DigestSource, digest_source
from proxy.config.signing_model import DigestProfile
from proxy.errors import ContentTooLarge, CredentialUnavailable
from proxy.message import Response
from proxy.message.exchange import Injection
from tests.auth.signing import exchange, outgoing
from tests.auth.tools import FakeClock, means, profile


@pytest.fixture
def source(tmp_path: Path, clock: FakeClock) -> DigestSource:
    found = profile(type="digest", username="ann", password="canary-pw", max_content="4B")
    assert isinstance(found, DigestProfile)
    return digest_source("p", found, means(tmp_path, clock))


def unauthorized(nonce: str, more: str = "") -> Response:
    return Response(401, b"", [f'WWW-Authenticate: Digest realm="r", qop="auth", nonce="{nonce}"{more}'.encode()])


def attempt(source: DigestSource, answer: Response, content: bytes = b"") -> tuple[Injection, bytes]:
    """One request: the credential that it was given, and the field that was sent."""
    turn = source.peek(1000.0)
    assert turn is not None
    request = outgoing("GET", b"/p", content=content)
    signed = source.signer.sign(exchange(request), request, turn)
    source.signer.answered(signed, answer)
    return turn, signed.lines


async def test_the_first_request_goes_without_and_brings_the_challenge(source: DigestSource) -> None:
    turn, sent = attempt(source, unauthorized("one"))
    assert sent == b""
    assert source.may_refresh(turn)
    assert await source.refresh(turn) is source.peek(1000.0) is not turn
    _, sent = attempt(source, Response(200, b"", []))
    assert b'nonce="one"' in sent


def test_a_nonce_is_counted_and_goes_on_with_one_of_ours(source: DigestSource) -> None:
    attempt(source, unauthorized("one"))
    sent = [attempt(source, Response(200, b"", []))[1] for _ in range(3)]
    assert [b"nc=%08x" % number in line for number, line in enumerate(sent, 1)] == [True] * 3
    assert len({line.partition(b"cnonce=")[2].partition(b",")[0] for line in sent}) == 1


def test_the_credential_is_the_same_object_while_its_challenge_is(source: DigestSource) -> None:
    attempt(source, unauthorized("one"))
    assert source.peek(1000.0) is source.peek(1001.0)


async def test_a_refusal_without_anything_new_to_answer_is_final(source: DigestSource) -> None:
    attempt(source, unauthorized("one"))
    for answer in (unauthorized("one"), Response(401, b"", [b"WWW-Authenticate: Basic realm=x"])):
        turn, _ = attempt(source, answer)
        assert not source.may_refresh(turn)
        assert await source.refresh(turn) is None
        attempt(source, Response(200, b"", []))
        assert source.may_refresh(turn)


def test_a_login_that_is_wrong_does_not_double_every_request(source: DigestSource, clock: FakeClock) -> None:
    attempt(source, unauthorized("one"))
    turn, _ = attempt(source, unauthorized("two"))
    source.replayed(turn, accepted=False)
    turn, _ = attempt(source, unauthorized("three"))
    assert not source.may_refresh(turn)
    clock.now += 120
    assert source.may_refresh(turn)


def test_a_stale_nonce_is_always_worth_the_next(source: DigestSource) -> None:
    attempt(source, unauthorized("one"))
    turn, _ = attempt(source, unauthorized("two"))
    source.replayed(turn, accepted=False)
    turn, _ = attempt(source, unauthorized("three", ", stale=TRUE"))
    assert source.may_refresh(turn)


def test_a_late_refusal_does_not_replace_a_newer_nonce(source: DigestSource) -> None:
    turn = source.peek(1000.0)
    assert turn is not None
    request = outgoing()
    signed = [source.signer.sign(exchange(request), request, turn) for _ in range(2)]
    source.signer.answered(signed[0], unauthorized("one"))
    source.signer.answered(signed[1], unauthorized("two"))
    assert b'nonce="one"' in attempt(source, Response(200, b"", []))[1]
    assert source.may_refresh(turn)


def test_the_next_nonce_is_taken_up_without_a_refusal(source: DigestSource) -> None:
    attempt(source, unauthorized("one"))
    attempt(source, Response(200, b"", [b'Authentication-Info: nextnonce="two"']))
    _, sent = attempt(source, Response(200, b"", []))
    assert b'nonce="two"' in sent
    assert b"nc=00000001" in sent


def test_content_that_must_be_signed_is_read_up_to_the_cap(source: DigestSource) -> None:
    assert source.signer.wants_content(exchange(outgoing())) == 0
    attempt(source, Response(401, b"", [b'WWW-Authenticate: Digest realm=r, nonce=n, qop="auth-int"']))
    assert source.signer.wants_content(exchange(outgoing())) == 4
    attempt(source, Response(200, b"", []), b"1234")
    with pytest.raises(ContentTooLarge, match="max_content"):
        attempt(source, Response(200, b"", []), b"12345")


async def test_a_name_with_a_colon_is_refused(tmp_path: Path, clock: FakeClock) -> None:
    found = profile(type="digest", username={"env": "NAME"}, password="p")
    assert isinstance(found, DigestProfile)
    held = digest_source("p", found, means(tmp_path, clock, {"NAME": "a:b"}))
    with pytest.raises(CredentialUnavailable, match="colon"):
        await held.current()


def test_it_prints_nothing_and_owns_its_field(source: DigestSource) -> None:
    assert "canary" not in repr(source.peek(1000.0))
    assert source.strip == {b"authorization"}
