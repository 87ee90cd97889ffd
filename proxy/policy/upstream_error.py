"""An upstream's error answer in the form of Outrider's own: one problem document, whatever the upstream writes.

The status stays, and so do the fields that tell a caller what to do (`WWW-Authenticate`, `Retry-After`, `Allow`, …);
those that described the content go with it. What must not live here: reading the answer (`proxy.stages.normalize`).
"""

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from http import HTTPStatus

from proxy.policy.decoding import Undecodable, decoded
from proxy.policy.expression import Expression

__all__ = ["CODE", "Body", "Facts", "Message", "kept_lines", "message_rule", "problem_content", "read_body"]

CODE = "upstream_error"
STAGE = "upstream"

_LONGEST_TEXT = 4096
_LONGEST_DETAIL = 1000
_RETRYABLE = frozenset((408, 425, 429, 500, 502, 503, 504))
_OF_THE_CONTENT = frozenset(
    (
        b"content-type",
        b"content-encoding",
        b"content-language",
        b"content-disposition",
        b"content-location",
        b"content-md5",
        b"content-digest",
        b"repr-digest",
        b"digest",
        b"etag",
        b"last-modified",
        b"accept-ranges",
    )
)
_SENTENCES = {
    400: "The upstream did not understand the request.",
    401: "The upstream wants a credential, or did not accept the one that it was given.",
    403: "The upstream understood the request and does not allow it.",
    404: "The upstream has nothing at this address.",
    405: "The upstream does not take this method at this address.",
    408: "The upstream waited too long for the request.",
    409: "The request does not fit the present state of what it is about.",
    410: "What was at this address is gone for good.",
    413: "The content is too large for the upstream.",
    415: "The upstream does not take content of this type.",
    422: "The upstream understood the content and found a mistake in it.",
    429: "The upstream was asked too often; try again later.",
    500: "The upstream failed at this request.",
    501: "The upstream cannot do what it was asked.",
    502: "Something behind the upstream gave it no usable answer.",
    503: "The upstream cannot serve requests at the moment; try again later.",
    504: "Something behind the upstream did not answer in time.",
}

Message = Callable[[object], str | None]


@dataclass(frozen=True, slots=True)
class Facts:
    """What the document says beside the upstream's own words."""

    status: int
    upstream: str
    attempts: int
    request_id: bytes


@dataclass(frozen=True, slots=True)
class Body:
    """What the upstream wrote: `json` byte for byte where it is JSON, with its `value`; else `text`, cut where it is
    long; neither where it is binary or nothing."""

    json: str | None = None
    value: object = None
    text: str | None = None


def message_rule(expression: str) -> Message:
    """Finds the text for people in a JSON value. Raises ValueError for what is no expression."""
    where = Expression(expression)

    def message(value: object) -> str | None:
        found = where.find(value)
        return found if isinstance(found, str) else None

    return message


def read_body(content: bytes, coding: bytes, cap: int, *, complete: bool) -> Body:
    """`complete` tells that `content` is all of it; what is not, or unfolds to more than `cap`, can only be text."""
    try:
        plain = decoded(content, coding, cap)
    except Undecodable:
        return Body()
    complete = complete and len(plain) <= cap
    text = _text(plain, complete=complete)
    if text is None:
        return Body()
    if complete and (parsed := _json(text)) is not None:
        return Body(json=text.strip(), value=parsed[0])
    cut = text if len(text) <= _LONGEST_TEXT else text[:_LONGEST_TEXT] + "…"
    return Body(text=cut or None)


def _text(plain: bytes, *, complete: bool) -> str | None:
    if b"\0" in plain:
        return None
    try:
        return plain.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        # A cut may fall into the middle of a character.
        if complete or error.start < len(plain) - 4:
            return None
        return plain[: error.start].decode("utf-8-sig")


def _json(text: str) -> tuple[object] | None:
    """The value, in a tuple because it may be None."""
    try:
        return (json.loads(text, parse_constant=_refuse),)
    except (ValueError, RecursionError):
        return None


def _refuse(constant: str) -> object:
    """`NaN` and its like, which JSON does not have."""
    raise ValueError(constant)


def problem_content(facts: Facts, body: Body, message: Message) -> bytes:
    """The document, with the upstream's own words under `upstream_error`."""
    said = message(body.value) if body.json is not None else None
    document = {
        "type": f"urn:outrider:error:{CODE}",
        "title": _title(facts.status),
        "status": facts.status,
        "detail": _tidy(said) or _sentence(facts.status),
        "code": CODE,
        "stage": STAGE,
        "upstream": facts.upstream,
        "attempts": facts.attempts,
        "retryable": facts.status in _RETRYABLE,
        "request_id": facts.request_id.decode("latin-1"),
    }
    if body.json is not None:
        # Not written anew: numbers and spelling stay as they came.
        return f'{json.dumps(document)[:-1]}, "upstream_error": {body.json}}}\n'.encode()
    if body.text is not None:
        document["upstream_error"] = body.text
    return json.dumps(document).encode() + b"\n"


def _title(status: int) -> str:
    try:
        return f"The upstream answered {status} {HTTPStatus(status).phrase}"
    except ValueError:
        return f"The upstream answered {status}"


def _sentence(status: int) -> str:
    usual = "The upstream refused the request." if status < 500 else "The upstream failed at this request."
    return _SENTENCES.get(status, usual)


def _tidy(said: str | None) -> str | None:
    """On one line, printable and not for ever."""
    line = " ".join((said or "").split())
    shown = "".join(char for char in line if char.isprintable())
    return shown if len(shown) <= _LONGEST_DETAIL else shown[:_LONGEST_DETAIL] + "…"


def kept_lines(lines: Iterable[bytes]) -> list[bytes]:
    """Without what described the content that is replaced."""
    kept = [line for line in lines if line.partition(b":")[0].lower() not in _OF_THE_CONTENT]
    return [*kept, b"Content-Type: application/problem+json"]
