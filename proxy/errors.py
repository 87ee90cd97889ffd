"""The closed tree of errors that Outrider answers with.

Every error names its problem code, status, the registered `Proxy-Status` token (RFC 9209 §2.3), whether the same
request may be worth repeating and whether the upstream may have processed it. Third-party exceptions are translated
into this tree where they arise (`proxy.upstream.translate`); nothing above knows them. What must not live here: how
an error is rendered (`proxy.edge.problem`).
"""

from typing import ClassVar

__all__ = [
    "ERRORS",
    "AdminError",
    "AdminTokenUnavailable",
    "AdminTokenWanted",
    "BadRequest",
    "CallerNotAllowed",
    "CircuitOpen",
    "ConfirmationMissing",
    "ContentNotValid",
    "ContentTooLarge",
    "CredentialUnavailable",
    "DeadlineExceeded",
    "GuardError",
    "HeadTooLarge",
    "HostNotAllowed",
    "InterceptorFailed",
    "InternalError",
    "LoopDetected",
    "MethodNotAllowed",
    "NotFound",
    "NotPossible",
    "OriginNotAllowed",
    "OutriderError",
    "Overloaded",
    "RateLimited",
    "RequestCancelled",
    "RequestError",
    "RequestRefused",
    "RequestTimeout",
    "RouteNotFound",
    "SessionExpired",
    "SessionTerminated",
    "UnsupportedContent",
    "UpstreamConnectFailed",
    "UpstreamDisconnected",
    "UpstreamDnsFailed",
    "UpstreamError",
    "UpstreamProtocolError",
    "UpstreamTimeout",
    "UpstreamTlsFailed",
]


class OutriderError(Exception):
    """An outcome that Outrider itself must answer for.

    `detail` is written for the person who reads the answer and never holds a field value, a query or a secret.
    `retry_after` is in seconds; `stage` is for an error that more than one stage raises, `token` for one whose cause
    has a registered token of its own; `lines` are fields that go with the answer.
    """

    code: ClassVar[str]
    status: ClassVar[int]
    title: ClassVar[str]
    token: str
    stage: str
    retryable: ClassVar[bool] = False
    processed: bool = False
    """Whether the upstream may have acted on the request; a class says what is usual, an error what was the case."""
    closes: ClassVar[bool] = False
    """Whether the caller's connection can no longer be trusted to be in step."""

    def __init__(
        self,
        detail: str,
        *,
        retry_after: float | None = None,
        processed: bool | None = None,
        stage: str | None = None,
        token: str | None = None,
        lines: tuple[bytes, ...] = (),
    ) -> None:
        super().__init__(detail)
        self.detail = detail
        self.retry_after = retry_after
        self.lines = lines
        if processed is not None:
            self.processed = processed
        if stage is not None:
            self.stage = stage
        if token is not None:
            self.token = token


class RouteNotFound(OutriderError):
    code, status, title = "route_not_found", 404, "No upstream matches"
    token, stage = "destination_not_found", "route"


class GuardError(OutriderError):
    """Who asks, or by which name, is not welcome here."""

    token, stage = "http_request_denied", "guard"


class HostNotAllowed(GuardError):
    code, status, title, closes = "host_not_allowed", 421, "Host not allowed", True


class OriginNotAllowed(GuardError):
    code, status, title = "origin_not_allowed", 403, "Origin not allowed"


class CallerNotAllowed(GuardError):
    code, status, title = "caller_not_allowed", 401, "Caller not allowed"


class RequestError(OutriderError):
    """The request is at fault as it came, so that nobody knows where the next one on its connection would begin."""

    token, stage, closes = "http_request_error", "edge", True


class BadRequest(RequestError):
    code, status, title = "bad_request", 400, "The request is not acceptable HTTP"


class HeadTooLarge(RequestError):
    code, status, title = "head_too_large", 431, "The request's head is over the cap"


class RequestTimeout(RequestError):
    code, status, title = "request_timeout", 408, "The request did not arrive in time"


class ContentTooLarge(RequestError):
    code, status, title = "content_too_large", 413, "The content is over the cap"


class LoopDetected(OutriderError):
    code, status, title = "loop_detected", 508, "The request came back to where it was"
    token, stage = "proxy_loop_detected", "edge"


class InternalError(OutriderError):
    code, status, title = "internal_error", 500, "Outrider failed"
    token, stage, closes = "proxy_internal_error", "edge", True


class InterceptorFailed(OutriderError):
    code, status, title = "interceptor_failed", 500, "An interceptor failed"
    token, stage = "proxy_internal_error", "intercept"


class RequestRefused(OutriderError):
    code, status, title = "request_refused", 403, "An interceptor refused the request"
    token, stage = "http_request_denied", "intercept"


class Overloaded(OutriderError):
    code, status, title = "overloaded", 503, "Too many requests"
    token, stage, retryable = "connection_limit_reached", "admission", True


class RateLimited(OutriderError):
    code, status, title = "rate_limited", 429, "Too fast"
    token, stage, retryable = "http_request_denied", "rate_limit", True


class CircuitOpen(OutriderError):
    code, status, title = "circuit_open", 503, "The upstream is being left alone"
    token, stage, retryable = "destination_unavailable", "breaker", True


class CredentialUnavailable(OutriderError):
    code, status, title = "credential_unavailable", 503, "No credential to send"
    token, stage, retryable = "proxy_internal_response", "authenticate", True


class SessionExpired(OutriderError):
    code, status, title = "session_expired", 401, "The session is over"
    token, stage = "http_request_denied", "authenticate"


class SessionTerminated(OutriderError):
    code, status, title = "session_terminated", 401, "The session was ended"
    token, stage, processed = "http_request_denied", "authenticate", True


class RequestCancelled(OutriderError):
    code, status, title = "request_cancelled", 503, "The request was cancelled"
    token, stage, processed = "proxy_internal_response", "admin", True


class DeadlineExceeded(OutriderError):
    code, status, title = "deadline_exceeded", 504, "The deadline passed"
    token, stage, retryable, processed = "http_response_timeout", "transport", True, True


class UpstreamError(OutriderError):
    """The upstream could not be reached, or its answer not used."""

    stage, retryable = "transport", True


class UpstreamDnsFailed(UpstreamError):
    code, status, title, token = "upstream_dns_failed", 502, "The upstream's name does not resolve", "dns_error"


class UpstreamConnectFailed(UpstreamError):
    code, status, title = "upstream_connect_failed", 502, "The upstream refused the connection"
    token = "connection_refused"


class UpstreamTlsFailed(UpstreamError):
    code, status, title = "upstream_tls_failed", 502, "TLS with the upstream failed"
    token, retryable = "tls_protocol_error", False


class UpstreamDisconnected(UpstreamError):
    code, status, title = "upstream_disconnected", 502, "The upstream closed the connection"
    token, processed = "connection_terminated", True


class UpstreamProtocolError(UpstreamError):
    code, status, title = "upstream_protocol_error", 502, "The upstream's answer is not acceptable HTTP"
    token, retryable, processed = "http_protocol_error", False, True


class UpstreamTimeout(UpstreamError):
    code, status, title = "upstream_timeout", 504, "The upstream is too slow"
    token, processed = "http_response_timeout", True


class AdminError(OutriderError):
    """What the admin plane answers to those who ask it."""

    token, stage = "http_request_denied", "admin"


class AdminTokenWanted(AdminError):
    code, status, title = "admin_token_wanted", 401, "The admin token is wanted"


class AdminTokenUnavailable(AdminError):
    code, status, title, retryable = "admin_token_unavailable", 503, "The admin token cannot be read", True


class ConfirmationMissing(AdminError):
    code, status, title = "confirmation_missing", 403, "A state change wants the field Outrider-Admin"


class NotFound(AdminError):
    code, status, title = "not_found", 404, "There is nothing here"


class MethodNotAllowed(AdminError):
    code, status, title = "method_not_allowed", 405, "Method not allowed"


class NotPossible(AdminError):
    code, status, title = "not_possible", 409, "Not possible as things stand"


class UnsupportedContent(AdminError):
    code, status, title = "unsupported_content", 415, "The content is not JSON"


class ContentNotValid(AdminError):
    code, status, title = "content_not_valid", 422, "The content is not what is wanted"


def _leaves(base: type[OutriderError]) -> dict[str, type[OutriderError]]:
    found = {base.code: base} if hasattr(base, "code") else {}
    for child in base.__subclasses__():
        found |= _leaves(child)
    return found


ERRORS: dict[str, type[OutriderError]] = _leaves(OutriderError)
"""Every error by its code: the table that the documentation and the tests read."""
