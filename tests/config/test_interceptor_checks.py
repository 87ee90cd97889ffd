from pathlib import Path

import pytest

from tests.config.loading import load, only, said

START = "interceptors:\n  one: {query: {remove: [a]}}\n  two: {query: {remove: [b]}}\n"


def upstream(names: str, route: str = "[one]") -> str:
    return (
        START
        + f"upstreams: {{api: {{url: http://127.0.0.1:9000, interceptors: {names}, "
        + f'routes: [{{match: "GET /", interceptors: {route}}}]}}}}\n'
    )


def test_names_that_exist_are_taken_in_the_order_of_the_list() -> None:
    loaded = load(upstream("[two, one]", "[]"))
    api = loaded.config.upstreams["api"]
    assert (api.interceptors, api.routes[0].interceptors, loaded.warnings) == (["two", "one"], [], [])


def test_a_name_that_does_not_exist_is_an_error_with_a_guess() -> None:
    assert only(upstream("[two, onne]")).endswith('there is no interceptor "onne"; did you mean one?')
    assert "there is no interceptor" in only(upstream("[one, two]", "[three]"))


def test_a_name_stands_once_in_a_list() -> None:
    assert only(upstream("[one, two, one]")).endswith('the interceptor "one" stands here twice; keep one of them')


def test_one_that_nobody_names_is_warned_about() -> None:
    (warning,) = load(upstream("[one]")).warnings
    assert warning.line == 3
    assert warning.message == 'no upstream and no route uses the interceptor "two"'


CLASS = """interceptors:
  mine:
    class: mine:Mine
    options:
      limit: {0}
upstreams: {{api: {{url: http://127.0.0.1:9000, interceptors: [mine]}}}}
"""
SOURCE = """
from dataclasses import dataclass
@dataclass
class Mine:
    limit: int
    def on_request(self, request): ...
"""


def test_options_are_judged_by_the_class_beside_the_file(tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(SOURCE)
    assert said(CLASS.format(3), base=tmp_path) == []
    assert only(CLASS.format("many"), base=tmp_path).startswith(
        "5:14: interceptors.mine: options.limit: input should be"
    )


def test_a_class_that_is_not_there_is_an_error_with_its_line(tmp_path: Path) -> None:
    line = only(CLASS.format(3), base=tmp_path)
    assert line.startswith('3:12: interceptors.mine: no module "mine" is installed, and no mine.py beside this file')


@pytest.mark.parametrize("wrong", ["[a]", "{a: b}", "3"])
def test_a_file_whose_parts_are_wrong_is_judged_as_far_as_it_goes(wrong: str) -> None:
    assert said(f"interceptors: {wrong}\nupstreams: {{api: {{url: http://127.0.0.1:9000, interceptors: {wrong}}}}}\n")
