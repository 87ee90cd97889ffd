import pytest

from proxy.config.auth_model import FileProfile
from tests.config.loading import load, only


def written(options: str) -> str:
    return (
        "upstreams: {a: {url: 'http://127.0.0.1:9000', auth: p}}\n"
        f"auth: {{p: {{type: file, path: ./t, unauthorized: {{{options}}}}}}}"
    )


def test_the_contracts_condition_is_accepted_word_for_word() -> None:
    options = '''status: [401, 403], body: "code == `401` || contains(message || '', 'token expired')"'''
    profile = load(written(options)).config.auth["p"]
    assert isinstance(profile, FileProfile)
    assert profile.unauthorized is not None
    assert profile.unauthorized.status == [401, 403]


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        ("body: 'code ='", "not a JMESPath expression"),
        ("body: 'nosuch(code) &&'", "not a JMESPath expression"),
        ("redirect: '('", "not a regular expression"),
        ("form: '[a'", "not a regular expression"),
        ("status: [1401]", "status"),
        ("status: []", "no answer means it"),
        ("cap: 1KiB", "cap bounds what body and form look at"),
    ],
)
def test_a_mistake_is_told_in_words(options: str, problem: str) -> None:
    assert problem in only(written(options))
