"""What the builders of stages are given: everything that routes share.

What must not live here: what any one stage needs for itself.
"""

import asyncio
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import TypeVar, cast

from proxy.auth.source import CredentialSource
from proxy.config.auth_model import AuthProfile
from proxy.config.interceptor_model import InterceptorEntry
from proxy.observe.tally import Tallies
from proxy.upstream.pool import ConnectionPool

__all__ = ["Context"]

T = TypeVar("T")


class Context:
    """`base` is where relative paths start. `pools` are by upstream, `sources` and `profiles` by profile.

    `timed` is whether somebody is told how long upstreams take, `wire` whether heads are logged. `mark` tells this
    process from others in `Via`. `interceptors` are the entries of the file by name.
    """

    __slots__ = (
        "_shared", "base", "interceptors", "loop", "mark", "pools", "profiles", "sources", "tallies", "timed", "wire",
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
        *,
        timed: bool = False,
        wire: bool = False,
    ) -> None:
        self.loop = loop
        self.profiles = profiles
        self.timed = timed
        self.wire = wire
        self.base = base
        self.mark = os.urandom(4).hex().encode()
        self.tallies = tallies
        self.pools = pools
        self.sources = sources
        self.interceptors = interceptors
        self._shared: dict[tuple[str, type], object] = {}

    def shared(self, upstream: str, kind: type[T], make: Callable[[], T]) -> T:
        """The one `kind` of this upstream (of all of them, for an empty name), which the first route to ask makes."""
        found = self._shared.get((upstream, kind))
        if found is None:
            found = self._shared[upstream, kind] = make()
        return cast(T, found)
