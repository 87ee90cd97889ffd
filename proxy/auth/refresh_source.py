"""From a profile of type `refresh_endpoint` to its session, which renews itself or waits to be told.

What must not live here: the refresh itself (`proxy.auth.refresh_endpoint`).
"""

from proxy.auth.call_values import CallValues
from proxy.auth.homes import call_tls, call_url
from proxy.auth.mapped_answer import AnswerMap
from proxy.auth.means import Means
from proxy.auth.record import fingerprint
from proxy.auth.refresh_endpoint import First, RefreshEndpoint
from proxy.auth.session import SessionSource
from proxy.auth.source import PreparedInjection
from proxy.config.refresh_model import RefreshEndpointProfile
from proxy.policy.call_template import CallTemplate

__all__ = ["refresh_endpoint_source"]


def refresh_endpoint_source(name: str, profile: RefreshEndpointProfile, means: Means) -> SessionSource:
    home = means.homes.get(name)
    url = call_url(profile.request, home)
    call = CallTemplate(profile.request, url)
    first = First(
        None if profile.initial_token is None else means.open(profile.initial_token),
        None if profile.initial_refresh_token is None else means.open(profile.initial_refresh_token),
    )
    supplier = RefreshEndpoint(
        name,
        call,
        fingerprint("refresh_endpoint", url),
        CallValues(call.names, profile.secrets, means.open, means.environ),
        AnswerMap("refresh endpoint", profile.response, profile.unauthorized),
        first,
        means.fetch_over(call_tls(profile.request, home)),
        means.store,
        means.wall,
        renews=profile.auto_refresh,
    )
    kind = SessionSource if profile.auto_refresh else _ToldSource
    patience = profile.request.timeout
    return kind(
        supplier, profile.header, profile.scheme, means.clock, means.spread, means.report(name), patience=patience
    )


class _ToldSource(SessionSource):
    """Renews only when it is told to: an answer that refuses its token passes as it came."""

    __slots__ = ()

    def may_refresh(self, rejected: PreparedInjection) -> bool:
        return False

    def reject(self, rejected: PreparedInjection) -> None:
        return None
