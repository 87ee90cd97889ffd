"""What a named caller may ask.

What must not live here: how a caller proves its name (`proxy.edge.callers`).
"""

from proxy.config.model import Caller
from proxy.errors import CallerNotAllowed
from proxy.policy.routing import Matched, PathPattern, matchable

__all__ = ["CallerRules"]


class CallerRules:
    """The upstreams, methods and paths of one caller."""

    __slots__ = ("_methods", "_paths", "_upstreams", "name")

    def __init__(self, name: str, config: Caller) -> None:
        self.name = name
        self._upstreams = None if config.upstreams is None else frozenset(config.upstreams)
        self._methods = None if config.methods is None else frozenset(method.upper() for method in config.methods)
        self._paths = None if config.paths is None else [PathPattern(path) for path in config.paths]

    def check(self, method: str, matched: Matched, target: bytes) -> None:
        """Raises CallerNotAllowed, or BadRequest for a path that patterns cannot judge."""
        upstream = matched.route.upstream
        if self._upstreams is not None and upstream.name not in self._upstreams:
            raise CallerNotAllowed(f"The caller {self.name} may not use the upstream {upstream.name}.")
        if self._methods is not None and method not in self._methods:
            raise CallerNotAllowed(f"The caller {self.name} may not use this method.")
        if self._paths is not None:
            path = matchable(target[len(upstream.prefix) :])
            if not any(pattern.fits(path) for pattern in self._paths):
                raise CallerNotAllowed(f"The caller {self.name} may not use this path.")
