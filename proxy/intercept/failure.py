"""What went wrong, in both directions: what an interceptor is told, and what it raises itself.

What must not live here: what is answered then (`proxy.intercept.stage`).
"""

from dataclasses import dataclass
from typing import Self

from proxy.errors import OutriderError

__all__ = ["Failure", "Refused"]


class Refused(Exception):
    """Raise it to refuse a request: the caller is answered 403 `request_refused` with this sentence."""

    def __init__(self, detail: str) -> None:
        super().__init__(detail)
        self.detail = detail


@dataclass(frozen=True, slots=True)
class Failure:
    """Why Outrider itself has no answer of the upstream's to give: what the problem document would say.

    An upstream's own error answers are answers, and come to `on_response`. `retry_after` is in seconds; `processed`
    tells whether the upstream may have acted on the request.
    """

    code: str
    status: int
    title: str
    detail: str
    stage: str
    retryable: bool
    retry_after: float | None
    processed: bool

    @classmethod
    def of(cls, error: OutriderError) -> Self:
        return cls(
            error.code,
            error.status,
            error.title,
            error.detail,
            error.stage,
            error.retryable,
            error.retry_after,
            error.processed,
        )
