"""What the builders of credential sources are given: everything that profiles share.

What must not live here: anything of a single profile.
"""

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from proxy.auth.homes import Home
from proxy.auth.secret_reader import SecretReader, open_secret
from proxy.auth.session_report import SessionReport
from proxy.auth.store import MemoryStore, SessionStore
from proxy.clock import Clock, monotonic, wall
from proxy.config.secret_model import SecretRef
from proxy.config.tls_model import Tls
from proxy.message.call import Fetch
from proxy.observe.session_tally import SessionTallies

__all__ = ["Means"]


def _nothing_secured(tls: Tls) -> Fetch:
    raise LookupError("calls with options of TLS of their own are not made here")


@dataclass(frozen=True, slots=True)
class Means:
    """`base` is the folder of the configuration file, `clock` is monotonic, `spread()` is in [0, 1).

    `homes` are by profile; `secured` makes calls with options of TLS.
    """

    base: Path
    environ: Mapping[str, str]
    fetch: Fetch
    store: SessionStore = field(default_factory=MemoryStore)
    tallies: SessionTallies = field(default_factory=SessionTallies)
    clock: Clock = monotonic
    wall: Clock = wall
    spread: Callable[[], float] = random.random
    secured: Callable[[Tls], Fetch] = _nothing_secured
    homes: Mapping[str, Home] = field(default_factory=dict)

    def open(self, ref: SecretRef) -> SecretReader:
        return open_secret(ref, self.base, self.environ, self.clock)

    def open_key(self, ref: SecretRef) -> SecretReader:
        """As `open`, for a key, which may have several lines."""
        return open_secret(ref, self.base, self.environ, self.clock, lines=True)

    def fetch_over(self, tls: Tls | None) -> Fetch:
        """Calls with these options of TLS; with the system's authorities and no certificate for None."""
        return self.fetch if tls is None else self.secured(tls)

    def report(self, profile: str) -> SessionReport:
        return SessionReport(profile, self.tallies.of(profile), self.wall)
