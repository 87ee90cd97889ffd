"""Builds the stage that takes a route's credential."""

from proxy.chain.context import Context
from proxy.chain.retry import replay_caps
from proxy.clock import monotonic
from proxy.config.profile import RenewableProfile
from proxy.config.unauthorized_model import Unauthorized
from proxy.message import Stage
from proxy.policy.routing import RouteEntry
from proxy.policy.unauthorized import UnauthorizedRules
from proxy.stages.authenticate import Authenticate

__all__ = ["authenticate"]


def authenticate(entry: RouteEntry, context: Context, inner: Stage) -> Stage:
    source = context.sources.get(entry.auth)
    if source is None:
        return inner
    profile = context.profiles.get(entry.auth)
    told = profile.unauthorized if isinstance(profile, RenewableProfile) else None
    rules = UnauthorizedRules(told or Unauthorized())
    return Authenticate(source, monotonic, replay_caps(entry, context), inner, rules)
