"""Scheme `exec`: a token that a command prints, renewed before it ends.

What must not live here: what the output means (`exec_output`), when to run the command (`session`).
"""

from proxy.auth.command import Command, run
from proxy.auth.exec_output import parse_output
from proxy.auth.means import Means
from proxy.auth.secret_rules import SecretUnavailable
from proxy.auth.session import SessionSource
from proxy.auth.supply import Failed, Fresh, Unkept
from proxy.clock import Clock
from proxy.config.auth_model import ExecProfile
from proxy.secret import Secret

__all__ = ["exec_source"]


def exec_source(name: str, profile: ExecProfile, means: Means) -> SessionSource:
    command = Command(profile.command, means.base, {**means.environ, **profile.env}, profile.timeout)
    supplier = _Printed(command, profile.ttl, means.wall)
    return SessionSource(supplier, profile.header, profile.scheme, means.clock, means.spread, means.report(name))


class _Printed(Unkept):
    """Tokens that `command` prints; `wall` only measures how long one lives."""

    __slots__ = ("_command", "_ttl", "_wall")

    def __init__(self, command: Command, ttl: float, wall: Clock) -> None:
        self._command = command
        self._ttl = ttl
        self._wall = wall

    async def supply(self, held: Secret | None) -> Fresh | Failed:
        try:
            output = await run(self._command)
            token = parse_output(output, f"the output of {self._command.name}", self._ttl, self._wall())
        except SecretUnavailable as unavailable:
            return Failed(unavailable.detail, unavailable.said)
        return Fresh(token.secret, token.lifetime)

    def changed(self, now: float) -> bool:
        """A command never fails for good."""
        return False

    async def close(self) -> None:
        """Nothing runs but the command, and that is the session's to end."""
