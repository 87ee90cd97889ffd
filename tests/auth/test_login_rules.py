import pytest

from proxy.auth.login_rules import LoginFailed, granted, shown
from proxy.auth.token_answer import Granted, Refused
from proxy.auth.token_endpoint import Lost
from proxy.secret import Secret


@pytest.mark.parametrize(
    ("text", "seen"),
    [
        ("Try again later.", "Try again later."),
        ("\x1b[2J\x07\r\nrm", "?[2J???rm"),
        ("naïve \u202e\x7f", "na?ve ??"),
        ("x" * 201, "x" * 200),
        ("", ""),
    ],
)
def test_a_servers_words_play_no_tricks_with_a_terminal(text: str, seen: str) -> None:
    assert shown(text) == seen


def test_what_was_granted_is_given_on() -> None:
    tokens = Granted(Secret("t"), None, 60.0)
    assert granted(tokens) is tokens


@pytest.mark.parametrize("outcome", [Refused("it says no"), Lost("it says no", sent=True)])
def test_any_other_outcome_is_no_login_and_says_why(outcome: Refused | Lost) -> None:
    with pytest.raises(LoginFailed) as failed:
        granted(outcome)
    assert failed.value.detail == "it says no"
