"""Builds the stage that keeps a login's cookies from callers."""

from proxy.auth.login_source import CookieSource
from proxy.chain.context import Context
from proxy.clock import wall
from proxy.message import Stage
from proxy.policy.routing import RouteEntry
from proxy.stages.session_cookies import SessionCookies

__all__ = ["session_cookies"]


def session_cookies(entry: RouteEntry, context: Context, inner: Stage) -> Stage:
    source = context.sources.get(entry.auth)
    return SessionCookies(source, wall, inner) if isinstance(source, CookieSource) else inner
