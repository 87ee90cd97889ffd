"""A request as an interceptor sees and changes it.

The credential is not among its fields: it is put in further inside. What must not live here: the way of a request
(`proxy.intercept.stage`).
"""

import json
import re
from typing import Any

from proxy.intercept.body import OF_THE_CONTENT, Change, NewRequest, TooLarge, TransformedRequest, undone
from proxy.intercept.fields import Fields, request_fields
from proxy.intercept.query import Query
from proxy.message import Exchange, RequestContent
from proxy.stages.held_content import hold

__all__ = ["Request"]

_PATH = re.compile(rb"/[!-~]*")


class Request:
    """`id` names the request, `upstream` is the name of where it goes, `caller` of who sends it (empty where callers
    are not told apart). `state` is for interceptors, from `on_request` to the others."""

    __slots__ = ("_cap", "_fields", "_name", "_own", "_query", "_state", "upstream")

    def __init__(self, exchange: Exchange, upstream: str) -> None:
        # Not the exchange itself, which the credential will be put on.
        own = Exchange(exchange.method, exchange.path, exchange.fields, exchange.request_id, exchange.started)
        own.caller = exchange.caller
        own.content = exchange.content
        own.expects_continue = exchange.expects_continue
        self._own = own
        self._fields: Fields | None = None
        self._query: Query | None = None
        self._state: dict[str, Any] | None = None
        self._cap = 0
        self._name = ""
        self.upstream = upstream

    def __repr__(self) -> str:
        return f"Request({self.method}, {self.id})"

    @property
    def id(self) -> str:
        return self._own.request_id.decode("latin-1")

    @property
    def method(self) -> str:
        return self._own.method

    @property
    def caller(self) -> str:
        return self._own.caller

    @property
    def state(self) -> dict[str, Any]:
        if self._state is None:
            self._state = {}
        return self._state

    @property
    def path(self) -> str:
        """Below the upstream's base URL, without the query, encoded as it came. Another one is not routed anew."""
        return self._own.path.partition(b"?")[0].decode("latin-1")

    @path.setter
    def path(self, path: str) -> None:
        encoded = path.encode("latin-1", "replace")
        if not _PATH.fullmatch(encoded) or b"?" in encoded or b"#" in encoded:
            raise ValueError("a path begins with / and is percent-encoded, without ? and #")
        own = self._own
        own.path = encoded + b"".join(own.path.partition(b"?")[1:])

    @property
    def query(self) -> Query:
        if self._query is None:
            self._query = Query(self._own.path.partition(b"?")[2])
        return self._query

    @property
    def fields(self) -> Fields:
        if self._fields is None:
            self._fields = request_fields(self._own.fields)
        return self._fields

    @property
    def has_content(self) -> bool:
        return self._own.content is not None

    async def read(self) -> bytes:
        """All of the content, `gzip` and `deflate` undone; it stays to be sent as it came.

        Raises TooLarge over `max_content`, ValueError for another coding.
        """
        own = self._own
        if isinstance(own.content, NewRequest):
            held: bytes | None = own.content.data
        else:
            held = await hold(own, self._cap)
        if held is None:
            raise TooLarge
        return undone(held, self.fields.get("Content-Encoding"), self._cap)

    async def json(self) -> Any:
        """The content as JSON. Raises ValueError where it is none, and what `read` raises."""
        return json.loads(await self.read())

    def replace(self, content: bytes) -> None:
        """Send this instead of what the caller sends."""
        self._own.content = NewRequest(content)
        self._own.expects_continue = False
        self._forget_description()

    def replace_json(self, value: object) -> None:
        self.replace(json.dumps(value, ensure_ascii=False).encode())
        self.fields["Content-Type"] = "application/json"

    def transform(self, change: Change) -> None:
        """Send what the asynchronous generator `change` makes of the pieces, while they come. They are as the caller
        encoded them."""
        content: RequestContent | None = self._own.content
        if content is not None:
            self._own.content = TransformedRequest(content, change, self._name)
            self._forget_description(coding=False)

    def enter(self, name: str, cap: int) -> None:
        """Outrider's own: the interceptor `name`, which may read `cap` bytes, is next."""
        self._name = name
        self._cap = cap

    def settle(self, exchange: Exchange) -> None:
        """Outrider's own: write what has been changed to what is sent."""
        own, fields, query = self._own, self._fields, self._query
        if query is not None and query.changed:
            path, encoded = own.path.partition(b"?")[0], query.encoded()
            own.path = path + b"?" + encoded if encoded else path
        exchange.path = own.path
        exchange.content, own.content = own.content, None
        exchange.expects_continue = own.expects_continue
        if fields is not None and fields.changed:
            before = set(exchange.fields)
            exchange.fields = fields.pairs()
            exchange.rewritten = tuple(pair for pair in fields.pairs() if pair not in before)

    def _forget_description(self, *, coding: bool = True) -> None:
        for name in OF_THE_CONTENT[0 if coding else 1 :]:
            self.fields.remove(name)
