"""Rules about the files of TLS: that they are there, hold what they should, and belong together.

Upstreams and token endpoints have the same options. What must not live here: the options (`proxy.config.tls_model`).
"""

import ssl
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from proxy.config.cross_checks import Finding, section
from proxy.config.document import Document, KeyPath
from proxy.config.problem import quoted

__all__ = ["tls_content", "tls_files", "unverified"]


def tls_files(document: Document, base: Path) -> Iterator[Finding]:
    for at, tls in _all(document):
        for option in ("ca", "cert", "key"):
            file = tls.get(option)
            if isinstance(file, str) and not _is_file(base, file):
                hint = "write the path of a PEM file; relative paths start at the folder of this file"
                yield Finding((*at, option), f"tls.{option}: there is no such file", hint)
        if tls.get("key") is not None and tls.get("cert") is None:
            yield Finding((*at, "key"), "a key without its certificate", "add cert: beside it", True)


def tls_content(document: Document, base: Path) -> Iterator[Finding]:
    """Files that are there, but are not what TLS needs: better told now than by a failing handshake."""
    for at, tls in _all(document):
        ca, cert, key = (tls.get(option) for option in ("ca", "cert", "key"))
        if isinstance(ca, str) and _is_file(base, ca) and not _has_authorities(base / ca):
            yield Finding(
                (*at, "ca"), "tls.ca: there is no certificate in this file", "write a PEM file of authorities"
            )
        key = cert if key is None else key
        if all(isinstance(file, str) and _is_file(base, file) for file in (cert, key)):
            yield from _pair(at, base / str(cert), base / str(key))


def unverified(document: Document, base: Path) -> Iterator[Finding]:
    for at, tls in _all(document):
        if tls.get("verify") is False:
            what = "upstream" if at[0] == "upstreams" else "the server of"
            message = f"{what} {quoted(str(at[1]))} is not verified: whoever answers in its name gets the credential"
            yield Finding((*at, "verify"), message, "name its authority under tls.ca instead", False, "warning")


def _all(document: Document) -> Iterator[tuple[KeyPath, dict[str, Any]]]:
    """Every group of options of TLS, with its path."""
    for part in ("upstreams", "auth"):
        for name, entry in section(document.data.get(part)).items():
            yield (part, name, "tls"), section(section(entry).get("tls"))


def _pair(at: KeyPath, cert: Path, key: Path) -> Iterator[Finding]:
    option = "cert" if key == cert else "key"
    try:
        # With a password at hand the library does not ask for one on the terminal.
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_cert_chain(cert, key, password="")
    except ssl.SSLError as error:
        if error.reason == "KEY_VALUES_MISMATCH":
            yield Finding((*at, option), "the key does not belong to the certificate", "write the two that go together")
            return
        what = f"tls.{option}: no certificate with its key, in PEM and without a password, can be read"
        yield Finding((*at, option), what, "write cert: and key:, or one file with both")
        return
    except OSError as error:
        yield Finding((*at, option), f"tls.{option}: {error.strerror or 'it cannot be read'}", "make it readable")
        return
    if (ended := _ended(cert)) is not None:
        message = f"the certificate has been over since {ended:%Y-%m-%d}: servers will refuse it"
        yield Finding((*at, "cert"), message, "renew it", False, "warning")


def _ended(cert: Path) -> datetime | None:
    from cryptography.x509 import load_pem_x509_certificate

    end = load_pem_x509_certificate(cert.read_bytes()).not_valid_after_utc
    return end if end < datetime.now(UTC) else None


def _has_authorities(file: Path) -> bool:
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(file)
    except (OSError, ValueError):
        return False
    return True


def _is_file(base: Path, file: str) -> bool:
    try:
        return (base / file).is_file()
    except (OSError, ValueError):
        # A name that no file can have, or a folder that may not be read.
        return False
