from collections.abc import Iterator
from typing import Any

import jsonschema
import pytest
import yaml

from proxy.config.model import Config
from proxy.config.schema import json_schema
from tests.config.loading import config
from tests.config.test_load import MINIMAL

SCHEMA = json_schema()
VALIDATOR = jsonschema.Draft202012Validator(SCHEMA)

LARGE = """
listen: ['127.0.0.1:8080', unix:/run/outrider/proxy.sock]
admin: {listen: 127.0.0.1:9901, token: {credential: admin}}
access:
  hosts: [localhost, 127.0.0.1]
  origins: ["https://app.example.com"]
  callers:
    job: {token: {exec: [cat, token], ttl: 5m}, upstreams: [api], methods: [GET], paths: [/orders/**]}
  uids: [0, 1000]
  overrides: [timeout, request_id, auth]
tracing: {endpoint: http://127.0.0.1:4318, service: sidecar, sample: 10%, headers: {X-Key: x}}
log: {level: info, format: auto}
interceptors:
  v2: {query: {set: {a: b}, rename: {c: d}}, json: {default: {e: [1, {f: g}]}}, max_content: 1MiB, timeout: 2s}
  other: {fields: {rename: {X-A: X-B}}, response: {default: {X-C: d}}}
hooks:
  on_error: {webhook: "https://ops.example.com/a?b=c", secret: {env: HOOK}, timeout: 5s, attempts: 3, every: 1m,
             codes: [circuit_open]}
  on_session_expired: {command: [./told.sh, now]}
  on_refresh: {webhook: "http://127.0.0.1:9200/"}
state: {dir: ./state}
limits: {connections: "${N:-2000}", in_flight: 1000, body: 5GiB, head: 16KiB, head_timeout: 10s, min_body_rate: 0}
auth:
  nothing: {type: none}
  token: {type: bearer, token: literal, origins: ["https://api.example.com"]}
  door: {type: basic, username: u, password: {credential: door}}
  key: {type: api_key, in: query, name: key, key: {env: API_KEY}}
  many: {type: headers, set: {X-A: "{{ a }}"}, secrets: {a: {file: ./a, insecure: true}}}
  rotated: {type: file, path: ./token, header: X-Token, scheme: ""}
  command: {type: exec, command: [tool, token], env: {REGION: eu}, timeout: 5s, ttl: 1h}
  machine:
    type: oauth2
    grant: client_credentials
    token_url: https://login.example.com/token?tenant=1
    client_id: machine
    client_secret: {env: MACHINE_SECRET}
    client_auth: client_secret_post
    scope: [read, write]
    resource: https://api.example.com
    parameters: {realm: staff}
    headers: {X-Tenant: one}
    prewarm: false
  person: {type: oauth2, grant: refresh_token, token_url: "https://login.example.com/", client_id: web,
           refresh_token: {file: ./refresh-token}, scope: openid, reuse_grace: 30s, timeout: 5s}
upstreams:
  api:
    url: https://api.example.com/v1
    match: {prefix: /api}
    keep_prefix: false
    auth: token
    headers: {set: {X-Team: payments}, remove: [X-Debug], response: {remove: [Server]}}
    forwarded: true
    interceptors: [v2]
    errors: {normalize: true, message: error.message, max_bytes: 1KiB, max_wait: 1s}
    timeout: {connect: 2s, first_byte: 20s, idle: 1m30s, total: 0}
    pool: {connections: 64, idle: 15s}
    tls: {verify: true, server_name: api.internal, min_version: "1.3"}
    routes:
      - {match: "GET,HEAD /orders/*", auth: none, timeout: {total: 3s}, headers: {remove: [X-B]}}
  user: {url: "http://127.0.0.1:9000", match: {host: user.localhost}}
"""


def objects(node: Any, path: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    """Every schema of an object with properties of its own."""
    if isinstance(node, dict):
        if isinstance(node.get("properties"), dict):
            yield path, node
        for key, value in node.items():
            yield from objects(value, f"{path}/{key}")
    elif isinstance(node, list):
        for value in node:
            yield from objects(value, path)


def test_the_schema_is_one_of_its_draft() -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    assert SCHEMA["$schema"] == "https://json-schema.org/draft/2020-12/schema"


@pytest.mark.parametrize("text", [MINIMAL, LARGE])
def test_right_files_pass(text: str) -> None:
    data = yaml.safe_load(text)
    assert [error.message for error in VALIDATOR.iter_errors(data)] == []


def test_the_loader_agrees_and_the_file_uses_every_section() -> None:
    assert config(LARGE).limits.connections == 2000
    assert set(yaml.safe_load(LARGE)) == set(SCHEMA["properties"])


API: dict[str, Any] = {"upstreams": {"api": {"url": "http://x"}}}


@pytest.mark.parametrize(
    "data",
    [
        {},
        {"upstreams": {}},
        {"upstreams": {"api": {}}},
        {"upstreams": {"api": {"url": "ftp://x"}}},
        {"upstreams": {"api": {"url": "http://x", "match": {"prefix": "/a/"}}}},
        {"upstreams": {"api": {"url": "http://x", "routes": [{"match": "get /"}]}}},
        {"upstreams": {"api": {"url": "http://x", "timeout": {"connect": 5}}}},
        {"upstreams": {"api": {"url": "http://x", "keep_prefix": "on"}}},
        {**API, "zebra": 1},
        {**API, "listen": 8080},
        {**API, "limits": {"connections": 0}},
        {**API, "limits": {"body": "many"}},
        {**API, "log": {"level": "loud"}},
        {**API, "admin": {"token": 5}},
        {**API, "admin": {"token": {"env": "A", "file": "b"}}},
        {**API, "admin": {"token": ""}},
        {**API, "access": None},
        {**API, "auth": {"p": {"type": "berer", "token": "x"}}},
        {**API, "auth": {"p": {"type": "bearer"}}},
        {**API, "auth": {"p": {"token": "x"}}},
        {**API, "auth": {"p": {"type": "api_key", "in": "body", "name": "a", "key": "b"}}},
    ],
)
def test_wrong_files_fail_in_the_schema_and_in_the_model(data: dict[str, Any]) -> None:
    assert not VALIDATOR.is_valid(data)
    with pytest.raises(ValueError, match="Config"):
        Config.model_validate(data)


@pytest.mark.parametrize(("path", "schema"), list(objects(SCHEMA)))
def test_every_option_is_described(path: str, schema: dict[str, Any]) -> None:
    undescribed = [name for name, option in schema["properties"].items() if len(option.get("description", "")) < 4]
    assert undescribed == []


@pytest.mark.parametrize(("path", "schema"), list(objects(SCHEMA)))
def test_no_section_takes_unknown_options(path: str, schema: dict[str, Any]) -> None:
    assert schema["additionalProperties"] is False


@pytest.mark.parametrize("option", ["connections", "body", "idle_timeout"])
def test_a_variable_passes_where_a_number_is_wanted(option: str) -> None:
    assert VALIDATOR.is_valid({**API, "limits": {option: "${V}"}})
    assert not VALIDATOR.is_valid({**API, "limits": {option: "V"}})


def test_an_option_is_left_out_rather_than_null() -> None:
    assert not VALIDATOR.is_valid({**API, "admin": {"token": None}})


def test_defaults_are_shown_as_people_write_them() -> None:
    limits = SCHEMA["$defs"]["Limits"]["properties"]
    assert (limits["body"]["default"], limits["idle_timeout"]["default"]) == ("5GiB", "1m15s")


def test_a_secret_is_text_or_one_of_its_objects() -> None:
    kinds = SCHEMA["$defs"]["BearerProfile"]["properties"]["token"]["oneOf"]
    names = [kind["$ref"].rpartition("/")[2] for kind in kinds]
    assert names == ["LiteralSecret", "EnvSecret", "FileSecret", "CredentialSecret", "ExecSecret"]
    assert SCHEMA["$defs"]["LiteralSecret"]["type"] == "string"
