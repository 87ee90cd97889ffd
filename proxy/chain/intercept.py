"""Builds the stage of a route's interceptors. Each is made once, whoever uses it."""

from proxy.chain.context import Context
from proxy.config.interceptor_class import make
from proxy.config.interceptor_model import InterceptorEntry
from proxy.intercept.edits import Edits
from proxy.intercept.link import Link
from proxy.intercept.stage import Intercept
from proxy.message import Stage
from proxy.policy.routing import RouteEntry

__all__ = ["intercept"]


class _Links(dict[str, Link]):
    """By name, made when first asked for."""

    def __init__(self, context: Context) -> None:
        super().__init__()
        self._context = context

    def __missing__(self, name: str) -> Link:
        entry = self._context.interceptors[name]
        link = self[name] = Link(name, self._instance(entry), entry.max_content, entry.timeout)
        return link

    def _instance(self, entry: InterceptorEntry) -> object:
        if entry.class_ is None:
            return Edits(entry)
        return make(entry.class_, entry.options, self._context.base)


def intercept(entry: RouteEntry, context: Context, inner: Stage) -> Stage:
    own = None if entry.route is None else entry.route.interceptors
    names = entry.upstream.config.interceptors if own is None else own
    if not names:
        return inner
    links = context.shared("", _Links, lambda: _Links(context))
    return Intercept([links[name] for name in names], entry.upstream.name, inner)
