import base64
from collections.abc import Callable

import pytest

from proxy.config.load import load_text
from proxy.config.problem import ConfigInvalid
from proxy.config.state_key_model import key_bytes

FILE = "state: {{dir: ./state, key: {}}}\nupstreams: {{api: {{url: https://api.example.com}}}}\n"


def test_one_key_and_a_list_of_them_are_accepted() -> None:
    assert len(load_text(FILE.format("{file: ./key}"), "f", {}).config.state.key) == 1
    assert len(load_text(FILE.format("[{file: ./key}, {file: ./old}]"), "f", {}).config.state.key) == 2


def test_a_phrase_is_refused_with_how_to_make_a_key() -> None:
    with pytest.raises(ConfigInvalid) as caught:
        load_text(FILE.format("hunter2"), "f", {})
    assert "openssl rand -base64 32" in str(caught.value)


KEY = bytes(range(224, 256))


@pytest.mark.parametrize("encode", [base64.b64encode, base64.urlsafe_b64encode])
def test_a_key_is_read_in_either_alphabet(encode: Callable[[bytes], bytes]) -> None:
    assert key_bytes(encode(KEY).decode()) == KEY


@pytest.mark.parametrize(
    "text",
    [
        "",
        "hunter2",
        "correct horse battery staple",
        base64.b64encode(KEY[:31]).decode(),
        base64.b64encode(b"a" * 32).decode(),
        "ä" * 44,
    ],
)
def test_what_a_person_would_remember_is_no_key(text: str) -> None:
    assert key_bytes(text) is None
