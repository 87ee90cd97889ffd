"""TLS toward an upstream or a token endpoint, from its configuration.

What must not live here: connecting.
"""

import ssl
from pathlib import Path

from proxy.config.tls_model import Tls

__all__ = ["file_stamp", "tls_context"]

_VERSIONS = {"1.2": ssl.TLSVersion.TLSv1_2, "1.3": ssl.TLSVersion.TLSv1_3}


def tls_context(tls: Tls, base: Path) -> ssl.SSLContext:
    """Paths are relative to `base`. Raises OSError (ssl.SSLError included) when a file cannot be used."""
    context = ssl.create_default_context(cafile=base / tls.ca if tls.ca else None)
    context.minimum_version = _VERSIONS[tls.min_version]
    context.set_alpn_protocols(["http/1.1"])
    if not tls.verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    if tls.cert:
        context.load_cert_chain(base / tls.cert, base / tls.key if tls.key else None)
    return context


def file_stamp(path: Path) -> tuple[int, int, int] | None:
    """Tells one content of a file from another, as far as its times and its size do; None where it is not there."""
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_mtime_ns, status.st_ino, status.st_size
