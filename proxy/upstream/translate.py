"""Third-party exceptions of the upstream's side, translated into the closed tree.

The exceptions themselves are never formatted: their texts may hold URLs. What must not live here: anything else.
"""

import asyncio
import errno
import os
import ssl

import aiohttp

from proxy.errors import UpstreamConnectFailed, UpstreamDnsFailed, UpstreamError, UpstreamTlsFailed

__all__ = ["translate_connect_error"]


def translate_connect_error(error: BaseException, limit: float) -> UpstreamError:
    """`limit` is the connect limit in seconds."""
    match error:
        case aiohttp.ClientConnectorDNSError():
            return UpstreamDnsFailed("The upstream's host name does not resolve.")
        case aiohttp.ClientConnectorCertificateError():
            said = _verify_message(error)
            return UpstreamTlsFailed(
                f"The upstream's certificate was not accepted: {said}", token="tls_certificate_error"
            )
        case aiohttp.ClientSSLError() | ssl.SSLError():
            return UpstreamTlsFailed("The TLS handshake with the upstream failed.")
        case asyncio.TimeoutError():
            return UpstreamConnectFailed(
                f"The upstream did not accept a connection within {limit:g} s.", token="connection_timeout"
            )
        case aiohttp.ClientConnectorError() if error.os_error.errno is not None:
            return UpstreamConnectFailed(f"The upstream cannot be reached: {_reason(error.os_error.errno)}.")
        case OSError() if error.errno is not None:
            return UpstreamConnectFailed(f"The upstream cannot be reached: {_reason(error.errno)}.")
        case _:
            return UpstreamConnectFailed("The upstream cannot be reached.")


def _reason(number: int) -> str:
    if number in (errno.EMFILE, errno.ENFILE):
        return "this process has no file descriptors left"
    return os.strerror(number).lower()


def _verify_message(error: aiohttp.ClientConnectorCertificateError) -> str:
    inner = error.certificate_error
    return inner.verify_message if isinstance(inner, ssl.SSLCertVerificationError) else "it does not match."
