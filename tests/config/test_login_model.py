import pytest

from tests.config.loading import only, said

STEP = "{request: {path: /login}}"


def written(options: str) -> str:
    return f"upstreams: {{a: {{url: 'http://127.0.0.1:9000', auth: p}}}}\nauth: {{p: {{type: login, {options}}}}}"


@pytest.mark.parametrize(
    "options",
    [
        f"steps: [{STEP}]",
        f"steps: [{STEP}], response: {{field: X-Token}}, ttl: 1h",
        "steps: [{request: {path: /a}, take: {t: {cookie: c}}}, {request: {path: /b, query: {t: '{{ t }}'}}}]",
    ],
)
def test_a_login_is_accepted(options: str) -> None:
    assert said(written(options)) == []


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        ("steps: []", "it is empty"),
        (f"steps: [{STEP}], cookies: [a], response: {{}}", "a token or cookies"),
        (f"steps: [{STEP}], cookies: ['a b']", "not a cookie name"),
        (f"steps: [{STEP}], response: {{field: X-A, access_token: a}}", "the token stands in one place"),
        (f"steps: [{STEP}], response: {{refresh_token: a}}", "no refresh token"),
        ("steps: [{request: {path: /a}, take: {t: {}}}]", "from one place"),
        ("steps: [{request: {path: /a}, take: {t: {input: a, json: b}}}]", "from one place"),
        ("steps: [{request: {path: /a}, take: {t: {input: a}}}]", "nothing comes after the last step"),
        (
            f"secrets: {{t: x}}, steps: [{{request: {{path: /a}}, take: {{t: {{input: a}}}}}}, {STEP}]",
            "two values of the login have one name",
        ),
        ("steps: [{request: {path: /a, form: {p: '{{ password }}'}}}]", "unknown name `password`"),
        (
            f"steps: [{{request: {{path: /a, form: {{t: '{{{{ t }}}}'}}}}, take: {{t: {{input: a}}}}}}, {STEP}]",
            "unknown name",
        ),
    ],
)
def test_a_mistake_is_told_in_words(options: str, problem: str) -> None:
    assert problem in only(written(options))
