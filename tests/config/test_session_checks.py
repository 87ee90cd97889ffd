import pytest

from proxy.config.load import load_text
from proxy.config.problem import ConfigInvalid

PROFILE = """
auth:
  p:
    type: oauth2
    grant: {grant}
    token_url: {url}
    client_id: c
    client_secret: {{env: SECRET}}
    {more}
upstreams: {{api: {{url: "http://127.0.0.1:1", auth: p}}}}
"""


def warnings(grant: str = "client_credentials", url: str = "https://login.example/token", head: str = "") -> list[str]:
    more = "refresh_token: {env: TOKEN}" if grant == "refresh_token" else ""
    text = head + PROFILE.format(grant=grant, url=url, more=more)
    return [str(warning) for warning in load_text(text, "f.yaml", {"SECRET": "s", "TOKEN": "t"}).warnings]


def test_a_rotated_refresh_token_without_a_folder_is_warned_about() -> None:
    (warning,) = warnings("refresh_token")
    assert warning.startswith("f.yaml:3:3: warning: ")
    assert "lost at a restart" in warning


def test_with_a_folder_it_is_not() -> None:
    assert warnings("refresh_token", head="state: {dir: ./state}\n") == []


def test_a_client_loses_nothing() -> None:
    assert warnings() == []


def test_secrets_in_the_clear_are_warned_about() -> None:
    (warning,) = warnings(url="http://login.example/token")
    assert "in the clear" in warning


def test_on_this_machine_they_are_not() -> None:
    for host in ("127.0.0.1:9100", "localhost", "[::1]:80", "login.localhost"):
        assert warnings(url=f'"http://{host}/token"') == []


@pytest.mark.parametrize(
    ("profile", "warned"),
    [
        ("type: bearer, token: t", True),
        ("type: bearer, token: {env: HOME}", True),
        ("type: bearer, token: {exec: [a]}", False),
        ("type: basic, username: u, password: {file: ./p}", False),
        ("type: headers, set: {A: '{{ s }}'}, secrets: {s: t}", True),
        ("type: file, path: ./t", False),
    ],
)
def test_signs_of_a_refusal_are_warned_about_where_the_secret_never_changes(profile: str, warned: bool) -> None:
    text = (
        "upstreams: {a: {url: 'http://127.0.0.1:9000', auth: p}}\n"
        f"auth: {{p: {{{profile}, unauthorized: {{status: [403]}}}}}}"
    )
    assert (
        any("never changes" in str(problem) for problem in load_text(text, "f.yaml", {"HOME": "h"}).warnings) is warned
    )


def test_a_key_without_a_folder_is_an_error() -> None:
    with pytest.raises(ConfigInvalid, match="nothing is kept that it could encrypt"):
        warnings(head="state: {key: {file: ./key}}\n")
