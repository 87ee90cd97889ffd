"""The life of one request at the edge: guard, route, deadline, the chain, the answer, the count.

What must not live here: reading bytes (`caller`, `head`), writing them (`pump`, `tunnel`), rules (`proxy.policy`).
"""

import logging

from proxy.clock import monotonic
from proxy.config.model import Config
from proxy.edge.caller_content import CallerContent
from proxy.edge.callers import Callers
from proxy.edge.cors import allow_origin, permission, preflight_lines
from proxy.edge.handling import Handling
from proxy.edge.head import RequestHead, read_head
from proxy.edge.overrides import TOKEN_FIELD, apply_overrides
from proxy.edge.problem import problem_answer
from proxy.edge.pump import relay, send_local
from proxy.edge.tunnel import run_tunnel
from proxy.edge.visit import CALLER_GONE, Visit
from proxy.errors import ContentTooLarge, OutriderError
from proxy.message import Exchange
from proxy.pipeline import Chain, Pipeline
from proxy.policy.guard import host_name
from proxy.policy.routing import Matched
from proxy.stages.server_timing import server_timing

__all__ = ["ProxyHandler"]


class ProxyHandler(Handling):
    """Handles the requests of the proxy listeners."""

    __slots__ = ("_allowed", "_body_cap", "_callers", "_pipeline", "_tallies")

    defect = "request.defect"

    def __init__(self, config: Config, pipeline: Pipeline, log: logging.Logger) -> None:
        super().__init__(log)
        self._pipeline = pipeline
        self._tallies = pipeline.tallies
        self._callers = Callers(config.access, pipeline.open_secret, monotonic)
        self._allowed = frozenset[str](config.access.overrides)
        self._body_cap = config.limits.body

    async def _serve(self, visit: Visit) -> None:
        head = read_head(visit.message, visit.method, visit.connection.head_cap)
        visit.old = head.old
        guard = self.socket_guard if visit.connection.is_local_socket else self.guard
        guard.check_host(head.host)
        if (head.origin is not None or head.site is not None) and guard.check_browser(head.origin, head.site):
            visit.origin = head.origin
        if head.origin is not None and visit.origin is not None and visit.method == "OPTIONS":
            lines = preflight_lines(head.origin, head.fields)
            if lines is not None:
                visit.keep_alive = visit.may_keep_alive()
                send_local(visit, 204, lines, None)
                return
        routes = self._pipeline.routes
        matched = routes.match(host_name(head.host) if routes.hosts else b"", visit.method, head.target)
        if self._callers:
            rules = await self._callers.identify(head.own.get(TOKEN_FIELD) if head.own else None)
            rules.check(visit.method, matched, head.target)
            visit.caller = rules.name
        chain = visit.chain = self._pipeline.chains[matched.route.number]
        chain.tally.begin()
        exchange = visit.exchange = self._exchange(visit, head, chain, matched)
        self._pipeline.admission.enter()
        visit.admitted = True
        visit.connection.receive(visit.content)
        response = await chain.stage.send(exchange)
        if response.tunnel is not None:
            visit.status = response.status
            await run_tunnel(visit.connection, response, visit.request_id, visit)
            return
        if visit.origin is not None:
            allow_origin(response, visit.origin)
        rest = relay(visit, response)
        if rest is not None:
            await rest

    def _exchange(self, visit: Visit, head: RequestHead, chain: Chain, matched: Matched) -> Exchange:
        exchange = Exchange(visit.method, matched.rest, head.fields, visit.request_id, visit.started)
        if head.length is not None or head.chunked:
            if head.length is not None and head.length > self._body_cap:
                raise ContentTooLarge(f"The content is larger than {self._body_cap} bytes (limits.body).")
            exchange.content = visit.content = CallerContent(
                visit.connection, visit.payload, head.length, self._body_cap, head.expects
            )
            exchange.expects_continue = head.expects
        exchange.host = head.host
        exchange.caller = visit.caller
        exchange.via = head.via
        exchange.upgrade = head.upgrade
        if chain.total:
            exchange.deadline = visit.started + chain.total
        if head.own is not None:
            apply_overrides(head.own, exchange, self._allowed)
            visit.request_id = exchange.request_id
        return exchange

    def _answer_error(self, visit: Visit, error: OutriderError) -> None:
        chain, exchange = visit.chain, visit.exchange
        upstream = None if chain is None else chain.entry.upstream.name
        (self._tallies.none if chain is None else chain.tally).error(error.code)
        begun = visit.status != 0
        self._note(visit, error, upstream)
        visit.keep_alive = not begun and not error.closes and visit.may_keep_alive()
        if begun:
            # The answer is under way, so there is no place for another one: the cut connection tells it.
            visit.connection.abort()
            return
        attempts, replayable = (0, True) if exchange is None else (exchange.attempts, exchange.replayable)
        lines, content = problem_answer(error, visit.request_id, upstream, attempts, replayable=replayable)
        if chain is not None and exchange is not None and chain.entry.upstream.config.server_timing:
            lines.append(server_timing(exchange, monotonic()))
        if visit.origin is not None:
            lines += permission(visit.origin)
        try:
            send_local(visit, error.status, lines, content)
        except ConnectionError:
            visit.status = CALLER_GONE

    def _note(self, visit: Visit, error: OutriderError, upstream: str | None) -> None:
        visit.error = error
        self._tallies.events.publish(
            "request.error",
            code=error.code,
            stage=error.stage,
            status=error.status,
            detail=error.detail,
            upstream=upstream,
            request_id=visit.request_id.decode("latin-1"),
        )

    def _settle(self, visit: Visit, now: float) -> None:
        if visit.admitted:
            self._pipeline.admission.leave()
        if visit.chain is None:
            tally, upstream = self._tallies.none, ""
            tally.begin()
        else:
            tally, upstream = visit.chain.tally, visit.chain.entry.upstream.name
        received = visit.received if visit.content is None else visit.content.received
        status = visit.status or CALLER_GONE
        seconds = now - visit.started
        trace = None if visit.exchange is None else visit.exchange.trace
        trace_id = trace.trace_id if trace is not None and trace.sampled else ""
        tally.end(visit.method, status, seconds, received, visit.sent, visit.request_id, trace_id)
        if (log := self._pipeline.request_log) is not None:
            log.note(visit, status, seconds, received, upstream)
