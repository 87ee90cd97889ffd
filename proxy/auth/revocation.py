"""Telling the server that a session is ended (RFC 7009): what can be done is done, and what came of it is said.

What must not live here: clearing the session on this side (`proxy.auth.outside`).
"""

from proxy.auth.discovery import NotDiscovered
from proxy.auth.record import Record
from proxy.auth.secret_rules import SecretUnavailable
from proxy.auth.token_endpoint import TokenEndpoint
from proxy.errors import OutriderError

__all__ = ["revoke"]


async def revoke(endpoint: TokenEndpoint, record: Record | None) -> str:
    """In words for the operator; empty where there was nothing to revoke, or no place to do it."""
    if record is None or (record.refresh is None and record.access is None):
        return ""
    try:
        url = (await endpoint.discovery.endpoints()).revocation
        if url is None:
            return ""
        outcomes = [
            (await endpoint.post(url, [("token", token.reveal()), ("token_type_hint", hint)])).status
            for token, hint in ((record.refresh, "refresh_token"), (record.access, "access_token"))
            if token is not None
        ]
    except (NotDiscovered, OutriderError, SecretUnavailable) as error:
        return f"the server could not be told to revoke its tokens: {error.detail}"
    if outcomes[0] >= 300:
        return f"the server answers {outcomes[0]} when it is told to revoke its tokens"
    return "the server has revoked its tokens"
