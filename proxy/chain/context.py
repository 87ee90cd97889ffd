"""What the builders of stages are given: everything that routes share.

What must not live here: what any one stage needs for itself.
"""

import asyncio
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import TypeVar

from proxy.auth.source import CredentialSource
from proxy.chain.holdings import Generation, Holdings
from proxy.config.auth_model import AuthProfile
from proxy.config.interceptor_model import InterceptorEntry
from proxy.message.trace import Tracer
from proxy.observe.tally import Tallies
from proxy.policy.routing import RouteEntry
from proxy.upstream.pool import ConnectionPool

__all__ = ["Context", "route_name"]

T = TypeVar("T")


def route_name(entry: RouteEntry) -> str:
    """Tells a route of an upstream from the others, over reloads too: by its pattern."""
    return f"{entry.upstream.name} {entry.route.match if entry.route is not None else ''}"


class Context:
    """`base` is where relative paths start. `pools` are by upstream, `sources` and `profiles` by profile.

    `timed` is whether somebody is told how long upstreams take, `wire` whether heads are logged; `tracer` makes spans.
    `mark` tells this process from others in `Via`. `interceptors` are the entries of the file by name.
    """

    __slots__ = (
        "_kept", "base", "interceptors", "loop", "mark", "pools", "profiles", "sources", "tallies", "timed", "tracer",
        "wire",
    )  # fmt: skip

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        tallies: Tallies,
        pools: Mapping[str, ConnectionPool],
        sources: Mapping[str, CredentialSource],
        base: Path,
        profiles: Mapping[str, AuthProfile],
        interceptors: Mapping[str, InterceptorEntry] = MappingProxyType({}),
        kept: Generation | None = None,
        *,
        timed: bool = False,
        wire: bool = False,
        tracer: Tracer | None = None,
    ) -> None:
        kept = kept or Holdings().generation()
        self.loop = loop
        self.profiles = profiles
        self.timed = timed
        self.wire = wire
        self.tracer = tracer
        self.base = base
        self.mark = kept.take("mark", "", None, lambda: os.urandom(4).hex().encode())
        self.tallies = tallies
        self.pools = pools
        self.sources = sources
        self.interceptors = interceptors
        self._kept = kept

    def shared(self, upstream: str, kind: type[T], make: Callable[[], T], *, basis: object = None) -> T:
        """The one `kind` of this upstream (of all of them, for an empty name), which the first route to ask makes.

        It outlives a reload that leaves a `basis` equal: what it was made from, a policy as a rule. Without one it is
        made anew. `upstream` may name a route too, for what is a route's own.
        """
        made_from = (kind, self if basis is None else basis)
        return self._kept.take(kind.__qualname__, upstream, made_from, make)
