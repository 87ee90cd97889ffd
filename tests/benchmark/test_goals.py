"""Holding the goals against figures."""

import pytest

from tests.benchmark.figures import CPU, DOWNLOAD, GROWTH, Figure, Summary
from tests.benchmark.goals import Verdict, judge


def verdict(summaries: dict[str, Summary], figure: Figure, rival: str | None) -> Verdict:
    return next(one for one in judge(summaries) if one.goal.figure is figure and one.goal.rival == rival)


@pytest.mark.parametrize(("own", "missed"), [(54.0, False), (55.0, True)])
def test_cpu_is_held_against_nine_tenths_of_go(own: float, missed: bool) -> None:
    assert verdict({"outrider-on": {CPU: own}, "go": {CPU: 60.0}}, CPU, "go").missed is missed


@pytest.mark.parametrize(("own", "missed"), [(50.0, False), (51.0, True)])
def test_cpu_is_held_against_a_third_of_the_usual_proxy(own: float, missed: bool) -> None:
    assert verdict({"outrider-on": {CPU: own}, "usual": {CPU: 150.0}}, CPU, "usual").missed is missed


@pytest.mark.parametrize(("own", "missed"), [(800.0, False), (799.0, True)])
def test_a_speed_must_not_be_below_the_rival_s(own: float, missed: bool) -> None:
    summaries: dict[str, Summary] = {"outrider-on": {DOWNLOAD: own}, "usual": {DOWNLOAD: 800.0}}
    assert verdict(summaries, DOWNLOAD, "usual").missed is missed


@pytest.mark.parametrize(("own", "missed"), [(16.0, False), (16.5, True)])
def test_growth_is_held_against_a_fixed_limit(own: float, missed: bool) -> None:
    assert verdict({"outrider-on": {GROWTH: own}}, GROWTH, None).missed is missed


def test_a_goal_without_its_rival_is_not_judged() -> None:
    judged = verdict({"outrider-on": {CPU: 1000.0}}, CPU, "go")
    assert not judged.missed
    assert judged.text() == "not judged  CPU ≤ 0.9 × go"


def test_a_missed_goal_is_named_with_what_was_reached() -> None:
    assert verdict({"outrider-on": {GROWTH: 20.0}}, GROWTH, None).text() == "MISSED  growth ≤ 16 MiB: 20"
