"""The exact CORS fields for origins that are listed; nobody else gets any (Fetch standard, CORS protocol).

What must not live here: which origins are listed (`proxy.policy.guard`).
"""

from proxy.message import Response

__all__ = ["allow_origin", "permission", "preflight_lines"]

_PREFLIGHT_SECONDS = 600


def allow_origin(response: Response, origin: bytes) -> None:
    """Add the origin's own permission; what the upstream said of origins has been dropped already."""
    response.lines = [*response.lines, *permission(origin)]


def preflight_lines(origin: bytes, fields: list[tuple[bytes, bytes]]) -> list[bytes] | None:
    """The answer's lines to a preflight of a listed origin; None when the request is none."""
    asked = {name.lower(): value for name, value in fields}
    method = asked.get(b"access-control-request-method")
    if method is None:
        return None
    lines = [*permission(origin), b"Access-Control-Allow-Methods: " + method]
    wanted = asked.get(b"access-control-request-headers")
    if wanted is not None:
        lines.append(b"Access-Control-Allow-Headers: " + wanted)
    return [*lines, b"Access-Control-Max-Age: %d" % _PREFLIGHT_SECONDS]


def permission(origin: bytes) -> list[bytes]:
    """The lines that let a page of `origin` read the answer."""
    return [b"Access-Control-Allow-Origin: " + origin, b"Vary: Origin"]
