import ssl
from pathlib import Path

import pytest
import trustme

from proxy.config.model import Tls
from proxy.upstream.tls import tls_context


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    client = authority.issue_cert("client.example")
    client.private_key_and_cert_chain_pem.write_to_path(str(tmp_path / "both.pem"))
    client.private_key_pem.write_to_path(str(tmp_path / "key.pem"))
    client.cert_chain_pems[0].write_to_path(str(tmp_path / "cert.pem"))
    return tmp_path


def test_certificates_and_names_are_verified_from_tls_1_2_on(tmp_path: Path) -> None:
    context = tls_context(Tls(), tmp_path)
    assert (context.verify_mode, context.check_hostname) == (ssl.CERT_REQUIRED, True)
    assert context.minimum_version == ssl.TLSVersion.TLSv1_2


def test_an_authority_is_trusted_instead_of_the_systems(folder: Path) -> None:
    assert len(tls_context(Tls(ca="ca.pem"), folder).get_ca_certs()) == 1


def test_a_least_version_may_be_asked_for(tmp_path: Path) -> None:
    assert tls_context(Tls(min_version="1.3"), tmp_path).minimum_version == ssl.TLSVersion.TLSv1_3


def test_verification_may_be_turned_off_as_a_whole(tmp_path: Path) -> None:
    context = tls_context(Tls(verify=False), tmp_path)
    assert (context.verify_mode, context.check_hostname) == (ssl.CERT_NONE, False)


@pytest.mark.parametrize("tls", [Tls(cert="both.pem"), Tls(cert="cert.pem", key="key.pem")])
def test_a_client_certificate_comes_with_its_key_or_beside_it(folder: Path, tls: Tls) -> None:
    assert tls_context(tls, folder)


@pytest.mark.parametrize("tls", [Tls(ca="no.pem"), Tls(ca="key.pem"), Tls(cert="no.pem"), Tls(cert="cert.pem")])
def test_a_file_that_cannot_be_used_is_an_os_error(folder: Path, tls: Tls) -> None:
    with pytest.raises(OSError):  # noqa: PT011 - every kind of it means the same to the daemon
        tls_context(tls, folder)
