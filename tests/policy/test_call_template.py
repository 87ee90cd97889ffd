import json
from typing import Any

import pytest

from proxy.config.call_model import CallOptions
from proxy.message.call import Call
from proxy.policy.call_template import CallTemplate, call_problem

ODD = 'a"b\\c\n{{ x }} &=é'


def filled(values: dict[str, str], **options: Any) -> Call:
    return CallTemplate(CallOptions.model_validate({"path": "/r", **options}), "https://api.example/r").call(values)


def test_json_values_keep_their_types_and_texts_are_filled_in() -> None:
    content = {"from_source": 1, "ratio": 1.5, "yes": True, "list": [1, "{{ t }}"], "inner": {"token": "x-{{ t }}"}}
    call = filled({"t": "tok"}, json=content)
    assert json.loads(call.content) == {**content, "list": [1, "tok"], "inner": {"token": "x-tok"}}
    assert ("Content-Type", "application/json") in call.fields


def test_a_value_is_one_json_text_whatever_it_holds() -> None:
    assert json.loads(filled({"t": ODD}, json={"token": "{{ t }}"}).content) == {"token": ODD}


def test_a_value_is_one_parameter_of_a_form_and_of_a_query() -> None:
    call = filled({"t": "a&b=c d"}, form={"token": "{{ t }}", "n": 7}, query={"q": "{{ t }}", "yes": True})
    assert call.content == b"token=a%26b%3Dc+d&n=7"
    assert call.url == "https://api.example/r?q=a%26b%3Dc+d&yes=true"


def test_a_query_of_the_url_is_kept() -> None:
    options = CallOptions.model_validate({"url": "https://api.example/r?v=1", "query": {"q": "x"}})
    assert CallTemplate(options, "https://api.example/r?v=1").call({}).url == "https://api.example/r?v=1&q=x"


def test_configured_fields_stand_in_the_place_of_ours() -> None:
    call = filled({"t": "tok"}, headers={"accept": "text/plain", "Content-Type": "application/vnd.x+json"}, json={})
    assert [value for name, value in call.fields if name.lower() == "accept"] == ["text/plain"]
    assert [value for name, value in call.fields if name.lower() == "content-type"] == ["application/vnd.x+json"]


def test_the_names_that_are_used_are_known() -> None:
    options = CallOptions.model_validate(
        {"path": "/r", "query": {"a": "{{ one }}"}, "headers": {"B": "{{ two | base64 }}"}, "json": ["{{ env.THREE }}"]}
    )
    assert CallTemplate(options, "").names == {"one", "two", "env.THREE"}


@pytest.mark.parametrize(
    ("json_", "found"),
    [
        ({"a": ["{{ acces_token }}"]}, (("json", "a", 0), "unknown name `acces_token`; did you mean `access_token`?")),
        ({"a": "{{ access_token"}, (("json", "a"), "`{{` without `}}`")),
        ({"a": "{{ access_token }} {{ env.HOME }}"}, None),
        ({"a": "{{ env. }}"}, (("json", "a"), "unknown name `env.`; there is `access_token`")),
    ],
)
def test_a_template_that_cannot_be_filled_in_is_found(json_: Any, found: object) -> None:
    options = CallOptions.model_validate({"path": "/r", "json": json_})
    assert call_problem(options, frozenset({"access_token"})) == found
