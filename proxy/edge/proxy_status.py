"""What `Proxy-Status` (RFC 9209) tells a caller of a request that took more than one plain attempt.

What must not live here: errors, which have their own (`proxy.edge.problem`).
"""

from proxy.message import Exchange

__all__ = ["proxy_status"]

_LEAST_QUEUED = 0.001


def proxy_status(exchange: Exchange) -> bytes | None:
    """The field line; None when there is nothing to say. `queued` is in milliseconds."""
    plain = exchange.attempts < 2 and exchange.replayable
    if plain and not (exchange.refreshed or exchange.queued or exchange.coalesced or exchange.hedged):
        return None
    line = b"Proxy-Status: outrider"
    if exchange.attempts > 1:
        line += b"; attempts=%d" % exchange.attempts
    if exchange.refreshed:
        line += b"; refreshed"
    if exchange.queued >= _LEAST_QUEUED:
        line += b"; queued=%d" % round(exchange.queued * 1000)
    if exchange.coalesced:
        line += b"; coalesced"
    if exchange.hedged:
        line += b"; hedged"
    if not exchange.replayable:
        line += b"; not_replayable"
    return line
