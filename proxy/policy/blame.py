"""Whose fault it is that a deadline passed.

What must not live here: what follows from it.
"""

from proxy.message import Exchange

__all__ = ["is_upstreams_delay"]


def is_upstreams_delay(exchange: Exchange, attempts: int, total: float) -> bool:
    """Whether a deadline that just passed did so because the upstream is slow.

    `attempts` is how many there had been before the call: one that never reached the wire waited for Outrider alone.
    `total` is the route's own limit in seconds, 0 for none: a deadline that the caller made shorter is no measure of
    the upstream, or one caller could close it to all others.
    """
    return exchange.attempts > attempts and bool(total) and exchange.deadline >= exchange.started + total
