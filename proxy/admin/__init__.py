"""The admin plane, apart from its socket."""

from proxy.admin.answer import AdminAnswer, AdminRequest
from proxy.admin.api import AdminApi
from proxy.admin.health import Health
from proxy.admin.routes import Ask, Route

__all__ = ["AdminAnswer", "AdminApi", "AdminRequest", "Ask", "Health", "Route"]
