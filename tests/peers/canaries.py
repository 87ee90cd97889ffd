"""Made-up secrets that are looked for afterwards, in every form in which one could get out.

A form is a half of the text, also backwards, percent-encoded, JSON-escaped, quoted-printable, in base64 (plain and
URL-safe, wherever in a longer text it began) and in hexadecimal. Upper and lower case count as the same. Each is also
looked for across the ends of lines, and across separators between the digits of hexadecimal.
"""

import base64
import json
import quopri
import re
import secrets
from collections.abc import Iterator
from urllib.parse import quote, quote_plus

__all__ = ["Canaries", "forms"]

SHORTEST = 8
"""Pieces shorter than this are found by chance."""

_STEP = 8
"""Length of the pieces by which forms are found."""
_FOLDS = re.compile(rb"(?:=?\r?\n|\\r\\n|\\n|%0d%0a|%0a)[ \t>|]*")
"""Ends of lines, themselves written in any way, with what may begin the next one."""
_PAIRS = re.compile(rb"(?<![0-9a-f])(?:[0-9a-f]{2}[ :,-]){%d,}[0-9a-f]{2}" % SHORTEST)


class Canaries:
    """Every secret of a test by what it is."""

    def __init__(self) -> None:
        self._forms: dict[bytes, str] = {}
        self._begins: dict[bytes, list[bytes]] = {}
        self._short: list[bytes] = []
        self.values: dict[str, str] = {}

    def new(self, what: str, more: str = "") -> str:
        """A secret that nobody else has; `more` are further characters in its middle."""
        return self.add(what, f"{secrets.token_hex(10)}{more}{secrets.token_hex(10)}")

    def add(self, what: str, value: str) -> str:
        """Look for this one too."""
        self.values[what] = value
        for form, written in forms(value):
            self._look_for(written.lower(), f"{what} ({form})")
        return value

    def _look_for(self, written: bytes, name: str) -> None:
        if written in self._forms:
            return
        self._forms[written] = name
        if len(written) < 2 * _STEP - 1:
            self._short.append(written)
            return
        for offset in range(_STEP):
            self._begins.setdefault(written[offset : offset + _STEP], []).append(written)

    def found(self, data: bytes | str) -> list[str]:
        """What of them is in there."""
        text = (data.encode() if isinstance(data, str) else data).lower()
        views = [text]
        if (unfolded := _FOLDS.sub(b"", text)) != text:
            views.append(unfolded)
        views += [re.sub(rb"[ :,-]", b"", run) for run in _PAIRS.findall(text)]
        return list(dict.fromkeys(name for view in views for name in self._in(view)))

    def _in(self, text: bytes) -> Iterator[str]:
        # There are thousands of forms and megabytes of text, so not each is looked for in all of it. Wherever a form
        # stands, one of its first pieces begins at a multiple of their length.
        there = {text[index : index + _STEP] for index in range(0, len(text), _STEP)}
        hinted = {written for piece in there & self._begins.keys() for written in self._begins[piece]}
        for written in (*hinted, *self._short):
            if written in text:
                yield self._forms[written]


def forms(value: str) -> Iterator[tuple[str, bytes]]:
    half = len(value) // 2
    pieces = {"first half": value[:half], "second half": value[half:]}
    if half < SHORTEST:
        pieces = {"whole": value}
    for name, piece in pieces.items():
        for form, written in _written(piece):
            yield f"{name}, {form}", written
        yield f"{name}, backwards", piece[::-1].encode()


def _written(piece: str) -> Iterator[tuple[str, bytes]]:
    raw = piece.encode()
    yield "plain", raw
    yield "percent-encoded", quote(piece, safe="").encode()
    yield "percent-encoded but for slashes", quote(piece).encode()
    yield "form-encoded", quote_plus(piece).encode()
    yield "percent-encoded whole", b"".join(b"%%%02x" % byte for byte in raw)
    yield "JSON", json.dumps(piece)[1:-1].encode()
    yield "JSON in UTF-8", json.dumps(piece, ensure_ascii=False)[1:-1].encode()
    yield "JSON in JSON", json.dumps(json.dumps(piece)[1:-1])[1:-1].encode()
    yield "repr", repr(raw)[2:-1].encode()
    yield "quoted-printable", _FOLDS.sub(b"", quopri.encodestring(raw))
    yield "hexadecimal", raw.hex().encode()
    if not piece.isascii():
        yield "latin-1", piece.encode("latin-1", "replace")
    for before in range(3):
        yield from _base64(raw, before)


def _base64(raw: bytes, before: int) -> Iterator[tuple[str, bytes]]:
    """What is the same whatever stands before (so many bytes, of three) and after."""
    first = -(-before * 8 // 6)
    last = (before + len(raw)) * 8 // 6
    for form, encoded in (("base64", base64.b64encode), ("base64url", base64.urlsafe_b64encode)):
        yield f"{form} after {before}", encoded(b"\0" * before + raw)[first:last]
