"""Quantiles from the counts of buckets, by straight lines between their bounds, as Prometheus draws them.

What must not live here: what is counted.
"""

from collections.abc import Sequence

__all__ = ["quantile"]


def quantile(bounds: Sequence[float], counts: Sequence[int], share: float) -> float | None:
    """The value that `share` (0 to 1) of what was counted is not above; None where nothing was.

    `counts` has one more than `bounds`: what is above the last bound, which stands for all of those.
    """
    total = sum(counts)
    if not total:
        return None
    rank = share * total
    below, lower = 0, 0.0
    for bound, count in zip(bounds, counts, strict=False):
        if count and below + count >= rank:
            return lower + (bound - lower) * (rank - below) / count
        below += count
        lower = bound
    return bounds[-1]
