"""An answer as an interceptor sees, changes or makes it.

What must not live here: how it reaches the caller (`proxy.edge`).
"""

import json
from collections.abc import Mapping
from typing import Any, Self

from proxy import message
from proxy.intercept.body import (
    OF_THE_CONTENT,
    Change,
    HeldResponse,
    TooLarge,
    TransformedResponse,
    undone,
)
from proxy.intercept.fields import Fields, response_fields
from proxy.message.whole import WholeContent

__all__ = ["Response"]


class Response:
    """One of the upstream's, or one of your own: `Response(404, b"nothing here", {"Content-Type": "text/plain"})`."""

    __slots__ = ("_cap", "_fields", "_inner", "_name", "_whole")

    def __init__(self, status: int = 200, content: bytes = b"", fields: Mapping[str, str] | None = None) -> None:
        self._inner = message.Response(_checked(status), b"", [], WholeContent(content))
        self._fields: Fields | None = None
        self._whole: bytes | None = content
        self._cap = len(content)
        self._name = ""
        if fields:
            self.fields.update(fields)

    @classmethod
    def of_json(cls, value: object, status: int = 200, fields: Mapping[str, str] | None = None) -> Self:
        """An answer with this value as JSON."""
        content = json.dumps(value, ensure_ascii=False).encode()
        return cls(status, content, {"Content-Type": "application/json", **(fields or {})})

    @classmethod
    def received(cls, inner: message.Response) -> Self:
        """Outrider's own: one that came from further inside."""
        made = cls.__new__(cls)
        made._inner = inner
        made._fields = made._whole = None
        made._cap, made._name = 0, ""
        return made

    def __repr__(self) -> str:
        return f"Response({self.status})"

    @property
    def status(self) -> int:
        return self._inner.status

    @status.setter
    def status(self, status: int) -> None:
        self._inner.status = _checked(status)
        self._inner.reason = b""

    @property
    def fields(self) -> Fields:
        if self._fields is None:
            split = (line.partition(b":") for line in self._inner.lines)
            self._fields = response_fields((name, value.strip(b" \t")) for name, _, value in split)
        return self._fields

    async def read(self) -> bytes:
        """All of the content, `gzip` and `deflate` undone; it stays to be sent as it came.

        Raises TooLarge over `max_content`, ValueError for another coding, OutriderError where the answer breaks off.
        """
        if self._whole is None:
            self._whole = await self._read_ahead()
        return undone(self._whole, self.fields.get("Content-Encoding"), self._cap)

    async def json(self) -> Any:
        """The content as JSON. Raises ValueError where it is none, and what `read` raises."""
        return json.loads(await self.read())

    def replace(self, content: bytes) -> None:
        """Answer with this instead."""
        self._inner.content.close()
        self._set(content)
        self._forget_description()

    def replace_json(self, value: object) -> None:
        self.replace(json.dumps(value, ensure_ascii=False).encode())
        self.fields["Content-Type"] = "application/json"

    def transform(self, change: Change) -> None:
        """Answer with what the asynchronous generator `change` makes of the pieces, while they come. They are as the
        upstream encoded them."""
        self._inner.content = TransformedResponse(self._inner.content, change, self._name)
        self._whole = None
        self._forget_description(coding=False)

    def enter(self, name: str, cap: int) -> None:
        """Outrider's own: the interceptor `name`, which may read `cap` bytes, is next."""
        self._name = name
        self._cap = cap

    def settled(self) -> message.Response:
        """Outrider's own: the answer as it goes on."""
        if self._fields is not None and self._fields.changed:
            self._inner.lines = [name + b": " + value for name, value in self._fields.pairs()]
            self._inner.rewritable = self._inner.quota = None
        return self._inner

    def close(self) -> None:
        """Outrider's own: give it up."""
        self._inner.close()

    async def _read_ahead(self) -> bytes:
        content, cap = self._inner.content, self._cap
        if content.length is not None and content.length > cap:
            raise TooLarge
        whole = content.take()
        if whole is None:
            pieces = bytearray()
            while len(pieces) <= cap and (piece := await content.read()):
                pieces += piece
            whole = bytes(pieces)
            if len(whole) > cap:
                self._inner.content = HeldResponse(whole, content)
                raise TooLarge
        self._set(whole)
        if len(whole) > cap:
            raise TooLarge
        return whole

    def _set(self, content: bytes) -> None:
        self._inner.content = WholeContent(content)
        self._whole = content

    def _forget_description(self, *, coding: bool = True) -> None:
        for name in OF_THE_CONTENT[0 if coding else 1 :]:
            self.fields.remove(name)


def _checked(status: int) -> int:
    if not 200 <= status <= 599:
        raise ValueError("a status is a number from 200 to 599")
    return status
