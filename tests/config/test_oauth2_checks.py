from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from tests.config.loading import load, only, said

TEXT = """
auth:
  p:
    type: oauth2
    grant: {grant}
    token_url: https://login.example/token
    client_id: c
    {option}: {{key: {key}{more}}}
upstreams: {{a: {{url: "http://127.0.0.1:1", auth: p}}}}
"""


def text(option: str, key: str, more: str = "") -> str:
    grant = "jwt_bearer" if option == "sign_assertion" else "client_credentials\n    client_secret: x"
    grant = "client_credentials" if option == "client_key" else grant
    return TEXT.format(grant=grant, option=option, key=key, more=more)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    key = ec.generate_private_key(ec.SECP256R1())
    (tmp_path / "key.pem").write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    (tmp_path / "text").write_text("s3cret")
    return tmp_path


@pytest.mark.parametrize("option", ["client_key", "sign_assertion", "dpop"])
@pytest.mark.parametrize(
    ("key", "more", "what"),
    [
        ("{file: text}", "", "this is no private key; write a PEM file that begins with"),
        ("{file: key.pem}", ", algorithm: RS256", "this key signs with ES256, not with RS256; write a key and"),
        ("s3cret", "", "this is no private key"),
    ],
)
def test_a_key_that_cannot_sign_is_an_error_at_its_place(
    folder: Path, option: str, key: str, more: str, what: str
) -> None:
    line = only(text(option, key, more), base=folder)
    assert line.startswith("9:" if option == "dpop" else "8:")
    assert what in line
    assert "s3cret" not in line


@pytest.mark.parametrize("key", ["{file: key.pem}", "{env: KEY}", "{credential: key}"])
def test_a_key_that_can_sign_or_that_only_use_will_show_is_none(folder: Path, key: str) -> None:
    loaded = load(text("client_key", key), {"KEY": "x"}, folder)
    assert loaded.warnings == []


def test_a_key_that_is_not_there_yet_is_a_warning(tmp_path: Path) -> None:
    (line,) = load(text("client_key", "{file: later.pem}"), base=tmp_path).warnings
    assert "the key cannot be read: No such file" in str(line)


def test_a_key_in_a_place_that_no_file_can_have_is_no_crash(tmp_path: Path) -> None:
    assert said(text("client_key", '{file: "a\\0b"}'), base=tmp_path) == []


LOGIN = """
{more}
auth:
  p: {{type: oauth2, grant: device_code, issuer: "https://login.example", client_id: c, dpop: {dpop}}}
upstreams: {{a: {{url: "http://127.0.0.1:1", auth: p}}}}
"""


def test_a_login_whose_tokens_no_daemon_could_use_is_an_error() -> None:
    line = only(LOGIN.format(more="", dpop="{}"))
    assert "bound to a key that no daemon has; name a folder under state.dir, or add key" in line


@pytest.mark.parametrize(("more", "dpop"), [("state: {dir: ./state}", "{}"), ("", "{key: {env: KEY}}")])
def test_a_login_with_a_key_that_both_have_is_none(more: str, dpop: str) -> None:
    assert said(LOGIN.format(more=more, dpop=dpop), environ={"KEY": "x"}) == []
