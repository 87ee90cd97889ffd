"""The admin plane: each request to its route, past the guard, and every refusal as a problem document.

What must not live here: sockets; the rules on `Host` and `Origin`, which the edge applies to this listener as to the
other one; what the routes do.
"""

from collections.abc import Iterable

from proxy.admin.answer import AdminAnswer, AdminRequest, problem
from proxy.admin.content import read_content
from proxy.admin.guard import TokenSource, check_confirmation, check_token
from proxy.admin.routes import Ask, Route, RouteTable
from proxy.errors import OutriderError

__all__ = ["AdminApi"]


class AdminApi:
    """Answers requests to the admin listener; never raises for what a caller sends."""

    def __init__(self, routes: Iterable[Route], token: TokenSource | None = None) -> None:
        self.table = RouteTable(routes)
        self.token = token

    async def answer(self, request: AdminRequest) -> AdminAnswer:
        try:
            return await self._answer(request)
        except OutriderError as error:
            return problem(error, request.request_id)

    async def _answer(self, request: AdminRequest) -> AdminAnswer:
        # The token before the table: who has none does not learn which paths there are.
        if self.token is not None and not self.table.is_open(request.path):
            await check_token(self.token, request)
        route, params = self.table.find(request.method, request.path)
        content = None
        if route.changes_state:
            check_confirmation(request)
            content = read_content(request, route.takes)
        return await route.handle(Ask(request, params, content))
