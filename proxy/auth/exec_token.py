"""Scheme `exec`: a token that a command prints, renewed in the background before it ends.

While the token is valid nobody waits and a failed renewal fails no request; past its end everyone waits for the one
run, and after a failure callers are answered at once until the pause is over. What must not live here: what the output
means (`exec_output`), when to renew (`renewal`).
"""

import random
from collections.abc import Mapping
from pathlib import Path

from proxy.auth.command import Command, run
from proxy.auth.exec_output import Token, parse_output
from proxy.auth.field import owned, token_line
from proxy.auth.renewal import Cooling, renewal_time
from proxy.auth.secret_rules import SecretUnavailable
from proxy.auth.single_flight import SingleFlight
from proxy.auth.source import PreparedInjection
from proxy.clock import Clock, wall
from proxy.config.auth_model import ExecProfile
from proxy.errors import CredentialUnavailable

__all__ = ["ExecTokenSource", "exec_source"]

_CLOSED = SecretUnavailable("the profile is being closed", retry_after=1.0)


def exec_source(profile: ExecProfile, base: Path, environ: Mapping[str, str], clock: Clock) -> "ExecTokenSource":
    command = Command(profile.command, base, {**environ, **profile.env}, profile.timeout)
    return ExecTokenSource(command, profile, clock, wall, random.random)


class ExecTokenSource:
    """Holds the token of one command. `clock` is monotonic, `wall_clock` only measures how long a new token lives."""

    __slots__ = (
        "_clock",
        "_command",
        "_cooling",
        "_expire_at",
        "_flight",
        "_injection",
        "_profile",
        "_renew_at",
        "_spread",
        "_unavailable",
        "_wall",
        "cookie_name",
        "query_name",
        "strip",
    )

    def __init__(self, command: Command, profile: ExecProfile, clock: Clock, wall_clock: Clock, spread: Clock) -> None:
        self._command = command
        self._profile = profile
        self._clock = clock
        self._wall = wall_clock
        self._spread = spread
        self._cooling = Cooling()
        self._flight = SingleFlight(self._renew)
        self._injection: PreparedInjection | None = None
        self._renew_at = self._expire_at = float("-inf")
        self._unavailable: SecretUnavailable | None = None
        self.strip = owned(profile.header)
        self.query_name = self.cookie_name = b""

    @property
    def problem(self) -> str | None:
        return str(self._unavailable) if self._unavailable else None

    def peek(self, now: float) -> PreparedInjection | None:
        if now < self._renew_at:
            return self._injection
        if now >= self._expire_at:
            return None
        if not self._cooling.remaining(now):
            self._flight.begin()
        return self._injection

    async def current(self) -> PreparedInjection:
        now = self._clock()
        if (held := self.peek(now)) is not None:
            return held
        pause = self._cooling.remaining(now)
        outcome = self._unavailable if pause and self._unavailable else await self._flight.join() or _CLOSED
        if isinstance(outcome, SecretUnavailable):
            pause = self._cooling.remaining(self._clock()) or outcome.retry_after
            # Without what the command wrote to its standard error: callers may read this.
            raise CredentialUnavailable(outcome.detail, retry_after=pause)
        return outcome

    async def start(self) -> None:
        await self.current()

    async def close(self) -> None:
        await self._flight.close()

    async def _renew(self) -> PreparedInjection | SecretUnavailable:
        try:
            output = await run(self._command)
            token = parse_output(output, f"the output of {self._command.name}", self._profile.ttl, self._wall())
            line = token_line(self._profile.header, self._profile.scheme, token.secret.reveal())
        except SecretUnavailable as unavailable:
            self._unavailable = unavailable
            self._cooling.failed(self._clock())
            return unavailable
        return self._adopt(token, line)

    def _adopt(self, token: Token, line: bytes) -> PreparedInjection:
        now = self._clock()
        self._unavailable = None
        self._cooling.succeeded()
        self._renew_at = renewal_time(now, token.lifetime, self._spread())
        self._expire_at = now + token.lifetime
        if self._injection is None or self._injection.lines != line:
            self._injection = PreparedInjection(lines=line)
        return self._injection
