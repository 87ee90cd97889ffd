"""Builds the stage that keeps a login's cookies from callers."""

from proxy.chain.context import Context
from proxy.clock import wall
from proxy.config.login_model import LoginProfile
from proxy.message import Stage
from proxy.policy.routing import RouteEntry

__all__ = ["session_cookies"]


def session_cookies(entry: RouteEntry, context: Context, inner: Stage) -> Stage:
    if not isinstance(context.profiles.get(entry.auth), LoginProfile):
        return inner
    from proxy.auth.login_source import CookieSource
    from proxy.stages.session_cookies import SessionCookies

    source = context.sources.get(entry.auth)
    return SessionCookies(source, wall, inner) if isinstance(source, CookieSource) else inner
