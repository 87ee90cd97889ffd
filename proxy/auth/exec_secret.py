"""A secret that a command prints.

Past its `ttl` the output is not used any more; the next reader waits for a new run. A failing command is left alone
for a growing while, so that requests do not become a storm of processes.
"""

from proxy.auth.changing_secret import ChangingSecret
from proxy.auth.command import Command, run
from proxy.auth.secret_rules import SecretUnavailable, accept_bytes
from proxy.auth.single_flight import SingleFlight
from proxy.clock import NEVER, Clock
from proxy.policy.renewal import Cooling
from proxy.secret import Secret

__all__ = ["ExecReader"]

_CLOSED = SecretUnavailable("the profile is being closed", retry_after=1.0)


class ExecReader(ChangingSecret):
    """Runs `command` when its value is wanted; `ttl` in seconds, 0 for ever. `lines` accepts several of output."""

    __slots__ = ("_clock", "_command", "_cooling", "_flight", "_lines", "_ttl")

    def __init__(self, command: Command, ttl: float, clock: Clock, *, lines: bool = False) -> None:
        super().__init__()
        self._command = command
        self._lines = lines
        self._ttl = ttl or NEVER
        self._clock = clock
        self._cooling = Cooling()
        self._flight = SingleFlight(self._run)

    def peek(self, now: float) -> Secret | None:
        return self._value if now < self.recheck_at else None

    async def read(self) -> Secret:
        now = self._clock()
        if (value := self.peek(now)) is not None:
            return value
        pause = self._cooling.remaining(now)
        outcome = self._unavailable if pause and self._unavailable else await self._flight.join() or _CLOSED
        if isinstance(outcome, SecretUnavailable):
            pause = self._cooling.remaining(self._clock()) or outcome.retry_after
            raise SecretUnavailable(outcome.detail, said=outcome.said, retry_after=pause)
        return outcome

    async def close(self) -> None:
        await self._flight.close()

    async def _run(self) -> Secret | SecretUnavailable:
        try:
            value = accept_bytes(await run(self._command), f"the output of {self._command.name}", lines=self._lines)
        except SecretUnavailable as unavailable:
            self._unavailable = unavailable
            self._cooling.failed(self._clock())
            return unavailable
        self._take(value)
        self._cooling.succeeded()
        self.recheck_at = self._clock() + self._ttl
        return value
