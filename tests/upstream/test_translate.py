import errno
import ssl

import aiohttp
import pytest
from aiohttp.client_reqrep import ConnectionKey

from proxy.errors import UpstreamConnectFailed, UpstreamDnsFailed, UpstreamError, UpstreamTlsFailed
from proxy.upstream.translate import translate_connect_error

_KEY = ConnectionKey("canary.example", 443, True, True, None, None, None)


@pytest.mark.parametrize(
    ("error", "expected", "says"),
    [
        (aiohttp.ClientConnectorDNSError(_KEY, OSError("canary")), UpstreamDnsFailed, "does not resolve"),
        (aiohttp.ClientConnectorSSLError(_KEY, ssl.SSLError("canary")), UpstreamTlsFailed, "handshake"),
        (ssl.SSLError("canary"), UpstreamTlsFailed, "handshake"),
        (TimeoutError("canary"), UpstreamConnectFailed, "within 2.5 s"),
        (aiohttp.ConnectionTimeoutError("canary"), UpstreamConnectFailed, "within 2.5 s"),
        (
            aiohttp.ClientConnectorError(_KEY, OSError(errno.EHOSTUNREACH, "canary")),
            UpstreamConnectFailed,
            "no route to host",
        ),
        (OSError(errno.ECONNRESET, "canary"), UpstreamConnectFailed, "connection reset by peer"),
        (OSError(errno.EMFILE, "canary"), UpstreamConnectFailed, "no file descriptors left"),
        (OSError("canary"), UpstreamConnectFailed, "cannot be reached"),
        (aiohttp.ClientError("canary"), UpstreamConnectFailed, "cannot be reached"),
    ],
)
def test_each_failure_has_its_code_and_tells_nothing_of_the_url(
    error: BaseException, expected: type[UpstreamError], says: str
) -> None:
    made = translate_connect_error(error, 2.5)
    assert type(made) is expected
    assert says in made.detail
    assert "canary" not in made.detail
