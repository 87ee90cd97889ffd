"""An interceptor that needs no code: fields and parameters renamed, set, removed, and members added to a JSON object.

What must not live here: its options (`proxy.config.interceptor_model`).
"""

import json
import re
from collections.abc import Awaitable

from proxy.config.interceptor_model import FieldChanges, InterceptorEntry, QueryChanges
from proxy.intercept.failure import Refused
from proxy.intercept.fields import Fields
from proxy.intercept.query import Query
from proxy.intercept.request import Request
from proxy.intercept.response import Response

__all__ = ["Edits"]

_JSON = re.compile(r"application/(?:[\w.+-]+\+)?json\s*(?:;|$)", re.IGNORECASE)


class Edits:
    """The edits of one entry, in the order fields, query, content."""

    def __init__(self, entry: InterceptorEntry) -> None:
        self._fields = entry.fields
        self._query = entry.query
        self._response = entry.response
        self._members = (
            {}
            if entry.json_ is None
            else {
                name: f"{json.dumps(name)}: {json.dumps(value, ensure_ascii=False)}"
                for name, value in entry.json_.default.items()
            }
        )

    def on_request(self, request: Request) -> Awaitable[None] | None:
        if self._fields is not None:
            _change_fields(request.fields, self._fields)
        if self._query is not None:
            _change_query(request.query, self._query)
        if self._members and request.has_content and _JSON.match(request.fields.get("Content-Type", "")):
            return self._complete(request)
        return None

    def on_response(self, _: Request, response: Response) -> None:
        if self._response is not None:
            _change_fields(response.fields, self._response)

    async def _complete(self, request: Request) -> None:
        """Add what the object lacks at its beginning, so that the rest stays byte for byte."""
        try:
            content = await request.read()
        except ValueError:
            raise Refused("its JSON content is in a coding that cannot be undone here") from None
        try:
            text = content.decode("utf-8-sig")
            value = json.loads(text)
        except (ValueError, RecursionError):
            # No JSON, whatever its type says: that is for the upstream to judge.
            return
        if not isinstance(value, dict):
            return
        lacking = [member for name, member in self._members.items() if name not in value]
        if lacking:
            rest = text.lstrip()[1:]
            members = ", ".join(lacking)
            request.replace(f"{{{members}{', ' if value else ''}{rest}".encode())


def _change_fields(fields: Fields, changes: FieldChanges) -> None:
    for old, new in changes.rename.items():
        fields.rename(old, new)
    for name, value in changes.default.items():
        fields.setdefault(name, value)


def _change_query(query: Query, changes: QueryChanges) -> None:
    for name in changes.remove:
        query.remove(name)
    for old, new in changes.rename.items():
        query.rename(old, new)
    for name, value in changes.set.items():
        query[name] = value
    for name, value in changes.default.items():
        query.setdefault(name, value)
