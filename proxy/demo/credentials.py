"""The demonstration's secrets: made up anew at every start, worth nothing, and shown shortened all the same."""

import secrets
from dataclasses import dataclass, field, fields

__all__ = ["MadeUp"]

_SHOWN = 9


def _invent() -> str:
    return f"demo-{secrets.token_hex(12)}"


@dataclass(slots=True)
class MadeUp:
    """One secret per door of the embedded API; `rotated` changes while the demonstration runs."""

    token: str = field(default_factory=_invent)
    password: str = field(default_factory=_invent)
    key: str = field(default_factory=_invent)
    app: str = field(default_factory=_invent)
    command: str = field(default_factory=_invent)
    rotated: str = field(default_factory=_invent)

    def rotate(self) -> str:
        self.rotated = _invent()
        return self.rotated

    def values(self) -> list[str]:
        return [str(getattr(self, one.name)) for one in fields(self)]

    def shorten(self, text: str) -> str:
        """`text` with every secret cut to its beginning."""
        for value in self.values():
            text = text.replace(value, f"{value[:_SHOWN]}…")
        return text
