"""The layout of the tables."""

from tests.benchmark.figures import CPU, GROWTH
from tests.benchmark.table import absolute_table, ratio_table

TITLES = {"go": "Go", "usual": "usual", "caddy": "Caddy"}


def test_every_contestant_has_a_line_with_its_figures() -> None:
    lines = absolute_table(TITLES, {"go": {CPU: 61.26}, "usual": {CPU: 150.0}}, {}).splitlines()
    assert [line.split()[:2] for line in lines[2:]] == [["Go", "61.3"], ["usual", "150.0"]]


def test_what_was_not_measured_is_a_dash() -> None:
    assert absolute_table(TITLES, {"go": {}}, {}).splitlines()[-1].split() == ["Go", *"-" * 9]


def test_a_remark_stands_in_place_of_figures() -> None:
    assert absolute_table(TITLES, {"go": {}}, {"caddy": "not installed"}).endswith("\nCaddy: not installed")


def test_all_lines_of_the_figures_are_equally_long() -> None:
    summary = {CPU: 1.0, GROWTH: 1000.0}
    assert len({len(line) for line in absolute_table(TITLES, {"go": summary, "usual": summary}, {}).splitlines()}) == 1


def test_a_ratio_is_the_figure_divided_by_the_rival_s() -> None:
    lines = ratio_table(TITLES, {"go": {CPU: 60.0}, "usual": {CPU: 150.0}}, "go").splitlines()
    assert lines[0].startswith("÷ Go")
    assert lines[1].split()[:2] == ["usual", "2.50"]


def test_a_rival_that_did_not_grow_gives_no_ratio() -> None:
    table = ratio_table(TITLES, {"go": {GROWTH: 0.01}, "usual": {GROWTH: 5.0}}, "go")
    assert table.splitlines()[1].split() == ["usual", *"-" * 9]
