"""The report of one run: for people as text, for programs as JSON.

What must not live here: measuring, the layout of the tables.
"""

import json
import os
import platform
from collections.abc import Sequence
from dataclasses import asdict, dataclass

from tests.benchmark.contestants import GO, USUAL, Contestant
from tests.benchmark.figures import LATENCY, Summary, combine
from tests.benchmark.goals import judge
from tests.benchmark.load import generator_name
from tests.benchmark.measure import CONNECTIONS, Measured, Plan
from tests.benchmark.processes import Cores
from tests.benchmark.table import absolute_table, ratio_table

__all__ = ["Report"]

_NOT_INSTALLED = "not installed"
_BUSY = 0.5


@dataclass(frozen=True, slots=True)
class Report:
    """What was asked for, what came out, and the machine's load average before."""

    contestants: Sequence[Contestant]
    plan: Plan
    cores: Cores
    measured: Measured
    load_before: float

    def summaries(self) -> dict[str, Summary]:
        """Give the figures of everyone that could be measured to the end."""
        failed = self.measured.failures
        samples = self.measured.samples
        return {name: combine(values) for name, values in samples.items() if values and name not in failed}

    def remarks(self) -> dict[str, str]:
        """Say why the others have none."""
        absent = {one.name: _NOT_INSTALLED for one in self.contestants if not one.installed}
        return absent | {name: f"failed: {reason}" for name, reason in self.measured.failures.items()}

    def text(self) -> str:
        titles = {one.name: one.title for one in self.contestants}
        summaries = self.summaries()
        parts = [self._preface(), absolute_table(titles, summaries, self.remarks())]
        parts += [ratio_table(titles, summaries, rival) for rival in (GO, USUAL) if rival in summaries]
        return "\n\n".join(parts)

    def goals_text(self) -> str:
        title = "Goals, for Outrider with everything on where no other is named:"
        return "\n".join([title, *(f"  {verdict.text()}" for verdict in judge(self.summaries()))])

    def goals_missed(self) -> bool:
        return any(verdict.missed for verdict in judge(self.summaries()))

    def json(self) -> str:
        summaries = self.summaries().items()
        document = {
            "machine": {"system": platform.platform(), "python": platform.python_version(), "cores": os.cpu_count()},
            "plan": asdict(self.plan),
            "apart": self.cores.apart,
            "load_before": self.load_before,
            "generator": generator_name(),
            "upstream": self.measured.served_by,
            "direct": {figure.key: value for figure, value in combine(self.measured.direct).items()},
            "contestants": {name: {figure.key: value for figure, value in own.items()} for name, own in summaries},
            "absent": self.remarks(),
            "goals": [
                {"goal": one.goal.text(), "reached": one.reached, "missed": one.missed}
                for one in judge(dict(summaries))
            ],
        }
        return json.dumps(document, indent=2, ensure_ascii=False) + "\n"

    def _preface(self) -> str:
        plan, direct = self.plan, combine(self.measured.direct)
        place = "The proxy on one core, load and upstream on another" if self.cores.apart else "Everything on ONE core"
        lines = [
            f"CPU and throughput at {CONNECTIONS} connections ({generator_name()}, {plan.load_seconds} s); latency at "
            f"one connection; transfers of {plan.transfer_bytes // 2**20} MiB.",
            f"{plan.rounds} round(s): medians, but memory and growth the worst.",
            f"{place}; small answers by {self.measured.served_by}.",
        ]
        if LATENCY in direct:
            latency, *speeds = direct.values()
            lines.append(f"With no proxy: latency {latency:.0f} µs, " + _speeds(speeds) + ".")
        if self.load_before > _BUSY:
            lines.append(
                f"The machine was BUSY before (load average {self.load_before:.1f}): speeds and times are rough."
            )
        return "\n".join(lines)


def _speeds(values: Sequence[float]) -> str:
    return ", ".join(f"{word} {value:.0f} MiB/s" for word, value in zip(("download", "upload"), values, strict=True))
