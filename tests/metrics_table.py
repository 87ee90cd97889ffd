"""The README's table of metrics, made from the code; run as a module, this writes it into its place."""

from pathlib import Path

from proxy.observe.metrics import METRICS, Metric

__all__ = ["README", "place", "table"]

README = Path(__file__).resolve().parent.parent / "README.md"
_BEGIN = "<!-- metrics: written by `python -m tests.metrics_table` -->\n"
_END = "<!-- /metrics -->"
_SUFFIXES = {"counter": "_total", "info": "_info"}


def table() -> str:
    rows = ["| metric | kind | labels | |", "| --- | --- | --- | --- |", *map(_row, METRICS)]
    return "".join(f"{row}\n" for row in rows)


def place(text: str) -> tuple[str, str, str]:
    """What stands before the table, in its place, and after it."""
    before, _, rest = text.partition(_BEGIN)
    inside, _, after = rest.partition(_END)
    return before + _BEGIN, inside, _END + after


def _row(metric: Metric) -> str:
    labels = ", ".join(f"`{label}`" for label in metric.labels)
    return f"| `{metric.name}{_SUFFIXES.get(metric.kind, '')}` | {metric.kind} | {labels} | {metric.help} |"


if __name__ == "__main__":
    before, _, after = place(README.read_text(encoding="utf-8"))
    README.write_text(before + table() + after, encoding="utf-8")
