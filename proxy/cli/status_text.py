"""Numbers for people, and a line of the past, in characters.

What must not live here: what they are of.
"""

from collections.abc import Sequence

__all__ = ["amount", "moment", "rough", "span", "sparkline"]

_UNITS = ("B", "KiB", "MiB", "GiB", "TiB")
_STEPS = " ▁▂▃▄▅▆▇█"


def rough(value: float) -> str:
    """Three digits that say something."""
    if value >= 100:
        return f"{value:,.0f}"
    digits = 2 if 0 < value < 1 else 1
    return f"{value:.{digits}f}".rstrip("0").rstrip(".")


def amount(size: float) -> str:
    """Of bytes."""
    number, unit = float(size), 0
    while number >= 1000 and unit < len(_UNITS) - 1:
        number, unit = number / 1024, unit + 1
    return f"{rough(number) if unit else int(number)} {_UNITS[unit]}"


def moment(seconds: float | None) -> str:
    """A short time; dots where it is not known."""
    if seconds is None:
        return "…"
    if seconds < 0.9995:
        return f"{rough(seconds * 1000)} ms"
    return f"{rough(seconds)} s" if seconds < 100 else span(seconds)


def span(seconds: float) -> str:
    """A long one, in its two greatest units."""
    left = max(0, int(seconds))
    days, hours, minutes = left // 86400, left // 3600 % 24, left // 60 % 60
    if days:
        return f"{days} d {hours} h"
    if hours:
        return f"{hours} h {minutes} min"
    return f"{minutes} min {left % 60} s" if minutes else f"{left} s"


def sparkline(values: Sequence[float]) -> str:
    """One character a value, its height by the highest; a calm scale has at least one a second for its height."""
    most = max((1.0, *values))
    return "".join(_STEPS[-(-int(value * 1000) * (len(_STEPS) - 1) // int(most * 1000))] for value in values)
