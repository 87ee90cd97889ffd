"""One attempt to tell a hook: a webhook with POST, or a command with the notice as its standard input.

What must not live here: further attempts (`proxy.hooks.delivery`).
"""

import hashlib
import hmac
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from urllib.parse import urlsplit

from proxy.auth.command import Command, run
from proxy.auth.secret_reader import SecretReader
from proxy.auth.secret_rules import SecretUnavailable
from proxy.clock import Clock
from proxy.config.hooks_model import Hook
from proxy.errors import OutriderError
from proxy.hooks.notice import Notice
from proxy.message.call import Call, Fetch

__all__ = ["SIGNATURE", "Send", "Undelivered", "command_sender", "signature", "webhook_sender"]

SIGNATURE = "Outrider-Signature"

Send = Callable[[Notice], Awaitable[None]]

_AGAIN = frozenset((408, 425, 429))


class Undelivered(Exception):
    """An attempt failed. The message is for the log; `again` tells whether another one may help."""

    def __init__(self, message: str, *, again: bool = True) -> None:
        super().__init__(message)
        self.again = again


def signature(secret: bytes, at: int, content: bytes) -> str:
    """`t` is the time of the attempt in seconds since the epoch, `v1` the HMAC-SHA256 of `t.content`."""
    made = hmac.new(secret, b"%d." % at + content, hashlib.sha256).hexdigest()
    return f"t={at},v1={made}"


def webhook_sender(url: str, timeout: float, secret: SecretReader | None, fetch: Fetch, wall: Clock) -> Send:
    host = urlsplit(url).hostname

    async def send(notice: Notice) -> None:
        content = notice.content
        fields = [("Content-Type", "application/json"), ("Outrider-Event", notice.hook)]
        if secret is not None:
            try:
                key = (await secret.read()).reveal()
            except SecretUnavailable as error:
                raise Undelivered(f"its secret: {error.detail}") from None
            fields.append((SIGNATURE, signature(key.encode(), int(wall()), content)))
        try:
            reply = await fetch(Call("POST", url, fields, content, timeout))
        except OutriderError as error:
            raise Undelivered(f"{host}: {error.detail}") from None
        if not 200 <= reply.status < 300:
            again = reply.status >= 500 or reply.status in _AGAIN
            raise Undelivered(f"{host} answered {reply.status}", again=again)

    return send


def command_sender(hook: Hook, base: Path, environ: Mapping[str, str]) -> Send:
    async def send(notice: Notice) -> None:
        variables = {**environ, **notice.variables}
        try:
            await run(Command(hook.command or (), base, variables, hook.timeout, notice.content + b"\n"))
        except SecretUnavailable as error:
            raise Undelivered(error.detail) from None

    return send
