"""Who may use the admin plane: the token where one is set, and the field that no web page's form can send.

What must not live here: the rules on `Host` and `Origin`, which the edge applies to this listener as to the other one.
"""

from collections.abc import Awaitable, Callable

from proxy.admin.answer import AdminRequest
from proxy.auth import SecretUnavailable
from proxy.errors import AdminTokenUnavailable, AdminTokenWanted, ConfirmationMissing
from proxy.secret import Secret

__all__ = ["TokenSource", "check_confirmation", "check_token"]

TokenSource = Callable[[], Awaitable[Secret]]
"""The admin token as it is now. Raises `SecretUnavailable`."""


async def check_token(token: TokenSource, request: AdminRequest) -> None:
    """Raises AdminTokenWanted, AdminTokenUnavailable."""
    try:
        wanted = await token()
    except SecretUnavailable:
        raise AdminTokenUnavailable("The admin token cannot be read; the log says why.") from None
    scheme, _, given = request.headers.get("authorization", "").partition(" ")
    # An empty secret must open nothing.
    if scheme.lower() == "bearer" and wanted and wanted.matches(given.strip(" ").encode("utf-8", "surrogateescape")):
        return
    raise AdminTokenWanted(
        "The admin token is wanted as a bearer token.", lines=(b'WWW-Authenticate: Bearer realm="outrider"',)
    )


def check_confirmation(request: AdminRequest) -> None:
    """Raises ConfirmationMissing."""
    if request.headers.get("outrider-admin") != "1":
        raise ConfirmationMissing("What changes the state of Outrider must carry the field `Outrider-Admin: 1`.")
