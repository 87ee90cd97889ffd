"""The RFC's own examples, and `requests` as the judge of the rest."""

import re
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from proxy.policy.digest import Challenge, answer, next_nonce, read_challenge, secret_hash

REALM, NONCE = "http-auth@example.org", "7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v"
CNONCE = "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ"
OFFER = (
    b'WWW-Authenticate: Digest realm="http-auth@example.org", qop="auth, auth-int", algorithm=%b, '
    b'nonce="7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v", opaque="FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS"'
)


def fields(value: bytes) -> dict[str, str]:
    """The parameters of an answer, quoted or not."""
    found = re.findall(r'(\w+\*?)=(?:"((?:[^"\\]|\\.)*)"|([^,\s]+))', value.decode())
    return {name: quoted or plain for name, quoted, plain in found}


def answered(
    challenge: Challenge | None, user: str = "Mufasa", password: str = "Circle of Life", **given: Any
) -> bytes:
    assert challenge is not None
    known: dict[str, Any] = {"request": ("GET", b"/dir/index.html", b""), "count": 1, "cnonce": CNONCE} | given
    proof = secret_hash(challenge, user, password, known["cnonce"])
    return answer(challenge, user, proof, **known)


@pytest.mark.parametrize(
    ("algorithm", "response"),
    [
        (b"MD5", "8ca523f5e9506fed4657c9700eebdbec"),
        (b"SHA-256", "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1"),
    ],
)
def test_the_published_examples_are_answered_as_they_were_published(algorithm: bytes, response: str) -> None:
    found = fields(answered(read_challenge([OFFER % algorithm])))
    assert found == {
        "username": "Mufasa",
        "realm": REALM,
        "uri": "/dir/index.html",
        "algorithm": algorithm.decode(),
        "nonce": NONCE,
        "nc": "00000001",
        "cnonce": CNONCE,
        "qop": "auth",
        "response": response,
        "opaque": "FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS",
    }


def test_the_published_example_with_a_hidden_name_is_answered_as_its_erratum_says() -> None:
    challenge = read_challenge(
        [
            b'www-authenticate: Digest realm="api@example.org", qop="auth", algorithm=SHA-512-256, charset=UTF-8, '
            b'nonce="5TsQWLVdgBdmrQ0XsxbDODV+57QdFR34I9HAbC/RVvkK", userhash=true, '
            b'opaque="HRPCssKJSGjCrkzDg8OhwpzCiGPChXYjwrI2QmXDnsOS"'
        ]
    )
    found = fields(
        answered(
            challenge,
            "J\xe4s\xf8n Doe",
            "Secret, or not?",
            request=("GET", b"/doe.json", b""),
            cnonce="NTg6RKcb9boFIAS3KrFK9BGeh+iDa/sm6jUMp2wds69v",
        )
    )
    assert found["username"] == "793263caabb707a56211940d90411ea4a575adeccb7e360aeb624ed06ece9b0b"
    assert found["response"] == "3798d4131c277846293534c3edc11bd8a5e4cdcbff78b05db9d95eeb1cec68a5"
    assert found["userhash"] == "true"


texts = st.text(
    st.characters(min_codepoint=0x20, max_codepoint=0x7E, exclude_characters='"\\,:'), min_size=1, max_size=9
)


@settings(max_examples=100)
@given(
    user=texts,
    password=texts,
    realm=texts,
    query=st.text("abc=&%20", max_size=6),
    algorithm=st.sampled_from(["", "MD5", "MD5-sess", "SHA-256", "SHA-512"]),
    qop=st.sampled_from(["", "auth", "auth,auth-int"]),
    method=st.sampled_from(["GET", "POST"]),
)
def test_answers_are_those_of_requests(
    user: str, password: str, realm: str, query: str, algorithm: str, qop: str, method: str
) -> None:
    auth = pytest.importorskip("requests.auth", reason="requests is not installed")
    offer = f'Digest realm="{realm}", nonce="n0nce", opaque="op"'
    offer += f", algorithm={algorithm}" if algorithm else ""
    offer += f', qop="{qop}"' if qop else ""
    judge = auth.HTTPDigestAuth(user, password)
    judge.init_per_thread_state()
    judge._thread_local.chal = {"realm": realm, "nonce": "n0nce", "opaque": "op"}
    judge._thread_local.chal |= {"algorithm": algorithm.upper()} if algorithm else {}
    judge._thread_local.chal |= {"qop": qop} if qop else {}
    target = "/a/b" + ("?" + query if query else "")
    wanted = fields(judge.build_digest_header(method, "http://h.example" + target).encode())
    challenge = read_challenge([f"WWW-Authenticate: {offer}".encode()])
    cnonce = wanted.get("cnonce", "none")
    found = fields(answered(challenge, user, password, request=(method, target.encode(), b""), cnonce=cnonce))
    if algorithm.endswith("sess") and not qop:
        # Ours alone is known to both then.
        found.pop("response"), wanted.pop("response")
    found["algorithm"] = wanted["algorithm"] = algorithm
    assert found == wanted


@pytest.mark.parametrize(
    ("lines", "chosen"),
    [
        ([OFFER % b"MD5", OFFER % b"SHA-256"], "SHA-256"),
        ([OFFER % b"SHA-256" + b", " + (OFFER % b"MD5").partition(b": ")[2]], "SHA-256"),
        ([OFFER % b"MD5-sess", OFFER % b"TOKEN-9"], "MD5-sess"),
        ([b'WWW-Authenticate: Basic realm="a, Digest nonce=x", ' + (OFFER % b"md5").partition(b": ")[2]], "md5"),
        ([b"WWW-Authenticate: Negotiate abc==, " + (OFFER % b"MD5").partition(b": ")[2]], "MD5"),
    ],
)
def test_the_strongest_challenge_that_can_be_answered_is_chosen(lines: list[bytes], chosen: str) -> None:
    challenge = read_challenge(lines)
    assert challenge is not None
    assert (challenge.algorithm, challenge.realm) == (chosen, REALM)


@pytest.mark.parametrize(
    "line",
    [
        b"WWW-Authenticate: Basic realm=x",
        b"WWW-Authenticate: Digest realm=x",
        b"WWW-Authenticate: Digest realm=x, nonce=y, algorithm=SHA-9",
        b'WWW-Authenticate: Digest realm=x, nonce=y, qop="auth-conf"',
        b'WWW-Authenticate: ,,"=Digest',
        b"X-Other: Digest realm=x, nonce=y",
        b"",
    ],
)
def test_what_cannot_be_answered_is_no_challenge(line: bytes) -> None:
    assert read_challenge([line]) is None


def test_content_is_signed_where_nothing_else_is_offered() -> None:
    challenge = read_challenge([b'WWW-Authenticate: Digest realm=r, nonce=n, qop="auth-int"'])
    one, other = (fields(answered(challenge, request=("POST", b"/", data)))["response"] for data in (b"a", b"b"))
    assert one != other


def test_a_name_beyond_ascii_is_written_as_the_server_reads_it() -> None:
    for charset, written in ((b"", 'username="J\xc3\xa4s"'), (b", charset=UTF-8", "username*=UTF-8''J%C3%A4s")):
        challenge = read_challenge([b"WWW-Authenticate: Digest realm=r, nonce=n" + charset])
        assert written in answered(challenge, "J\xe4s").decode("latin-1")


def test_quotes_stay_inside_their_strings() -> None:
    challenge = read_challenge([rb'WWW-Authenticate: Digest realm="a\"b\\c", nonce="n"'])
    assert challenge is not None
    assert challenge.realm == 'a"b\\c'
    assert rb'realm="a\"b\\c"' in answered(challenge)


def test_the_next_nonce_is_read_where_it_is_told() -> None:
    assert next_nonce([b'Authentication-Info: rspauth="x", nextnonce="later", nc=1']) == "later"
    assert next_nonce([b"Authentication-Info: nc=1"]) is None
    assert next_nonce([b"Content-Type: nextnonce=x"]) is None


@settings(max_examples=200)
@given(st.binary(max_size=60))
def test_no_challenge_is_too_odd_to_be_read(value: bytes) -> None:
    read_challenge([b"WWW-Authenticate: Digest nonce=n, " + value, b"WWW-Authenticate: " + value])
