import pytest

from tests.config.loading import load, said

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


AWS = """
auth:
  p: {{type: aws_sigv4, region: eu-central-1, access_key_id: AKIDEXAMPLE, secret_access_key: s, {more}}}
upstreams: {{api: {{url: "{url}", auth: p}}}}
"""


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ("service: S3 bucket", "not a service's name"),
        ("service: dynamodb, payload: unsigned", "only S3 takes unsigned content"),
        ("service: execute-api, payload: streaming", "only S3 takes streaming content"),
    ],
)
def test_what_aws_would_refuse_is_told(more: str, words: str) -> None:
    (problem,) = said(AWS.format(more=more, url="https://x.amazonaws.com"))
    assert words in problem


def test_a_secret_key_in_the_place_of_its_id_is_told_without_it() -> None:
    text = AWS.format(more="service: s3", url="https://x.amazonaws.com").replace("AKIDEXAMPLE", "canary/secret")
    (problem,) = said(text)
    assert "not the id of an access key" in problem
    assert "canary" not in problem


@pytest.mark.parametrize(
    ("payload", "url", "warned"),
    [
        ("unsigned", "http://storage.example", True),
        ("unsigned", "https://storage.example", False),
        ("unsigned", "http://127.0.0.1:9000", False),
        ("signed", "http://storage.example", False),
        ("streaming", "http://storage.example", False),
    ],
)
def test_content_that_nothing_protects_is_warned_about(payload: str, url: str, warned: bool) -> None:
    loaded = load(AWS.format(more=f"service: s3, payload: {payload}", url=url))
    assert ["signs no content" in str(warning) for warning in loaded.warnings] == [True] * warned
