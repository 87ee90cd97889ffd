import pytest

from tests.config.loading import load, only, said


def written(request: str, more: str = "", upstreams: str = "a: {url: 'http://127.0.0.1:9000/v1', auth: p}") -> str:
    return (
        f"upstreams: {{{upstreams}}}\n"
        f"auth: {{p: {{type: refresh_endpoint, initial_token: t, request: {{{request}}}{more}}}}}"
    )


def test_numbers_in_json_stay_numbers_from_the_environment_too() -> None:
    config = load(written("path: /r, json: {a: 1, b: '${NONE:-7}', c: '7'}")).config
    assert config.auth["p"].model_dump(by_alias=True)["request"]["json"] == "[redacted]"


@pytest.mark.parametrize(
    ("request_", "more", "problem"),
    [
        ("method: POST", "", "a call goes to one place"),
        ("path: /r, url: 'https://a.example/'", "", "a call goes to one place"),
        ("path: r", "", "not a path on the upstream"),
        ("path: /r, json: {}, form: {}", "", "a call has one content"),
        ("path: /r, method: GET, json: {}", "", "a GET has no content"),
        ("path: /r, method: HEAD", "", "no content to read a token from"),
        ("path: /r", ", response: {access_token: 'a.'}", "not a JMESPath expression"),
        ("path: /r", ", response: {expires_in: a, expires_at: b}", "told twice"),
        ("path: /r", ", secrets: {access_token: x}", "give the secret another name"),
        ("path: /r, json: {t: '{{ acces_token }}'}", "", "did you mean `access_token`?"),
        ("path: /r, headers: {X: '{{ user }}'}", ", secrets: {users: x}", "did you mean `users`?"),
    ],
)
def test_a_mistake_is_told_in_words(request_: str, more: str, problem: str) -> None:
    assert problem in only(written(request_, more))


def test_a_template_is_wrong_at_its_place() -> None:
    text = "upstreams: {a: {url: 'http://127.0.0.1:9000', auth: p}}\nauth:\n  p:\n    type: refresh_endpoint\n"
    text += "    initial_token: t\n    request:\n      path: /r\n      json:\n        token: '{{ nobody }}'\n"
    assert only(text).startswith("9:16: ")


def test_without_a_token_to_begin_with_there_is_no_session() -> None:
    text = written("path: /r").replace("initial_token: t, ", "")
    assert "no token to begin with" in only(text)


def test_a_path_on_upstreams_at_different_places_is_an_error() -> None:
    upstreams = "a: {url: 'http://127.0.0.1:9000/v1', match: {prefix: /a}, auth: p}, b: {url: '%s', auth: p}"
    assert "used by upstreams at different places" in only(
        written("path: /r", "", upstreams % "http://127.0.0.1:9000/v2")
    )
    assert said(written("path: /r", "", upstreams % "http://127.0.0.1:9000/v1/")) == []
    assert said(written("url: 'http://127.0.0.1:1/r'", "", upstreams % "http://127.0.0.1:9000/v2")) == []


def test_tokens_in_the_clear_are_warned_about() -> None:
    (warning,) = load(written("url: 'http://api.example/r'")).warnings
    assert "in the clear" in str(warning)
