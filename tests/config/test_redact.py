import json

from proxy.config.redact import redacted
from proxy.secret import REDACTED
from tests.config.loading import config

FILE = """
auth:
  key: {type: api_key, in: query, name: k, key: kanarie}
  found: {type: bearer, token: {file: ./token}}
limits: {idle_timeout: 90s, body: 1MiB}
upstreams:
  api: {url: http://x, auth: key, match: {prefix: /a}, headers: {set: {X-A: kanarie}}}
  other: {url: http://x, auth: found}
"""


def test_what_is_shown_has_the_names_of_the_file_and_the_forms_that_people_write() -> None:
    shown = redacted(config(FILE))
    assert shown["limits"]["idle_timeout"] == "1m30s"
    assert shown["limits"]["body"] == "1MiB"
    assert shown["auth"]["key"]["in"] == "query"
    assert "in_" not in shown["auth"]["key"]


def test_no_secret_is_shown_but_where_it_is_found_is() -> None:
    shown = redacted(config(FILE))
    assert "kanarie" not in json.dumps(shown)
    assert shown["auth"]["key"]["key"] == REDACTED
    assert shown["auth"]["found"]["token"]["file"] == "./token"
    assert shown["upstreams"]["api"]["headers"]["set"] == {"X-A": REDACTED}


def test_what_stands_in_a_query_is_not_shown_and_of_a_webhooks_address_only_where_it_leads() -> None:
    shown = redacted(
        config(
            "upstreams: {api: {url: http://x, auth: p}}\n"
            "auth: {p: {type: oauth2, grant: client_credentials, client_id: c, client_secret: s,"
            " token_url: 'https://h.example/token?key=kanarie', on_session_expired: {webhook: 'https://h.example/'}}}\n"
            "hooks: {on_error: {webhook: 'https://chat.example/hooks/kanarie'}}\n"
        )
    )
    assert "kanarie" not in json.dumps(shown)
    assert shown["auth"]["p"]["token_url"] == f"https://h.example/token?{REDACTED}"
    assert shown["hooks"]["on_error"]["webhook"] == f"https://chat.example:443/{REDACTED}"
