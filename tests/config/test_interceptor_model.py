from typing import Any

import pytest

from proxy.config.redact import redacted
from tests.config.loading import UPSTREAM, config, said


def entry(text: str) -> str:
    return f"interceptors:\n  mine: {text}\n" + UPSTREAM.replace("9000", "9000, interceptors: [mine]")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{}", "2:9: interceptors.mine: it does nothing; add class: module:Class, or one of"),
        ("{options: {a: 1}}", "interceptors.mine: it does nothing"),
        ("{options: {a: 1}, query: {set: {a: b}}}", "interceptors.mine: options without a class"),
        ("{class: 'proxy.intercept.edits:Edits', query: {}}", "a class and edits in one entry"),
        ("{class: audit}", "2:17: interceptors.mine.class: not the import path of a class; write module:Class"),
        ("{class: 'a b:C'}", "not the import path of a class"),
        ("{class: '../x:C'}", "not the import path of a class"),
        ("{fields: {rename: {X-A: Host}}}", "this field belongs to the connection"),
        ('{fields: {default: {X-A: "a\\nb"}}}', "not a field value: it holds a line break"),
        ("{query: {remove: ['']}}", "a parameter without a name"),
        ("{query: {gone: 1}}", 'interceptors.mine.query has no option "gone"'),
    ],
)
def test_what_is_no_interceptor_is_an_error(text: str, message: str) -> None:
    assert any(message in line for line in said(entry(text)))


def test_values_are_not_shown() -> None:
    loaded = config(
        entry(
            "{fields: {default: {X-A: canary}}, query: {set: {k: canary}, default: {l: canary}}, "
            "json: {default: {m: canary}}}"
        )
    )
    shown: dict[str, Any] = redacted(loaded)["interceptors"]["mine"]
    assert "canary" not in str(shown) + repr(loaded)
    assert shown["json"]["default"] == {"m": "[redacted]"}


def test_a_json_member_may_be_anything() -> None:
    found = config(entry("{json: {default: {a: [1, {b: x}], c: 1.5, d: true}}}")).interceptors["mine"].json_
    assert found is not None
    assert found.default == {"a": [1, {"b": "x"}], "c": 1.5, "d": True}
