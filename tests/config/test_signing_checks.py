import pytest

from tests.config.loading import said

HMAC = """
auth:
  p: {{type: hmac, key: k, sign: "{sign}", set: {{X-S: "{field}"}}, secrets: {{id: made-up}}}}
upstreams: {{api: {{url: https://api.example.com, auth: p}}}}
"""


def found(sign: str = "{{ method }}", field: str = "{{ signature }}") -> list[str]:
    return said(HMAC.format(sign=sign, field=field))


def test_templates_that_name_what_there_is_are_accepted() -> None:
    assert found("{{ header.X-A }}{{ secret.id }}{{ content }}", "a={{ signature | base64 }} t={{ timestamp }}") == []


@pytest.mark.parametrize(
    ("sign", "field", "words"),
    [
        ("{{ metod }}", "{{ signature }}", "unknown name `metod`; did you mean `method`?"),
        ("{{ method", "{{ signature }}", "`{{` without `}}`"),
        ("{{ secret.no }}", "{{ signature }}", "unknown name `secret.no`"),
        ("fixed", "{{ signature }}", "names nothing of the request"),
        ("{{ secret.id }}", "{{ signature }}", "names nothing of the request"),
        ("{{ method }}{{ signature }}", "{{ signature }}", "unknown name `signature`"),
        ("{{ method }}", "{{ content }}{{ signature }}", "unknown name `content`"),
        ("{{ method }}", "{{ header. }}{{ signature }}", "unknown name `header.`"),
        ("{{ method }}", "{{ timestamp }}", "no field carries the signature"),
    ],
)
def test_a_template_that_cannot_be_meant_is_told_where_it_stands(sign: str, field: str, words: str) -> None:
    (problem,) = found(sign, field)
    assert words in problem
    assert problem.startswith("3:")


def test_a_literal_key_is_of_its_encoding() -> None:
    (problem,) = said(
        HMAC.format(sign="{{ path }}", field="{{ signature }}").replace("key:", "key_encoding: hex, key:")
    )
    assert "the key is not hex" in problem
