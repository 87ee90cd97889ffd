import pytest

from proxy.cli.explain import NotAsked, explain
from tests.config.loading import UPSTREAM, config

FILE = """
auth:
  bearer: {type: bearer, token: kanarie}
  query: {type: api_key, in: query, name: key, key: kanarie}
  fields: {type: headers, set: {X-A: "{{ a }}"}, secrets: {a: kanarie}}
  file: {type: file, path: ./t, header: X-Token}
upstreams:
  api:
    url: https://api.example.com/v1
    match: {prefix: /api}
    auth: bearer
    headers: {set: {X-Team: kanarie}, remove: [X-Debug], response: {remove: [Server]}}
    tls: {server_name: inner.example.com}
    routes:
      - {match: "GET /search", auth: query, timeout: {total: 3s}, headers: {}}
      - {match: "POST /orders/*", auth: none}
  user: {url: "http://127.0.0.1:9000", match: {host: user.localhost}, auth: fields}
  whole: {url: "http://127.0.0.1:9001/base", match: {prefix: /whole}, keep_prefix: true, auth: file}
"""


def told(method: str, url: str, text: str = FILE) -> dict[str, str]:
    """The lines by their label."""
    lines = explain(config(text), method, url).lines
    assert all("kanarie" not in line for line in lines)
    return {label: rest.strip() for label, _, rest in (line.partition(":") for line in lines)}


def test_a_request_meets_the_policies_of_its_upstream() -> None:
    assert told("GET", "http://localhost:8080/api/a?c=1&d#e") == {
        "request": "GET /api/a?c=1&d, Host: localhost:8080",
        "upstream": "api, met by prefix /api (stripped)",
        "route": "none of its own: the upstream's policies hold",
        "profile": "bearer (bearer): field Authorization",
        "goes to": "GET https://api.example.com/v1/a?c=1&d",
        "tls": "verified, 1.2 or newer, as inner.example.com",
        "limits": "connect 5s, first byte 30s, idle 1m, total none",
        "retry": "3 attempts, waits up to 250ms, doubling to 10s; GET is repeated after any failure that may pass",
        "quota": "held while the upstream says that its own is used up, for up to 5s",
        "request sets": "X-Team",
        "request removes": "X-Debug",
        "response removes": "Server",
    }


def test_a_route_overrides_them() -> None:
    lines = told("GET", "/api/search")
    assert lines["route"] == "GET /search"
    assert lines["profile"] == "query (api_key): query parameter key"
    assert lines["limits"].endswith("total 3s")
    assert "request sets" not in lines


def test_a_route_without_a_credential_says_so() -> None:
    assert told("POST", "/api/orders/7")["profile"].startswith("none: no credential")


def test_a_host_and_a_kept_prefix_are_told() -> None:
    assert told("GET", "http://user.localhost:8080/x")["upstream"] == "user, met by host user.localhost"
    assert told("GET", "http://user.localhost:8080/x")["profile"] == "fields (headers): fields X-A"
    assert told("GET", "/whole/x")["upstream"] == "whole, met by prefix /whole (sent on)"
    assert told("GET", "/whole/x")["goes to"] == "GET http://127.0.0.1:9001/base/whole/x"
    assert told("GET", "/whole/x")["profile"] == "file (file): field X-Token"


@pytest.mark.parametrize(
    ("method", "url", "refusal"),
    [
        ("GET", "http://evil.example/api", "421 host_not_allowed"),
        ("GET", "http://localhost:8081/api", "421 host_not_allowed"),
        ("GET", "/nowhere", "404 route_not_found"),
        ("GET", "/api/../x", "400 bad_request"),
        ("GET", "/api/a%2Fb", "400 bad_request"),
        ("TRACE", "/api", "400 bad_request"),
        ("CONNECT", "/api", "400 bad_request"),
    ],
)
def test_what_would_be_refused_is_told_with_its_code(method: str, url: str, refusal: str) -> None:
    assert told(method, url)["refused"].startswith(refusal)
    assert explain(config(FILE), method, url).refused


@pytest.mark.parametrize(
    ("method", "url"),
    [
        ("G T", "/"),
        ("é", "/"),
        ("GET", "https://localhost"),
        ("GET", "x"),
        ("GET", ""),
        ("GET", "http://u@h/"),
        ("GET", "/a b"),
        ("GET", "http://[::1"),
        ("GET", "/é"),
    ],
)
def test_what_no_caller_can_send_is_not_asked(method: str, url: str) -> None:
    with pytest.raises(NotAsked):
        explain(config(FILE), method, url)


CALLERS = """
access: {callers: {reader: {token: kanarie, methods: [GET]}, other: {token: kanarie2, upstreams: [b]}}}
upstreams: {a: {url: http://x, match: {prefix: /a}}, b: {url: http://x, match: {prefix: /b}}}
"""


def test_the_callers_that_may_ask_are_named() -> None:
    assert told("GET", "/a", CALLERS)["callers"].startswith("reader, each with its token")
    assert told("GET", "/b", CALLERS)["callers"].startswith("reader, other, each")
    lines = told("POST", "/a", CALLERS)
    assert lines["callers"] == "none may ask this"
    assert lines["refused"].startswith("401 caller_not_allowed")


@pytest.mark.parametrize(
    ("listen", "host"),
    [("'[::1]:80'", "[::1]:80"), ("unix:/s", "localhost"), ("[unix:/s, '127.0.0.1:81']", "127.0.0.1:81")],
)
def test_a_path_alone_is_asked_at_the_daemons_own_address(listen: str, host: str) -> None:
    lines = told("GET", "/x", f"listen: {listen}\nupstreams: {{a: {{url: http://x}}}}")
    assert lines["request"] == f"GET /x, Host: {host}"
    assert lines["goes to"] == "GET http://x/x"
    assert lines["upstream"] == "a, met by whatever no other upstream takes"


def test_a_session_is_told_by_its_grant() -> None:
    text = """
auth:
  p: {type: oauth2, grant: client_credentials, token_url: "https://l.example/t", client_id: c, client_secret: kanarie}
upstreams: {api: {url: "https://api.example.com", auth: p}}
"""
    profile = told("GET", "/a", text)["profile"]
    assert profile.startswith("p (oauth2): field Authorization, by client_credentials; renewed early")


def test_who_hears_of_errors_is_told() -> None:
    told = explain(config(UPSTREAM + "hooks: {on_error: {webhook: http://a/, every: 1m}}"), "GET", "/")
    (line,) = [line for line in told.lines if line.startswith("hooks:")]
    assert line.endswith("told to a webhook, at most every 1m")
    assert not [line for line in explain(config(UPSTREAM), "GET", "/").lines if line.startswith("hooks:")]
