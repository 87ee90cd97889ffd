"""What is wrong with a secret is said without a word of it: by `check`, and by a start that fails."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import trustme
import yaml

from proxy.cli import main
from tests.peers.canaries import Canaries
from tests.peers.planted import Planted

UPSTREAM = {"api": {"url": "http://127.0.0.1:9", "auth": "p"}}
GITHUB = {"type": "github_app", "app_id": 1, "installation_id": 2}
GOOGLE = {"type": "google_service_account", "scopes": ["s"]}
OAUTH = {"type": "oauth2", "token_url": "https://h.example/t", "client_id": "c"}
MACHINE = {**OAUTH, "grant": "client_credentials"}
HMAC = {"type": "hmac", "sign": "x", "set": {"X-A": "{{ signature }}"}}
AWS = {"type": "aws_sigv4", "service": "s3", "region": "r"}


@pytest.fixture
def planted(tmp_path: Path) -> Planted:
    return Planted(Canaries(), tmp_path)


Checked = Callable[[dict[str, Any]], str]


@pytest.fixture
def checked(planted: Planted, capsys: pytest.CaptureFixture[str]) -> Checked:
    """What `check` says of a wrong configuration; no secret is in it, but names of entries are told as they are."""

    def check(config: dict[str, Any]) -> str:
        file = planted.folder / "outrider.yaml"
        file.write_text(yaml.safe_dump(config, allow_unicode=True))
        assert main(["check", "-c", str(file)]) == 78
        shown = capsys.readouterr()
        assert planted.canaries.found(shown.out + shown.err) == []
        return shown.err

    return check


def test_what_a_wrong_file_holds_is_not_repeated(planted: Planted, checked: Checked) -> None:
    secret, plain = planted.secret, planted.plain
    said = checked(
        {
            "admin": {"token": [secret("a token in a list")]},
            "access": {"callers": {"app": {"token": {"value": secret("a token under an unknown key")}}}},
            "state": {"key": secret("a phrase")},
            "hooks": {"on_error": {"webhook": f"http://u:{plain('a password in a URL')}@h.example/"}},
            "auth": {
                "a": {"type": "bearer", "token": f"{secret('half of a token')}\n{secret('a token of two lines')}"},
                "b": {"type": "basic", "username": {"nobody": secret("a user")}, "password": 7},
                "c": {**HMAC, "key": secret("no hexadecimal"), "key_encoding": "hex"},
                "d": {**OAUTH, "client_secret": {"exec": secret("a command")}, "secret": secret("a misspelling")},
                "e": {"type": "headers", "set": {"X-A": f"{{{{ missing }}}} {secret('a field')}"}, "secrets": {}},
                "f": {**OAUTH, "grant": "jwt_bearer", "sign_assertion": {"key": secret("no key")}},
                "g": {"type": "exec", "command": secret("a whole command")},
                "h": {**AWS, "access_key_id": secret("an id", " /"), "secret_access_key": 7, "session_token": []},
                "i": {"type": "digest", "username": f"{secret('a name')}:x", "password": [secret("a list")]},
                "j": {"type": "login", "steps": secret("no steps"), "secrets": {"a": {"b": secret("no secret")}}},
                "k": {**MACHINE, "token_url": f"https://u:{plain('a password of a desk')}@h.example/?{plain('query')}"},
            },
            "upstreams": {"api": {"url": f"https://u:{plain('a password in a base URL')}@h.example", "auth": "a"}},
            "tracing": {"endpoint": 7, "headers": {"X-A": [secret("a collector's field")]}},
        }
    )
    assert said.count("\n") >= 15


@pytest.mark.parametrize("kind", ["private_key", "key", "client_key", "sign_assertion", "dpop"])
@pytest.mark.parametrize("form", ["nothing", "cut", "symmetric", "account", "locked"])
def test_a_key_of_a_wrong_format_is_not_repeated(planted: Planted, checked: Checked, kind: str, form: str) -> None:
    pem = planted.rsa("a key")
    written = {
        "nothing": planted.secret("no key"),
        "cut": pem[: len(pem) // 2],
        "symmetric": f'{{"kty": "oct", "k": "{planted.plain("a symmetric key")}"}}',
        "account": json.dumps({"type": "service_account", "client_email": "a", "private_key": planted.plain("no PEM")}),
        "locked": pem.replace("PRIVATE", "ENCRYPTED PRIVATE"),
    }[form]
    key = planted.holding("wrong key", written)
    profile: dict[str, Any] = {
        "private_key": {**GITHUB, "private_key": key},
        "key": {**GOOGLE, "key": key},
        "client_key": {**MACHINE, "client_key": {"key": key}},
        "sign_assertion": {**OAUTH, "grant": "jwt_bearer", "sign_assertion": {"key": key, "issuer": "i"}},
        "dpop": {**MACHINE, "client_secret": "x", "dpop": {"key": key}},
    }[kind]
    assert "key" in checked({"auth": {"p": profile}, "upstreams": UPSTREAM})


@pytest.mark.parametrize("place", ["upstreams", "auth"])
@pytest.mark.parametrize("form", ["nothing", "cut", "another"])
def test_a_client_certificates_key_that_does_not_fit_is_not_repeated(
    planted: Planted, checked: Checked, place: str, form: str
) -> None:
    certificate = trustme.CA().issue_cert("client.example")
    pem = planted.pem("TLS key", certificate.private_key_pem.bytes().decode())
    written = {
        "nothing": planted.secret("no key"),
        "cut": pem[: len(pem) // 2],
        "another": planted.pem("another", trustme.CA().issue_cert("x").private_key_pem.bytes().decode()),
    }[form]
    key = planted.holding("tls key", written)["file"]
    cert = planted.holding("certificate", certificate.cert_chain_pems[0].bytes().decode())["file"]
    tls = {"cert": cert, "key": key}
    profile: dict[str, Any] = {"type": "bearer", "token": "t"}
    upstream: dict[str, Any] = {"url": "https://h.example", "auth": "p"}
    if place == "auth":
        profile = {**MACHINE, "client_auth": "tls_client_auth", "tls": tls}
    else:
        upstream["tls"] = tls
    assert "key" in checked({"auth": {"p": profile}, "upstreams": {"api": upstream}})


@pytest.mark.parametrize(
    "code",
    [
        "raise ValueError({!r})",
        "raise SystemExit({!r})",
        "{!r} +",
        "class Kind:\n    def __init__(self): raise OSError(5, {!r})\n    def on_request(self, request): ...",
    ],
)
def test_an_interceptor_that_cannot_be_made_is_not_quoted(planted: Planted, checked: Checked, code: str) -> None:
    (planted.folder / "failing.py").write_text(code.format(planted.secret("a word of a module")))
    profile = {"type": "bearer", "token": planted.secret("a token")}
    said = checked({"auth": {"p": profile}, "upstreams": UPSTREAM, "interceptors": {"a": {"class": "failing:Kind"}}})
    assert "failing" in said or "Kind" in said
