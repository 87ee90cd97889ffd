"""The `Outrider-…` fields by which a caller decides something for its own request.

What must not live here: which of them a daemon allows is configuration; what they do is each stage's business.
"""

from proxy.config.units import parse_duration
from proxy.errors import BadRequest
from proxy.message import Exchange
from proxy.policy.fields import is_token

__all__ = ["TOKEN_FIELD", "apply_overrides"]

TOKEN_FIELD = b"outrider-token"
_LONGEST_ID = 128
_NAMES = {
    b"outrider-auth": "auth",
    b"outrider-dedup": "dedup",
    b"outrider-min-interval": "min_interval",
    b"outrider-request-id": "request_id",
    b"outrider-retry": "retry",
    b"outrider-timeout": "timeout",
}


def apply_overrides(own: dict[bytes, bytes], exchange: Exchange, allowed: frozenset[str]) -> None:
    """Raises BadRequest for a field that is unknown, not allowed or malformed: none is ignored in silence."""
    for field, value in own.items():
        if field == TOKEN_FIELD:
            continue
        name = _NAMES.get(field)
        if name is None:
            raise BadRequest(f"Outrider knows no field {field.decode()}.")
        if name not in allowed:
            raise BadRequest(f"Callers may not use {field.decode()} here (access.overrides).")
        _apply(name, value, exchange)


def _apply(name: str, value: bytes, exchange: Exchange) -> None:
    match name:
        case "auth":
            exchange.wants_auth = _stays_on("Outrider-Auth", value, b"none")
        case "dedup":
            exchange.wants_dedup = _stays_on("Outrider-Dedup", value, b"off")
        case "retry":
            exchange.wants_retry = _stays_on("Outrider-Retry", value, b"off")
        case "min_interval":
            exchange.min_interval = _seconds("Outrider-Min-Interval", value)
        case "timeout":
            exchange.deadline = min(exchange.deadline, exchange.started + _seconds("Outrider-Timeout", value))
        case _:
            if len(value) > _LONGEST_ID or not is_token(value):
                raise BadRequest(f"Outrider-Request-Id is a token of at most {_LONGEST_ID} characters.")
            exchange.request_id = value


def _stays_on(field: str, value: bytes, off: bytes) -> bool:
    """A switch that can only be turned off."""
    if value.lower() != off:
        raise BadRequest(f"The only value of {field} is `{off.decode()}`.")
    return False


def _seconds(field: str, value: bytes) -> float:
    try:
        seconds = parse_duration(value.decode("latin-1"))
    except ValueError as error:
        raise BadRequest(f"{field} is {error}.") from None
    if seconds <= 0:
        raise BadRequest(f"{field} is a duration above zero, such as 2s.")
    return seconds
