"""The table of the admin plane's paths: what stands in it, and how a request finds its place.

A path may have parameters, one segment each: `/api/requests/{id}`. What must not live here: which paths there are
(`proxy.admin.plane`), and who may call (`proxy.admin.guard`).
"""

from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote

from pydantic import BaseModel

from proxy.admin.answer import AdminAnswer, AdminRequest
from proxy.config.problem import listed
from proxy.errors import MethodNotAllowed, NotFound

__all__ = ["Ask", "Handle", "Route", "RouteTable"]


@dataclass(frozen=True, slots=True)
class Ask:
    """A request that has found its route. `content` is a `Route.takes`, or None."""

    request: AdminRequest
    params: Mapping[str, str] = field(default_factory=dict)
    content: Any = None


Handle = Callable[[Ask], Awaitable[AdminAnswer]]
"""Answers, or raises an `OutriderError`."""


@dataclass(frozen=True, slots=True)
class Route:
    """One method of one path. A GET answers HEAD too; POST and DELETE change state.

    `takes` is the model of the JSON content, `gives` the type of the JSON that is answered, None for another `media`.
    `statuses` are those beside 200 that it may answer with, each with when; `fields` are request fields that it reads.
    An `open` route wants no token.
    """

    method: str
    path: str
    handle: Handle
    summary: str
    takes: type[BaseModel] | None = None
    gives: Any = None
    media: str = "application/json"
    statuses: Mapping[int, str] = field(default_factory=dict)
    fields: Mapping[str, str] = field(default_factory=dict)
    status: int = 200
    open: bool = False

    @property
    def changes_state(self) -> bool:
        return self.method != "GET"


class RouteTable:
    """Finds a request's route. Paths are told apart by their fixed segments: no two routes fit the same path."""

    def __init__(self, routes: Iterable[Route]) -> None:
        self.routes = list(routes)
        self._fixed: dict[str, dict[str, Route]] = {}
        self._patterns: dict[tuple[str, ...], dict[str, Route]] = {}
        for route in self.routes:
            if "{" in route.path:
                methods = self._patterns.setdefault(tuple(route.path.split("/")), {})
            else:
                methods = self._fixed.setdefault(route.path, {})
            methods[route.method] = route

    def is_open(self, path: str) -> bool:
        try:
            methods, _ = self._match(path)
        except NotFound:
            return False
        return any(route.open for route in methods.values())

    def find(self, method: str, path: str) -> tuple[Route, dict[str, str]]:
        """The route, and the values of its parameters. Raises NotFound, MethodNotAllowed."""
        methods, params = self._match(path)
        route = methods.get("GET" if method == "HEAD" else method)
        if route is None:
            allowed = sorted({*methods, "HEAD"} if "GET" in methods else methods)
            raise MethodNotAllowed(
                f"This path answers {listed(allowed)}.", lines=(f"Allow: {', '.join(allowed)}".encode(),)
            )
        return route, params

    def _match(self, path: str) -> tuple[dict[str, Route], dict[str, str]]:
        methods = self._fixed.get(path)
        if methods is not None:
            return methods, {}
        segments = path.split("/")
        for pattern, methods in self._patterns.items():
            params = _fit(pattern, segments)
            if params is not None:
                return methods, params
        raise NotFound("There is nothing at this path of the admin listener.")


def _fit(pattern: tuple[str, ...], segments: list[str]) -> dict[str, str] | None:
    if len(pattern) != len(segments):
        return None
    params = {}
    for wanted, given in zip(pattern, segments, strict=True):
        if wanted[:1] == "{" and given:
            params[wanted[1:-1]] = unquote(given)
        elif wanted != given:
            return None
    return params
