"""The field that tells an upstream how much of a request's time is left.

What must not live here: who decides about the time.
"""

__all__ = ["time_left"]

_GRPC = b"grpc-timeout"
_GRPC_MOST = 99_999_999


def time_left(field: bytes, seconds: float) -> bytes:
    """The value of `field` (lower case): milliseconds, or gRPC's form with its unit where the field is gRPC's own."""
    milliseconds = max(round(seconds * 1000), 1)
    if field != _GRPC:
        return b"%d" % milliseconds
    # At most eight digits, so long times are told in seconds.
    return b"%dm" % milliseconds if milliseconds <= _GRPC_MOST else b"%dS" % min(milliseconds // 1000, _GRPC_MOST)
