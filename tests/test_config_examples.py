"""Every file under config/ is one that the loader accepts, and together they show every kind of profile."""

import re
from pathlib import Path
from typing import get_args

import pytest

from proxy.config.auth_model import AuthProfile
from proxy.config.load import load_text

FOLDER = Path(__file__).resolve().parent.parent / "config"
EXAMPLES = sorted(FOLDER.glob("*.yaml"))


def environment(text: str) -> dict[str, str]:
    """A value for every variable that the file names as a secret's place."""
    return dict.fromkeys(re.findall(r"env: ([A-Z_]+)", text), "made-up")


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.name)
def test_an_example_is_accepted(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    loaded = load_text(text, path.name, environment(text), path.parent)
    assert loaded.config.upstreams


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.name)
def test_an_example_says_what_it_is_for(path: Path) -> None:
    assert re.match(r"# \S.{30,}", path.read_text(encoding="utf-8"))


def test_every_type_of_profile_has_an_example() -> None:
    models = get_args(get_args(AuthProfile)[0])
    types = {value for model in models for value in get_args(model.model_fields["type"].annotation)}
    shown = {found for path in EXAMPLES for found in re.findall(r"type: (\w+)", path.read_text(encoding="utf-8"))}
    assert types - shown - {"none"} == set()
    assert (FOLDER / "none.yaml").exists()
