import pytest

from proxy.config.redact import redacted
from tests.config.loading import UPSTREAM, config, only

PROFILE = """
auth:
  person:
    type: oauth2
    grant: refresh_token
    token_url: http://127.0.0.1:9100/token
    client_id: web
    client_secret: made-up
    refresh_token: {{file: ./refresh-token}}
    on_session_expired: {0}
upstreams: {{api: {{url: http://127.0.0.1:9000, auth: person}}}}
state: {{dir: ./state}}
"""


def test_the_form_of_the_contract_is_taken() -> None:
    profile = config(PROFILE.format("{webhook: http://127.0.0.1:9200/expired}")).auth["person"]
    assert profile.type == "oauth2"
    assert profile.on_session_expired is not None
    assert profile.on_session_expired.webhook == "http://127.0.0.1:9200/expired"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{}", "a hook is a webhook or a command; write webhook: URL, or command: [program, argument]"),
        ("{webhook: http://a/, command: [b]}", "a hook is a webhook or a command"),
        ("{command: []}", "it is empty; write at least one entry"),
        ("{command: [a], secret: made-up}", "a command has nothing to sign; remove secret"),
        ("{webhook: http://a/, timeout: 0s}", "it is too small"),
        ("{webhook: http://a/, attempts: 0}", "the number is too small; write 1 or more"),
        ("{webhook: ftp://a/}", "on_error.webhook"),
        ("{webhook: http://a/, codes: [nothing]}", "not the code of an error that Outrider makes"),
    ],
)
def test_what_is_no_hook_is_an_error(text: str, message: str) -> None:
    assert message in only(UPSTREAM + f"hooks: {{on_error: {text}}}\n")


def test_nothing_secret_is_shown() -> None:
    loaded = config(
        UPSTREAM + "hooks: {on_refresh: {command: [tool, canary]}, on_error: {webhook: http://a/, secret: canary}}"
    )
    assert "canary" not in str(redacted(loaded)["hooks"]) + repr(loaded)
