"""Builds the stage that signs requests, for profiles whose credential depends on what is sent."""

from proxy.auth.signer import Signs
from proxy.chain.context import Context
from proxy.chain.transport import outgoing_rules
from proxy.message import Stage
from proxy.policy.routing import RouteEntry
from proxy.stages.sign import Sign

__all__ = ["sign"]


def sign(entry: RouteEntry, context: Context, inner: Stage) -> Stage:
    source = context.sources.get(entry.auth)
    signer = source.signer if isinstance(source, Signs) else None
    if source is None or signer is None:
        return inner
    secure = entry.upstream.config.url.startswith("https:")
    return Sign(signer, outgoing_rules(entry, context, source), inner, secure=secure)
