"""The admin plane's table: every path that there is, in one list.

What must not live here: what they do.
"""

from collections.abc import Iterable

from proxy.admin.event_stream import event_routes
from proxy.admin.log_level import log_level_routes
from proxy.admin.looks import look_routes
from proxy.admin.openapi import openapi_route
from proxy.admin.page import page_routes
from proxy.admin.probes import probe_routes
from proxy.admin.profiles import profile_routes
from proxy.admin.requests import request_routes
from proxy.admin.routes import Route
from proxy.admin.sessions import session_routes
from proxy.admin.state import state_routes
from proxy.admin.subject import Subject
from proxy.config.redact import redacted

__all__ = ["admin_routes"]


def admin_routes(subject: Subject, more: Iterable[Route] = ()) -> list[Route]:
    """The routes to `subject`; `more` are those of parts that it does not know."""
    routes = [
        *probe_routes(subject.health),
        *look_routes(subject.exposition, lambda: redacted(subject.config())),
        *state_routes(subject),
        *request_routes(subject.visits, subject.clock),
        *profile_routes(subject),
        *session_routes(subject),
        *event_routes(subject.tallies.events),
        *log_level_routes(),
        *page_routes(),
        *more,
    ]
    routes.append(openapi_route(lambda: routes))
    return routes
