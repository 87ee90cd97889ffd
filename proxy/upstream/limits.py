"""How long an attempt may take at each of its steps.

What must not live here: the deadline of the whole request, which the exchange has.
"""

from proxy.clock import NEVER

__all__ = ["Limits"]


class Limits:
    """Seconds that one attempt may take at each of its steps."""

    __slots__ = ("connect", "first_byte", "idle")

    def __init__(self, connect: float, first_byte: float, idle: float) -> None:
        self.connect = connect
        self.first_byte = first_byte or NEVER
        self.idle = idle or NEVER
