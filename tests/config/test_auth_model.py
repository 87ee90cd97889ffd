import json

import pytest
from pydantic import TypeAdapter, ValidationError

from proxy.config.auth_model import (
    CredentialSecret,
    EnvSecret,
    ExecSecret,
    FileSecret,
    LiteralSecret,
    SecretRef,
)
from proxy.secret import Secret
from tests.config.loading import config

SECRETS: TypeAdapter[SecretRef] = TypeAdapter(SecretRef)


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("abc", LiteralSecret(literal=Secret("abc"))),
        ({"env": "A"}, EnvSecret(env="A")),
        ({"file": "./a"}, FileSecret(file="./a")),
        ({"file": "a", "insecure": True}, FileSecret(file="a", insecure=True)),
        ({"credential": "a.b"}, CredentialSecret(credential="a.b")),
        ({"exec": ["a", "b"]}, ExecSecret(exec=["a", "b"])),
    ],
)
def test_a_secret_is_text_or_where_it_is_found(written: object, read: object) -> None:
    assert SECRETS.validate_python(written) == read
    assert SECRETS.validate_python(read) == read


PROFILES = """
auth:
  bearer: {type: bearer, token: kanarie}
  basic: {type: basic, username: kanarie, password: kanarie}
  key: {type: api_key, in: header, name: X-Key, key: kanarie, prefix: "kanarie "}
  headers: {type: headers, set: {X-A: "kanarie {{ a }}"}, secrets: {a: kanarie}}
  exec: {type: exec, command: [tool, kanarie], env: {A: kanarie}}
  found: {type: bearer, token: {exec: [tool, kanarie]}}
admin: {token: kanarie}
access: {callers: {job: {token: kanarie}}}
upstreams: {api: {url: http://x, headers: {set: {X-A: kanarie}, response: {set: {X-B: kanarie}}}}}
"""


def test_nothing_that_may_be_secret_is_printed_or_dumped() -> None:
    loaded = config(PROFILES)
    for shown in (
        repr(loaded),
        str(loaded),
        str(loaded.model_dump()),
        loaded.model_dump_json(),
        json.dumps(repr(vars(loaded))),
    ):
        assert "kanarie" not in shown


def test_an_error_of_the_models_shows_no_input() -> None:
    with pytest.raises(ValidationError) as caught:
        SECRETS.validate_python(["kanarie"])
    with pytest.raises(ValidationError) as other:
        LiteralSecret.model_validate({"literal": "kanarie"})
    assert "kanarie" not in f"{other.value}"
    assert caught.value.error_count() == 1


@pytest.mark.parametrize("place", ["query", "cookie", "header"])
def test_the_name_of_a_key_fits_its_place(place: str) -> None:
    profile = f"{{type: api_key, in: {place}, name: X-Key, key: a}}"
    loaded = config(f"auth: {{p: {profile}}}\nupstreams: {{api: {{url: http://x, auth: p}}}}")
    assert loaded.auth["p"].model_dump(by_alias=True)["in"] == place


def test_a_query_parameter_may_have_any_printable_name() -> None:
    profile = '{type: api_key, in: query, name: "key[0]", key: a}'
    assert config(f"auth: {{p: {profile}}}\nupstreams: {{api: {{url: http://x, auth: p}}}}").auth
