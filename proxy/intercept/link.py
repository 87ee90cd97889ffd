"""One interceptor in a chain of them: calls its methods, waits for them within limits, and judges what comes of it.

What must not live here: the order of interceptors (`proxy.intercept.stage`).
"""

import asyncio
import inspect
import logging
from collections.abc import Awaitable, Callable
from typing import Any

from proxy.clock import monotonic
from proxy.errors import ContentTooLarge, DeadlineExceeded, InterceptorFailed, OutriderError, RequestRefused
from proxy.intercept.body import TooLarge
from proxy.intercept.failure import Refused
from proxy.intercept.response import Response
from proxy.observe.log import LOGGER, event

__all__ = ["Hook", "Link"]

Hook = Callable[..., Any]

_BLOCKING = 0.1
"""Seconds in which a method that does not wait keeps the loop from everything else, and is told of."""
_QUIET = 10.0
_CLOSING = 5.0
"""Seconds that an instance has at most to give back what it has: a stop waits for it."""


class Link:
    """The methods of an instance that are there. `cap` is in bytes, `timeout` in seconds for one call."""

    __slots__ = ("_close", "_quiet_until", "_timeout", "cap", "name", "on_error", "on_request", "on_response")

    def __init__(self, name: str, instance: object, cap: int, timeout: float) -> None:
        self.name = name
        self.cap = cap
        self._timeout = timeout
        self.on_request: Hook | None = getattr(instance, "on_request", None)
        self.on_response: Hook | None = getattr(instance, "on_response", None)
        self.on_error: Hook | None = getattr(instance, "on_error", None)
        self._close: Hook | None = getattr(instance, "close", None)
        self._quiet_until = 0.0

    async def ask(self, hook: Hook, deadline: float, *arguments: object) -> Response | None:
        """What the method answers. Raises OutriderError: InterceptorFailed for whatever is wrong with it."""
        began = monotonic()
        try:
            outcome = hook(*arguments)
            if (blocked := monotonic() - began) >= _BLOCKING:
                self._tell_of_blocking(hook, blocked)
            if inspect.isawaitable(outcome):
                outcome = await self._within(outcome, deadline)
        except OutriderError:
            raise
        except Refused as refused:
            raise RequestRefused(f"The interceptor {self.name} refused it: {refused.detail}", processed=False) from None
        except TooLarge:
            if hook == self.on_request:
                raise self._too_large() from None
            raise self._failed(hook, f"met an answer over {self.cap} bytes (its max_content)", None) from None
        except Exception as error:
            # Code of others may raise anything; the caller is told whose it was, the log where.
            raise self._failed(hook, "failed", error) from None
        if outcome is None or isinstance(outcome, Response):
            return outcome
        raise self._failed(hook, f"answered with a {type(outcome).__name__}, not a Response or None", None)

    async def _within(self, waiting: Awaitable[Any], deadline: float) -> Any:
        limit = asyncio.get_running_loop().time() + self._timeout
        try:
            async with asyncio.timeout_at(min(limit, deadline)) as scope:
                return await waiting
        except TimeoutError:
            if not scope.expired():
                raise
            if deadline < limit:
                detail = f"The request's deadline passed while the interceptor {self.name} was at work."
                raise DeadlineExceeded(detail, stage="intercept") from None
            raise InterceptorFailed(f"The interceptor {self.name} took longer than {self._timeout:g} s.") from None

    async def close(self) -> None:
        """Let the instance give back what it has, within its time. Whatever it does wrong is logged."""
        if self._close is None:
            return
        try:
            async with asyncio.timeout(min(self._timeout, _CLOSING)):
                closing = self._close()
                if inspect.isawaitable(closing):
                    await closing
        except Exception as error:
            # As above, code of others.
            message = f"the interceptor {self.name} failed in close"
            event(logging.getLogger(LOGGER), logging.ERROR, "interceptor.failed", message, error=error)

    def _tell_of_blocking(self, hook: Hook, seconds: float) -> None:
        now = monotonic()
        if now >= self._quiet_until:
            self._quiet_until = now + _QUIET
            method = getattr(hook, "__name__", "hook")
            message = f"the interceptor {self.name} held up every request for {seconds:.3f} s, in {method}"
            hint = "make the method asynchronous, or let a thread do the work (asyncio.to_thread)"
            logger = logging.getLogger(LOGGER)
            event(logger, logging.WARNING, "interceptor.blocks", f"{message}; {hint}", interceptor=self.name)

    def _too_large(self) -> ContentTooLarge:
        detail = (
            f"The content is larger than the {self.cap} bytes that the interceptor {self.name} reads (max_content)."
        )
        return ContentTooLarge(detail, stage="intercept")

    def _failed(self, hook: Hook, what: str, error: Exception | None) -> InterceptorFailed:
        method = getattr(hook, "__name__", "hook")
        detail = f"The interceptor {self.name} {what}, in {method}."
        logger = logging.getLogger(LOGGER)
        event(logger, logging.ERROR, "interceptor.failed", detail, error=error, interceptor=self.name)
        return InterceptorFailed(f"{detail} Outrider's log has the trace." if error else detail)
