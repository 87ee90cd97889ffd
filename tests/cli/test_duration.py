from argparse import ArgumentTypeError

import pytest

from proxy.cli.duration import duration


@pytest.mark.parametrize(("text", "seconds"), [("0s", 0.0), ("250ms", 0.25), ("1m30s", 90.0)])
def test_a_duration_is_written_as_in_the_file(text: str, seconds: float) -> None:
    assert duration(text) == seconds


@pytest.mark.parametrize("text", ["", "0", "30", "soon", "-5s", "5 minutes"])
def test_anything_else_is_refused_with_what_was_written(text: str) -> None:
    with pytest.raises(ArgumentTypeError, match=f"^{text}: "):
        duration(text)
