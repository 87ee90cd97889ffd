"""The admin plane: health for supervisors, metrics for scrapers, the redacted configuration for people.

Every path stands in one table. What must not live here: sockets, and the rules on `Host` and `Origin`, which the edge
applies to this listener as to the other one.
"""

from collections.abc import Awaitable, Callable, Mapping

from proxy.admin.answer import AdminAnswer, AdminRequest, document, problem, text
from proxy.admin.answer import answer as answer_with
from proxy.admin.health import Health
from proxy.auth import SecretUnavailable
from proxy.observe.late import Renderer
from proxy.secret import Secret

__all__ = ["AdminApi", "TokenSource"]

TokenSource = Callable[[], Awaitable[Secret]]
"""The admin token as it is now. Raises `SecretUnavailable`."""

_Handler = Callable[[AdminRequest], AdminAnswer]


class AdminApi:
    """Answers requests to the admin listener; never raises for what a caller sends."""

    def __init__(
        self,
        health: Health,
        exposition: Renderer,
        configuration: Callable[[], object],
        token: TokenSource | None = None,
    ) -> None:
        """`configuration` gives what may be shown of it, ready for JSON."""
        self._health = health
        self._exposition = exposition
        self._configuration = configuration
        self._token = token
        self._open: Mapping[str, _Handler] = {"/livez": self._live, "/readyz": self._ready, "/startupz": self._startup}
        self._guarded: Mapping[str, _Handler] = {"/metrics": self._metrics, "/api/config": self._config}

    async def answer(self, request: AdminRequest) -> AdminAnswer:
        handler = self._open.get(request.path)
        if handler is None:
            refusal = await self._refusal(request)
            if refusal is not None:
                return refusal
            handler = self._guarded.get(request.path)
        if handler is None:
            return problem(404, "there is nothing at this path of the admin listener")
        if request.method not in ("GET", "HEAD"):
            return problem(405, "this path answers GET and HEAD", Allow="GET, HEAD")
        return handler(request)

    async def _refusal(self, request: AdminRequest) -> AdminAnswer | None:
        """None for whoever has the token, or when none is set."""
        if self._token is None:
            return None
        try:
            wanted = await self._token()
        except SecretUnavailable:
            return problem(503, "the admin token cannot be read; the log says why")
        scheme, _, given = request.headers.get("authorization", "").partition(" ")
        # An empty secret must open nothing.
        if (
            scheme.lower() == "bearer"
            and wanted
            and wanted.matches(given.strip(" ").encode("utf-8", "surrogateescape"))
        ):
            return None
        return problem(401, "the admin token is wanted as a bearer token", WWW_Authenticate='Bearer realm="outrider"')

    def _live(self, request: AdminRequest) -> AdminAnswer:
        # That this line runs is the proof: the loop turns.
        return _state(request, 200, "live", [])

    def _startup(self, request: AdminRequest) -> AdminAnswer:
        if self._health.started:
            return _state(request, 200, "started", [])
        return _state(request, 503, "not started", ["starting"])

    def _ready(self, request: AdminRequest) -> AdminAnswer:
        reasons = self._health.reasons
        return _state(request, 503, "not ready", reasons) if reasons else _state(request, 200, "ready", [])

    def _metrics(self, request: AdminRequest) -> AdminAnswer:
        return answer_with(200, *self._exposition.render(request.headers.get("accept", "")))

    def _config(self, _: AdminRequest) -> AdminAnswer:
        return document(200, self._configuration())


def _state(request: AdminRequest, status: int, word: str, reasons: list[str]) -> AdminAnswer:
    if "application/json" in request.headers.get("accept", "").lower():
        return document(status, {"status": word, "reasons": reasons})
    return text(status, f"{word}: {'; '.join(reasons)}" if reasons else word)
