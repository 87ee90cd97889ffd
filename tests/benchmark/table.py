"""The table: absolute figures, and the same as ratios against a rival of the same run.

What must not live here: measuring, judging.
"""

from collections.abc import Mapping, Sequence

from tests.benchmark.figures import FIGURES, Figure, Summary

__all__ = ["absolute_table", "ratio_table"]

_ABSENT = "-"


def absolute_table(titles: Mapping[str, str], summaries: Mapping[str, Summary], remarks: Mapping[str, str]) -> str:
    """Lay out every contestant's figures; one with a remark (not installed, failed) has that instead."""
    rows = [["", *(figure.heading for figure in FIGURES)], ["", *(figure.unit for figure in FIGURES)]]
    rows += [[titles[name], *_cells(summary)] for name, summary in summaries.items()]
    lines = _aligned(rows)
    lines += [f"{titles[name]}: {remark}" for name, remark in remarks.items()]
    return "\n".join(lines)


def ratio_table(titles: Mapping[str, str], summaries: Mapping[str, Summary], rival: str) -> str:
    """Lay out every contestant's figures divided by the rival's; below 1 is less, above 1 is more."""
    base = summaries[rival]
    rows = [[f"÷ {titles[rival]}", *(figure.heading for figure in FIGURES)]]
    for name, summary in summaries.items():
        if name != rival:
            rows.append([titles[name], *(_ratio(summary, base, figure) for figure in FIGURES)])
    return "\n".join(_aligned(rows))


def _cells(summary: Summary) -> list[str]:
    return [f"{summary[figure]:.{figure.decimals}f}" if figure in summary else _ABSENT for figure in FIGURES]


def _ratio(summary: Summary, base: Summary, figure: Figure) -> str:
    # A rival's value that the table shows as zero (memory that did not grow) gives no ratio that says something.
    if figure not in summary or round(base.get(figure, 0.0), figure.decimals) <= 0:
        return _ABSENT
    return f"{summary[figure] / base[figure]:.2f}"


def _aligned(rows: Sequence[Sequence[str]]) -> list[str]:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = []
    for first, *rest in rows:
        cells = [cell.rjust(width) for cell, width in zip(rest, widths[1:], strict=True)]
        lines.append("  ".join([first.ljust(widths[0]), *cells]).rstrip())
    return lines
