import copy
import json
import logging
import pickle
import traceback

import pytest

from proxy.secret import REDACTED, Secret

_CANARY = "canary-5up3r"
_SECRET = Secret(_CANARY)


@pytest.mark.parametrize(
    "printed",
    [
        str(_SECRET),
        repr(_SECRET),
        f"{_SECRET}",
        f"{_SECRET!r:>40}",
        f"{_SECRET:>40}",
        "%s %r" % (_SECRET, _SECRET),  # noqa: UP031 - logging formats this way
        "{}".format(_SECRET),  # noqa: UP032 - some libraries format this way
        repr([_SECRET]),
        repr({"key": _SECRET}),
    ],
)
def test_a_secret_prints_redacted_however_it_is_formatted(printed: str) -> None:
    assert _CANARY not in printed
    assert REDACTED in printed


def test_a_secret_is_redacted_in_a_log_record_and_a_traceback(caplog: pytest.LogCaptureFixture) -> None:
    logging.getLogger("test").warning("it is %s", _SECRET)
    try:
        raise ValueError(_SECRET)
    except ValueError:
        trace = traceback.format_exc()
    assert _CANARY not in caplog.text + trace


def test_a_secret_has_no_dictionary_to_look_into() -> None:
    with pytest.raises(TypeError):
        vars(_SECRET)


@pytest.mark.parametrize("serialise", [pickle.dumps, copy.copy, copy.deepcopy, json.dumps])
def test_a_secret_is_not_serialised(serialise) -> None:
    with pytest.raises(TypeError) as refused:
        serialise(_SECRET)
    assert _CANARY not in str(refused.value)


def test_reveal_is_the_way_out() -> None:
    assert _SECRET.reveal() == _CANARY


def test_a_candidate_matches_as_a_whole_or_not_at_all() -> None:
    assert Secret("s€cret").matches("s€cret".encode())
    for candidate in (b"", b"s", "s€cret ".encode(), "S€cret".encode()):
        assert not Secret("s€cret").matches(candidate)


def test_secrets_are_equal_by_value_and_to_nothing_else() -> None:
    assert Secret("a") == Secret("a")
    assert Secret("a") != Secret("b")
    assert Secret("a") != "a"
    assert len({Secret("a"), Secret("a"), Secret("b")}) == 2


def test_an_empty_secret_is_false() -> None:
    assert not Secret("")
    assert Secret(" ")
