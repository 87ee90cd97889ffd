"""What travels through the stages: the exchange, its content and its response. No I/O and no rules live here."""

from proxy.message.content import NoContent, RequestContent, ResponseContent
from proxy.message.exchange import Exchange, Injection, Stage
from proxy.message.response import Response

__all__ = ["Exchange", "Injection", "NoContent", "RequestContent", "Response", "ResponseContent", "Stage"]
