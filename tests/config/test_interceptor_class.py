import os
import sys
from pathlib import Path
from typing import Any

import pytest

from proxy.config.interceptor_class import Flaw, Unusable, make

SOURCE = """
from __future__ import annotations
from dataclasses import dataclass, field
from pydantic import BaseModel, Field

@dataclass
class Plain:
    limit: int
    names: list[str] = field(default_factory=list)
    def on_request(self, request): ...

@dataclass
class Picky:
    word: str
    def __post_init__(self):
        if self.word == "bad":
            raise ValueError("Not this word.")
    def on_error(self, request, error): ...

class Model(BaseModel):
    share: float = Field(ge=0, le=1)
    def on_response(self, request, response): ...

class NoOptions:
    def on_request(self, request): ...

class Wanting:
    def __init__(self, thing): ...
    def on_request(self, request): ...

class Nothing: ...

thing = 3
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "mine.py").write_text(SOURCE)
    return tmp_path


def flaw(path: str, options: dict[str, Any], base: Path) -> Flaw:
    with pytest.raises(Unusable) as unusable:
        make(path, options, base)
    (found,) = unusable.value.flaws
    return found


def test_a_dataclass_is_made_with_its_options(folder: Path) -> None:
    made: Any = make("mine:Plain", {"limit": 3, "names": ["a"]}, folder)
    assert (made.limit, made.names) == (3, ["a"])


def test_a_model_is_made_with_its_options(folder: Path) -> None:
    made: Any = make("mine:Model", {"share": 0.5}, folder)
    assert made.share == 0.5


def test_a_class_without_options_is_just_made(folder: Path) -> None:
    assert type(make("mine:NoOptions", {}, folder)).__name__ == "NoOptions"


def test_a_module_that_is_installed_is_found_and_no_file_takes_its_place(folder: Path) -> None:
    (folder / "json.py").write_text("class Evil:\n def on_request(self, request): ...\n")
    found = flaw("json:Evil", {}, folder)
    assert found.message == 'there is no class "Evil" in "json"'
    assert "is what was found" in found.hint


def test_the_folder_is_not_put_where_others_look(folder: Path) -> None:
    before = list(sys.path)
    make("mine:NoOptions", {}, folder)
    assert sys.path == before
    assert "mine" not in sys.modules
    assert list(folder.iterdir()) == [folder / "mine.py"]


def test_a_file_that_has_changed_is_read_again(folder: Path) -> None:
    first = type(make("mine:NoOptions", {}, folder))
    assert type(make("mine:NoOptions", {}, folder)) is first
    (folder / "mine.py").write_text(SOURCE + "\n# changed\n")
    assert type(make("mine:NoOptions", {}, folder)) is not first


@pytest.mark.parametrize(
    ("path", "options", "where", "message"),
    [
        ("mine:Plane", {}, ("class",), 'there is no class "Plane" in "mine"'),
        ("mine:thing", {}, ("class",), 'there is no class "thing" in "mine"'),
        ("mine:Nothing", {}, ("class",), '"Nothing" has none of on_request, on_response or on_error'),
        ("mine:Wanting", {}, ("class",), '"Wanting" cannot be made: TypeError'),
        ("gone:A", {}, ("class",), 'no module "gone" is installed, and no gone.py beside this file'),
        ("gone.inner:A", {}, ("class",), 'no module "gone.inner" is installed'),
        ("mine:NoOptions", {"a": 1}, ("options",), '"NoOptions" takes no options'),
        ("mine:Plain", {}, ("options",), 'the option "limit" of the class is missing'),
        ("mine:Plain", {"limit": 1, "name": []}, ("options", "name"), 'the class has no option "name"'),
        ("mine:Plain", {"limit": "x"}, ("options", "limit"), "options.limit: input should be a valid integer"),
        ("mine:Plain", {"limit": 1, "names": [1.5]}, ("options", "names", 0), "options.names.0: input should be"),
        ("mine:Picky", {"word": "bad"}, ("options",), "options: not this word."),
        ("mine:Model", {"share": 2}, ("options", "share"), "options.share: input should be less than or equal to 1"),
    ],
)
def test_what_is_wrong_is_told_with_its_place(
    path: str, options: dict[str, Any], where: tuple[str | int, ...], message: str, folder: Path
) -> None:
    found = flaw(path, options, folder)
    assert found.path == where
    assert found.message.startswith(message)
    assert found.hint


def test_a_number_where_text_is_wanted_is_text(folder: Path) -> None:
    made: Any = make("mine:Picky", {"word": 12345}, folder)
    assert made.word == "12345"


@pytest.mark.parametrize(
    ("source", "told"),
    [
        ("def (", "SyntaxError in line 1"),
        ("import not_there_at_all", "ModuleNotFoundError: No module named 'not_there_at_all'"),
        ("\nraise KeyError('secret')", "KeyError in line 2 of broken.py"),
        ("exit(3)", "SystemExit"),
    ],
)
def test_a_module_that_cannot_be_imported_says_where(source: str, told: str, tmp_path: Path) -> None:
    (tmp_path / "broken.py").write_text(source)
    message = flaw("broken:A", {}, tmp_path).message
    assert message.startswith(f'the module "broken" cannot be imported: {told}')
    assert "secret" not in message
    assert not [name for name in sys.modules if name.endswith("_broken")]


def test_a_file_that_others_can_write_is_not_run(folder: Path) -> None:
    (folder / "mine.py").chmod(0o646)
    assert flaw("mine:NoOptions", {}, folder).message == "mine.py can be written by others"


def test_a_file_of_somebody_else_is_not_run_unless_it_is_roots(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    owner = (folder / "mine.py").stat().st_uid
    monkeypatch.setattr(os, "geteuid", lambda: owner + 1)
    if owner == 0:
        assert make("mine:NoOptions", {}, folder)
    else:
        assert flaw("mine:NoOptions", {}, folder).message == "mine.py can be written by others"


def test_types_that_no_file_can_give_are_told(tmp_path: Path) -> None:
    source = "from dataclasses import dataclass\nclass Client: ...\n@dataclass\nclass A:\n  client: Client\n"
    (tmp_path / "typed.py").write_text(source + "  def on_request(self, request): ...\n")
    assert "have types that no file can give" in flaw("typed:A", {}, tmp_path).message
