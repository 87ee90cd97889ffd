"""The goals: what Outrider must reach beside the others of the same run.

What must not live here: measuring, and goals that do not concern speed or memory.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from tests.benchmark import figures
from tests.benchmark.contestants import GO, OUTRIDER_ON, OUTRIDER_POLICIES, USUAL
from tests.benchmark.figures import Figure, Summary

__all__ = ["GOALS", "Goal", "Verdict", "judge"]


@dataclass(frozen=True, slots=True)
class Goal:
    """A limit on one figure of `of`: `factor` of the rival's value, or `factor` itself where there is no rival."""

    figure: Figure
    factor: float
    rival: str | None = None
    at_least: bool = False
    of: str = OUTRIDER_ON

    def text(self) -> str:
        sign = "≥" if self.at_least else "≤"
        against = self.figure.unit if self.rival is None else f"× {self.rival}"
        whose = "" if self.of == OUTRIDER_ON else f" of {self.of}"
        return f"{self.figure.heading}{whose} {sign} {self.factor:.3g} {against}"


@dataclass(frozen=True, slots=True)
class Verdict:
    """A goal with what was reached, in the goal's own terms; None where it could not be judged."""

    goal: Goal
    reached: float | None

    @property
    def missed(self) -> bool:
        if self.reached is None:
            return False
        return self.reached < self.goal.factor if self.goal.at_least else self.reached > self.goal.factor

    def text(self) -> str:
        if self.reached is None:
            return f"not judged  {self.goal.text()}"
        return f"{'MISSED' if self.missed else 'reached'}  {self.goal.text()}: {self.reached:.3g}"


GOALS = (
    Goal(figures.CPU, 0.9, GO),
    Goal(figures.CPU, 1 / 3, USUAL),
    Goal(figures.LATENCY, 0.7, USUAL),
    Goal(figures.DOWNLOAD, 1.0, USUAL, at_least=True),
    Goal(figures.UPLOAD, 1.0, USUAL, at_least=True),
    Goal(figures.GROWTH, 16.0),
    Goal(figures.START, 0.5),
    Goal(figures.IDLE, 60.0),
    Goal(figures.CPU, 1.0, GO, of=OUTRIDER_POLICIES),
)


def judge(summaries: Mapping[str, Summary]) -> list[Verdict]:
    """Hold every goal against the figures of one run."""
    return [Verdict(goal, _reached(goal, summaries.get)) for goal in GOALS]


def _reached(goal: Goal, summary_of: Callable[[str], Summary | None]) -> float | None:
    own = (summary_of(goal.of) or {}).get(goal.figure)
    if own is None or goal.rival is None:
        return own
    theirs = (summary_of(goal.rival) or {}).get(goal.figure)
    return own / theirs if theirs else None
