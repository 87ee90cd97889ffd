"""What a secret's reader promises, and which texts are accepted as a secret.

Pure rules and the protocol. What must not live here: where a secret is found (`secret_reader` and what it opens).
"""

from typing import Protocol

from proxy.secret import Secret

__all__ = ["MAX_SECRET", "SecretReader", "SecretUnavailable", "accept_bytes", "accept_text"]

MAX_SECRET = 64 * 1024
"""Bytes; nothing longer is taken for a secret."""


class SecretUnavailable(Exception):
    """A secret has no usable value.

    `detail` names the variable, path or command and what to do, never a value; it may be shown to callers. `said` is
    what a command wrote to its standard error: for logs only, since tools print requests there. `retry_after` is in
    seconds.
    """

    def __init__(self, detail: str, *, said: str = "", retry_after: float = 60.0) -> None:
        super().__init__(f"{detail}: {said}" if said else detail)
        self.detail = detail
        self.said = said
        self.retry_after = retry_after


class SecretReader(Protocol):
    """Hands out one secret, and notices when it changes."""

    @property
    def version(self) -> int:
        """Grows by one each time the value becomes another one."""

    @property
    def problem(self) -> str | None:
        """What is wrong now, for logs; a last good value may still be handed out."""

    @property
    def recheck_at(self) -> float:
        """Monotonic time before which `peek` cannot answer anything else than it did."""

    def peek(self, now: float) -> Secret | None:
        """The value at monotonic `now`; None when it must be awaited. Costs at most one look at one small file."""

    async def read(self) -> Secret:
        """The value, waited for; raises SecretUnavailable."""

    def forget(self) -> bool:
        """The value was refused where it was used: look again at the next read. False where it cannot change."""

    async def close(self) -> None:
        """Stops what runs for it."""


def accept_bytes(raw: bytes, source: str, *, lines: bool = False) -> Secret:
    """As `accept_text`, for bytes that must be UTF-8."""
    try:
        text = raw.decode()
    except UnicodeDecodeError:
        raise SecretUnavailable(f"{source} is not UTF-8 text") from None
    return accept_text(text, source, lines=lines)


def accept_text(text: str, source: str, *, lines: bool = False) -> Secret:
    """The secret in `text`, without one line end after it. `source` begins the sentence of the error.

    `lines`: it may have several lines, as keys in PEM do.
    """
    text = text.removesuffix("\n").removesuffix("\r")
    if not text:
        raise SecretUnavailable(f"{source} is empty")
    if "\0" in text or (not lines and ("\r" in text or "\n" in text)):
        raise SecretUnavailable(f"{source} has a line end or a NUL inside; a secret is one line")
    try:
        size = len(text.encode())
    except UnicodeEncodeError:
        raise SecretUnavailable(f"{source} is not UTF-8 text") from None
    if size > MAX_SECRET:
        raise SecretUnavailable(f"{source} is longer than {MAX_SECRET} bytes")
    return Secret(text)
