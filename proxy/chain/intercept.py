"""Builds the stage of a route's interceptors. Each is made once, whoever uses it."""

import asyncio
from typing import TYPE_CHECKING

from proxy.chain.context import Context
from proxy.config.interceptor_model import InterceptorEntry
from proxy.message import Stage
from proxy.policy.routing import RouteEntry

if TYPE_CHECKING:
    from proxy.intercept.link import Link

__all__ = ["Links", "intercept"]


class Links(dict[str, "Link"]):
    """By name, made when first asked for."""

    def __init__(self, context: Context) -> None:
        super().__init__()
        self._context = context

    def __missing__(self, name: str) -> "Link":
        from proxy.intercept.link import Link

        entry = self._context.interceptors[name]
        link = self[name] = Link(name, self._instance(entry), entry.max_content, entry.timeout)
        return link

    async def close(self) -> None:
        await asyncio.gather(*(link.close() for link in self.values()))

    def _instance(self, entry: InterceptorEntry) -> object:
        from proxy.config.interceptor_class import make
        from proxy.intercept.edits import Edits

        if entry.class_ is None:
            return Edits(entry)
        return make(entry.class_, entry.options, self._context.base)


def intercept(entry: RouteEntry, context: Context, inner: Stage) -> Stage:
    own = None if entry.route is None else entry.route.interceptors
    names = entry.upstream.config.interceptors if own is None else own
    if not names:
        return inner
    # Imported where a configuration asks for it: most do not, and start sooner.
    from proxy.intercept.stage import Intercept

    links = context.shared("", Links, lambda: Links(context))
    return Intercept([links[name] for name in names], entry.upstream.name, inner)
