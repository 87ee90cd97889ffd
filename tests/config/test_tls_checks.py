import datetime
from pathlib import Path

import pytest
import trustme

from tests.config.loading import load, only, said

UPSTREAM = "upstreams: {{a: {{url: 'https://127.0.0.1:9000', tls: {tls}}}}}\n"
SERVER = """
auth: {{p: {{type: oauth2, grant: client_credentials, token_url: 'https://a.example', client_id: c, client_secret: s,
  tls: {tls}}}}}
upstreams: {{a: {{url: 'https://127.0.0.1:9000', auth: p}}}}
"""


@pytest.fixture(params=[UPSTREAM, SERVER], ids=["upstream", "token endpoint"])
def text(request: pytest.FixtureRequest) -> str:
    found: str = request.param
    return found


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """`ca.pem`; `cert.pem` and `key.pem`, together in `both.pem`; `other.pem`, another key; `text`, none of these."""
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    issued = authority.issue_cert("client.example")
    issued.private_key_and_cert_chain_pem.write_to_path(str(tmp_path / "both.pem"))
    issued.cert_chain_pems[0].write_to_path(str(tmp_path / "cert.pem"))
    issued.private_key_pem.write_to_path(str(tmp_path / "key.pem"))
    authority.issue_cert("x.example").private_key_pem.write_to_path(str(tmp_path / "other.pem"))
    over = authority.issue_cert("client.example", not_after=datetime.datetime(2020, 1, 1, tzinfo=datetime.UTC))
    over.private_key_and_cert_chain_pem.write_to_path(str(tmp_path / "over.pem"))
    (tmp_path / "text").write_text("nothing of the kind")
    return tmp_path


@pytest.mark.parametrize("option", ["ca", "cert"])
def test_a_file_that_is_not_there_is_an_error(text: str, option: str, tmp_path: Path) -> None:
    assert only(text.format(tls=f"{{{option}: pki/x.pem}}"), base=tmp_path).endswith(
        f"tls.{option}: there is no such file; write the path of a PEM file; "
        "relative paths start at the folder of this file"
    )


def test_a_name_that_no_file_can_have_is_an_error_like_any_other(text: str) -> None:
    assert "there is no such file" in only(text.format(tls='{ca: "a\\0b"}'))


@pytest.mark.parametrize("tls", ["{ca: ca.pem}", "{cert: both.pem}", "{cert: cert.pem, key: key.pem}"])
def test_files_are_looked_for_beside_the_configuration(text: str, tls: str, folder: Path) -> None:
    assert said(text.format(tls=tls), base=folder) == []


@pytest.mark.parametrize(
    ("tls", "what"),
    [
        ("{key: key.pem}", "a key without its certificate; add cert: beside it"),
        ("{cert: cert.pem, key: other.pem}", "the key does not belong to the certificate; write the two that go"),
        ("{cert: cert.pem}", "tls.cert: no certificate with its key"),
        ("{cert: cert.pem, key: text}", "tls.key: no certificate with its key"),
        ("{cert: text, key: key.pem}", "tls.key: no certificate with its key"),
        ("{ca: text}", "tls.ca: there is no certificate in this file"),
    ],
)
def test_what_does_not_belong_together_is_an_error(text: str, tls: str, what: str, folder: Path) -> None:
    assert what in only(text.format(tls=tls), base=folder)


def test_a_certificate_that_is_over_is_a_warning(text: str, folder: Path) -> None:
    (line,) = load(text.format(tls="{cert: over.pem}"), base=folder).warnings
    assert "over since 2020-01-01" in str(line)


@pytest.mark.parametrize(("text", "who"), [(UPSTREAM, 'upstream "a"'), (SERVER, 'the server of "p"')])
def test_who_is_not_verified_is_warned_about(text: str, who: str) -> None:
    (line,) = load(text.format(tls="{verify: false}")).warnings
    assert f"warning: {who} is not verified" in str(line)
