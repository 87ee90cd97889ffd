"""Intercept: the route's interceptors, in order on the way in and in the reverse order on the way out.

Outermost in the chain: what they change is what every other stage goes by, the credential is put in far inside of them,
and they see what the caller will see. What must not live here: calling one of them (`proxy.intercept.link`).
"""

from collections.abc import Sequence

from proxy.errors import InterceptorFailed, OutriderError
from proxy.intercept.failure import Failure
from proxy.intercept.link import Link
from proxy.intercept.request import Request
from proxy.intercept.response import Response
from proxy.message import Exchange, Stage
from proxy.message import Response as Answer

__all__ = ["Intercept"]


class Intercept:
    __slots__ = ("_links", "_next", "_upstream")

    def __init__(self, links: Sequence[Link], upstream: str, inner: Stage) -> None:
        self._links = tuple(links)
        self._upstream = upstream
        self._next = inner

    async def send(self, exchange: Exchange) -> Answer:
        request = Request(exchange, self._upstream)
        entered = 0
        outcome: Response | OutriderError | None = None
        try:
            for link in self._links:
                if link.on_request is not None:
                    request.enter(link.name, link.cap)
                    outcome = await link.ask(link.on_request, exchange.deadline, request)
                    if outcome is not None:
                        outcome.fields.add("Proxy-Status", f'outrider; interceptor="{link.name}"')
                        break
                entered += 1
            if outcome is None:
                request.settle(exchange)
                answer = await self._next.send(exchange)
                if answer.tunnel is not None:
                    # No longer HTTP: there is nothing for an interceptor to read or change.
                    return answer
                outcome = Response.received(answer)
        except InterceptorFailed:
            raise
        except OutriderError as error:
            outcome = error
        return await self._out(entered, request, exchange, outcome)

    async def _out(
        self, entered: int, request: Request, exchange: Exchange, outcome: Response | OutriderError
    ) -> Answer:
        """Past those that the request has passed, the last one first."""
        for link in self._links[entered - 1 :: -1] if entered else ():
            try:
                outcome = await self._past(link, request, exchange, outcome)
            except BaseException as error:
                if isinstance(outcome, Response):
                    outcome.close()
                # A failing interceptor is the end of it: no other one may make an answer out of that.
                if isinstance(error, InterceptorFailed) or not isinstance(error, OutriderError):
                    raise
                outcome = error
        if isinstance(outcome, Response):
            return outcome.settled()
        try:
            raise outcome
        finally:
            # An error holds its frames, and this one would hold the error.
            del outcome

    async def _past(
        self, link: Link, request: Request, exchange: Exchange, outcome: Response | OutriderError
    ) -> Response | OutriderError:
        if isinstance(outcome, Response):
            if link.on_response is None:
                return outcome
            outcome.enter(link.name, link.cap)
            other = await link.ask(link.on_response, exchange.deadline, request, outcome)
            if other is None or other is outcome:
                return outcome
            outcome.close()
            return other
        if link.on_error is None:
            return outcome
        return await link.ask(link.on_error, exchange.deadline, request, Failure.of(outcome)) or outcome
