"""The demonstration's secrets: made up anew at every start, worth nothing, and shown shortened all the same."""

import re
import secrets
from dataclasses import dataclass, field, fields

__all__ = ["MadeUp"]

_MADE_UP = re.compile("demo-[0-9a-f]{24}")
_SHOWN = 9


def _invent() -> str:
    return f"demo-{secrets.token_hex(12)}"


@dataclass(slots=True)
class MadeUp:
    """One secret per door of the embedded API; `rotated` and the tokens of the session change while it runs."""

    token: str = field(default_factory=_invent)
    password: str = field(default_factory=_invent)
    key: str = field(default_factory=_invent)
    app: str = field(default_factory=_invent)
    seal: str = field(default_factory=_invent)
    command: str = field(default_factory=_invent)
    rotated: str = field(default_factory=_invent)
    client: str = field(default_factory=_invent)
    refresh: str = field(default_factory=_invent)
    access: str = field(default_factory=_invent)
    machine: str = field(default_factory=_invent)

    def rotate(self) -> str:
        self.rotated = _invent()
        return self.rotated

    def renew(self) -> None:
        """New tokens of the session, both of them."""
        self.refresh, self.access = _invent(), _invent()

    def renew_machine(self) -> None:
        self.machine = _invent()

    def expire(self) -> None:
        """Another access token than the one that was given out; nobody has it yet."""
        self.access = _invent()

    def values(self) -> list[str]:
        return [str(getattr(self, one.name)) for one in fields(self)]

    def shorten(self, text: str) -> str:
        """`text` with every secret that was ever made up cut to its beginning."""
        return _MADE_UP.sub(lambda secret: f"{secret[0][:_SHOWN]}…", text)
