"""The status page: files beside this one, and the routes that give them out.

They hold nothing of the daemon's, so they want no token; what the page shows comes from the API, which does. What must
not live here: anything that is looked at or done (`proxy.admin.state` and its neighbours).
"""

from collections.abc import Iterator
from functools import cache
from importlib.resources import files

from proxy.admin.answer import AdminAnswer
from proxy.admin.answer import answer as answer_with
from proxy.admin.routes import Ask, Route
from proxy.errors import NotFound

__all__ = ["POLICY", "page_routes"]

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self'; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'"
)
"""The page's Content-Security-Policy: its own files, its own daemon, nothing else and nothing inline."""

_KINDS = {"css": "text/css", "js": "text/javascript", "svg": "image/svg+xml"}


@cache
def _content(name: str) -> bytes:
    return files(__name__).joinpath(name).read_bytes()


@cache
def _names() -> frozenset[str]:
    """The files that are given out under their names. Only these are ever opened, whatever is asked for."""
    there = (file.name for file in files(__name__).iterdir())
    return frozenset(name for name in there if name.rpartition(".")[2] in _KINDS)


def page_routes() -> Iterator[Route]:
    async def page(_: Ask) -> AdminAnswer:
        return answer_with(200, "text/html; charset=utf-8", _content("index.html"), Content_Security_Policy=POLICY)

    async def part(ask: Ask) -> AdminAnswer:
        name = ask.params["file"]
        if name not in _names():
            raise NotFound("There is no such part of the status page.")
        kind = f"{_KINDS[name.rpartition('.')[2]]}; charset=utf-8"
        return answer_with(200, kind, _content(name), Content_Security_Policy=POLICY)

    missing = {404: "There is no such part."}
    yield Route("GET", "/", page, "The status page.", media="text/html", open=True)
    yield Route("GET", "/page/{file}", part, "What it is made of.", media="*/*", statuses=missing, open=True)
