import json
from typing import Any

import pytest

from proxy.config.interceptor_model import InterceptorEntry
from proxy.errors import ContentTooLarge, RequestRefused
from proxy.intercept.edits import Edits
from proxy.message import Exchange
from tests.intercept.made import Inside, chain, exchange
from tests.stages.contents import WholeRequest


def edits(**options: Any) -> Edits:
    return Edits(InterceptorEntry.model_validate(options))


async def sent(
    entry: Edits, path: bytes = b"/", *fields: tuple[bytes, bytes], content: bytes | None = None
) -> Exchange:
    inside = Inside()
    await chain(inside, entry, cap=200).send(
        exchange(path, *fields, content=None if content is None else WholeRequest(content))
    )
    return inside.seen[0]


async def sent_json(content: bytes, kind: bytes = b"application/json", **default: Any) -> bytes:
    made = await sent(edits(json={"default": default}), b"/", (b"Content-Type", kind), content=content)
    assert made.content is not None
    return made.content.take() or b""


async def test_fields_are_renamed_and_given_where_they_lack() -> None:
    made = await sent(
        edits(fields={"rename": {"X-User": "X-Customer"}, "default": {"X-Version": "2", "X-B": "mine"}}),
        b"/",
        (b"x-user", b"7"),
        (b"X-B", b"theirs"),
    )
    assert made.fields == [(b"X-Customer", b"7"), (b"X-B", b"theirs"), (b"X-Version", b"2")]


async def test_parameters_are_removed_renamed_set_and_given_in_this_order() -> None:
    entry = edits(
        query={
            "remove": ["debug"],
            "rename": {"q": "query"},
            "set": {"format": "json"},
            "default": {"limit": "100", "query": "no"},
        }
    )
    made = await sent(entry, b"/find?q=%61&debug=1&format=xml")
    assert made.path == b"/find?query=%61&format=json&limit=100"


async def test_an_answers_fields_are_changed_on_the_way_out() -> None:
    entry = edits(response={"rename": {"X-From": "X-Source"}, "default": {"X-A": "b"}})
    assert (await chain(Inside(), entry).send(exchange())).lines == [b"X-Source: upstream", b"X-A: b"]


@pytest.mark.parametrize(
    ("content", "wanted"),
    [
        (b'{"amount": 1.10}', b'{"currency": "EUR", "amount": 1.10}'),
        (b" {\n}", b'{"currency": "EUR"\n}'),
        (b'{"currency": null}', b'{"currency": null}'),
        (b"[1]", b"[1]"),
        (b"not json", b"not json"),
        (b"", b""),
    ],
)
async def test_an_object_gets_what_it_lacks_and_stays_itself(content: bytes, wanted: bytes) -> None:
    assert await sent_json(content, currency="EUR") == wanted


async def test_a_member_may_be_any_json() -> None:
    made = await sent_json(b"{}", b"application/merge-patch+json; charset=utf-8", meta={"tags": ["a", 1, None, True]})
    assert json.loads(made) == {"meta": {"tags": ["a", 1, None, True]}}


@pytest.mark.parametrize("kind", [b"text/plain", b"application/x-www-form-urlencoded", b"application/json-seq"])
async def test_what_is_not_json_by_its_type_is_not_read(kind: bytes) -> None:
    assert await sent_json(b"{}", kind, a=1) == b"{}"


async def test_an_object_over_the_cap_is_refused() -> None:
    with pytest.raises(ContentTooLarge):
        await sent_json(b'{"a": "' + b"x" * 300 + b'"}', b=1)


async def test_an_object_that_cannot_be_decoded_is_refused() -> None:
    with pytest.raises(RequestRefused):
        await sent(
            edits(json={"default": {"a": 1}}),
            b"/",
            (b"Content-Type", b"application/json"),
            (b"Content-Encoding", b"br"),
            content=b"x",
        )
