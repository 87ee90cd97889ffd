"""Which answers mean that the credential was not accepted, so that a fresh one may help.

Mostly the head tells. A profile may name signs in the content, too; then a judge says of what has arrived whether it is
one. What must not live here: reading content (`proxy.stages.peek`), what is done about it.
"""

import re
from collections.abc import Collection, Iterable
from typing import Protocol

from proxy.config.unauthorized_model import Unauthorized
from proxy.policy.decoding import Undecodable, coding_of, decoded
from proxy.policy.expression import Expression, document

__all__ = ["Judge", "UnauthorizedRules", "is_unauthorized"]

_CHALLENGE = b"www-authenticate:"
_ERROR = re.compile(rb"(?:^|[\s,])error\s*=\s*\"?([A-Za-z_]+)", re.IGNORECASE)
_REDIRECTS = frozenset((301, 302, 303, 307, 308))
_JSON = re.compile(rb"(?:application|text)/(?:json|(?!json-seq$)[^\s;+]+\+json)")
_HTML = (b"text/html", b"application/xhtml+xml")
_READABLE = (b"", b"gzip", b"x-gzip", b"deflate")


def is_unauthorized(status: int, lines: Iterable[bytes]) -> bool:
    """By the status and the field lines of an answer.

    401 does, and 403 with `error="invalid_token"` (RFC 6750 §3.1), but never where the error is `insufficient_scope`:
    another token of the same session has the same scope.
    """
    if status == 401:
        return b"insufficient_scope" not in _errors(lines)
    return status == 403 and b"invalid_token" in _errors(lines)


class Judge(Protocol):
    """Judges an answer by the beginning of its content."""

    def verdict(self, content: bytes, *, whole: bool) -> bool | None:
        """Whether it means "not authorised"; None when more of it must be seen. Final once `whole`."""


class UnauthorizedRules:
    """A profile's rules. `suspects` are the statuses under which an answer has to be looked at; others mean no."""

    __slots__ = ("_body", "_cap", "_form", "_redirect", "_statuses", "suspects")

    def __init__(self, options: Unauthorized) -> None:
        self._statuses = None if options.status is None else frozenset(options.status)
        self._redirect = None if options.redirect is None else re.compile(options.redirect.encode())
        self._form = None if options.form is None else re.compile(options.form.encode())
        self._body = None if options.body is None else Expression(options.body)
        self._cap = options.cap
        suspects = set((401, 403) if self._statuses is None else self._statuses)
        if self._redirect is not None:
            suspects |= _REDIRECTS
        if self._form is not None:
            suspects.add(200)
        self.suspects: Collection[int] = frozenset(suspects) if self._body is None else range(200, 600)

    def by_head(self, status: int, lines: Iterable[bytes]) -> bool:
        if self._statuses is None:
            if is_unauthorized(status, lines):
                return True
        elif status in self._statuses:
            return b"insufficient_scope" not in _errors(lines)
        if self._redirect is None or status not in _REDIRECTS:
            return False
        location = _value(lines, b"location")
        return location is not None and self._redirect.search(location) is not None

    def judge(self, status: int, lines: Iterable[bytes], length: int | None) -> Judge | None:
        """Who judges the content of an answer whose head does not tell; None where that cannot tell either."""
        if (self._body is None and (self._form is None or status != 200)) or length == 0:
            return None
        media = (_value(lines, b"content-type") or b"").partition(b";")[0].strip().lower()
        coding = coding_of(_value(lines, b"content-encoding"))
        if coding not in _READABLE:
            return None
        if self._body is not None and _JSON.fullmatch(media):
            too_long = length is not None and length > self._cap
            return (
                None if too_long or b"insufficient_scope" in _errors(lines) else _OfJson(self._body, self._cap, coding)
            )
        if self._form is not None and status == 200 and media in _HTML:
            return _OfHtml(self._form, self._cap, coding)
        return None


class _OfJson:
    """By a condition on the whole document."""

    __slots__ = ("_cap", "_coding", "_condition")

    def __init__(self, condition: Expression, cap: int, coding: bytes) -> None:
        self._condition = condition
        self._cap = cap
        self._coding = coding

    def verdict(self, content: bytes, *, whole: bool) -> bool | None:
        if len(content) > self._cap:
            return False
        if not whole:
            return None
        plain = _readable(content, self._coding, self._cap)
        return len(plain) <= self._cap and self._condition.holds(document(plain))


class _OfHtml:
    """By what stands in its first bytes."""

    __slots__ = ("_cap", "_coding", "_pattern")

    def __init__(self, pattern: re.Pattern[bytes], cap: int, coding: bytes) -> None:
        self._pattern = pattern
        self._cap = cap
        self._coding = coding

    def verdict(self, content: bytes, *, whole: bool) -> bool | None:
        plain = _readable(content, self._coding, self._cap)[: self._cap]
        if self._pattern.search(plain):
            return True
        return False if whole or len(plain) >= self._cap or len(content) >= self._cap else None


def _readable(content: bytes, coding: bytes, cap: int) -> bytes:
    """As much as can be read, up to one byte over the cap; what goes on to the caller is left as it is."""
    try:
        return decoded(content, coding, cap)
    except Undecodable:
        return b""


def _value(lines: Iterable[bytes], name: bytes) -> bytes | None:
    for line in lines:
        field, _, value = line.partition(b":")
        if field.lower() == name:
            return value.strip(b" \t")
    return None


def _errors(lines: Iterable[bytes]) -> set[bytes]:
    challenges = [line[len(_CHALLENGE) :] for line in lines if line[: len(_CHALLENGE)].lower() == _CHALLENGE]
    return {error.lower() for challenge in challenges for error in _ERROR.findall(challenge)}
