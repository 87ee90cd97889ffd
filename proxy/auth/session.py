"""A credential that renews itself: the thin shell of I/O around the state machine of `proxy.policy.session`.

With a good token a request pays one comparison. One detached task at a time refreshes for everybody who waits. What
must not live here: when to refresh (the state machine), how to get a token (a `Supplier`), what is logged (the report).
"""

from collections.abc import Callable

from proxy.auth.field import owned, token_line
from proxy.auth.secret_rules import SecretUnavailable
from proxy.auth.session_report import SessionReport
from proxy.auth.single_flight import SingleFlight
from proxy.auth.source import PreparedInjection, SessionFault, Tokens
from proxy.auth.supply import ENDED, REPLACED, Failed, Fresh, Supplier
from proxy.clock import Clock
from proxy.errors import CredentialUnavailable, SessionExpired
from proxy.policy.session import Session, Verdict
from proxy.secret import Secret

__all__ = ["SessionSource"]

_CLOSED = Failed("the profile is being closed")
_NO_NEWS = Failed("nothing was asked for")
_LEAST_PAUSE = 1.0
_PAST = float("-inf")


class SessionSource:
    """Puts the session's token into `header` after the word `scheme`. `spread()` in [0, 1) spreads renewals.

    `patience` is how many seconds a refresh under way is given when the source is closed: to stop in the middle of a
    rotation would lose the session.
    """

    __slots__ = ("_clock", "_failed", "_flight", "_header", "_injection", "_patience", "_prewarm", "_quiet_until",
                 "_report", "_scheme", "_seen", "_session", "_supplier", "_token", "cookie_name", "query_name",
                 "strip")  # fmt: skip

    def __init__(
        self,
        supplier: Supplier,
        header: str,
        scheme: str,
        clock: Clock,
        spread: Callable[[], float],
        report: SessionReport,
        *,
        prewarm: bool = True,
        patience: float = 0.0,
    ) -> None:
        self._supplier = supplier
        self._header = header
        self._scheme = scheme
        self._clock = clock
        self._report = report
        self._prewarm = prewarm
        self._patience = patience
        self._session = Session(spread)
        self._flight = SingleFlight(self._renew)
        self._token: Secret | None = None
        self._injection: PreparedInjection | None = None
        self._quiet_until = _PAST
        self._failed: Failed | None = None
        self._seen: object = None
        self.strip = owned(header)
        self.query_name = self.cookie_name = b""
        report.tally.state = lambda: self._session.state(clock())

    @property
    def token(self) -> Secret | None:
        """What was obtained last."""
        return self._token

    @property
    def problem(self) -> str | None:
        return str(self._failed) if self._failed else None

    @property
    def unusable(self) -> str | None:
        """Why no request can be served now; None when one can, or when nothing stands against it."""
        if self._failed is None or self._session.is_usable(self._clock()):
            return None
        return self._failed.detail

    def peek(self, now: float) -> PreparedInjection | None:
        if now < self._quiet_until:
            return self._injection
        return self._look(now)

    def _look(self, now: float) -> PreparedInjection | None:
        session = self._session
        if session.over and self._supplier.changed(now):
            session.revive()
            self._report.revived()
        verdict = session.decide(now)
        if verdict is Verdict.RENEW:
            self._flight.begin()
            return self._injection
        if verdict is Verdict.USE:
            self._quiet_until = session.quiet_until(now)
            return self._injection
        return None

    async def current(self) -> PreparedInjection:
        now = self._clock()
        held = self.peek(now)
        if held is not None:
            return held
        if self._failed is not None and self._session.decide(now) in (Verdict.PAUSED, Verdict.OVER):
            raise self._refusal(self._failed)
        outcome = await self._flight.join() or _CLOSED
        if outcome is _NO_NEWS:
            return await self.current()
        if isinstance(outcome, Failed):
            raise self._refusal(outcome)
        return outcome

    async def settled(self) -> PreparedInjection:
        """As `current`, but once a renewal that is under way has ended; one that fails takes nothing away."""
        if self._flight.busy:
            await self._flight.join()
        return await self.current()

    def may_refresh(self, rejected: PreparedInjection) -> bool:
        return self._session.may_help(self._serial_of(rejected), self._clock())

    def reject(self, rejected: PreparedInjection) -> None:
        self._session.reject(self._serial_of(rejected))
        self._quiet_until = _PAST
        if self._session.decide(self._clock()) is Verdict.WAIT:
            self._flight.begin()

    async def refresh(self, rejected: PreparedInjection) -> PreparedInjection | None:
        self._session.reject(self._serial_of(rejected))
        self._quiet_until = _PAST
        fresh = await self.current()
        if fresh is rejected:
            self.replayed(fresh, accepted=False)
            return None
        return fresh

    def replayed(self, injection: PreparedInjection, *, accepted: bool) -> None:
        self._session.replayed(self._serial_of(injection), self._clock(), accepted=accepted)

    async def renew(self) -> None:
        self._look(self._clock())
        if self._session.over and self._failed is not None:
            raise self._refusal(self._failed)
        outcome: PreparedInjection | Failed = _NO_NEWS
        while outcome is _NO_NEWS:
            outcome = await self._flight.join() or _CLOSED
        if isinstance(outcome, Failed):
            raise self._refusal(outcome)

    async def install(self, tokens: Tokens) -> None:
        # Before a renewal is stopped for them: it may be one that cannot be begun again.
        tokens.check()
        if tokens.access is not None and isinstance(unfit := self._prepared(tokens.access), Failed):
            raise SessionFault(unfit.detail)
        faults: list[SessionFault] = []

        async def put() -> PreparedInjection | Failed:
            try:
                fresh = await self._supplier.install(tokens)
            except SessionFault as fault:
                faults.append(fault)
                return _NO_NEWS
            if fresh is None:
                self._void()
                return await self._renew()
            return self._adopt(fresh, None)

        outcome = await self._flight.instead(put) or _CLOSED
        if faults:
            raise faults[0]
        if isinstance(outcome, Failed):
            raise SessionFault(outcome.detail)

    async def terminate(self) -> str:
        said: list[str] = []
        faults: list[SessionFault] = []

        async def end() -> PreparedInjection | Failed:
            self._end()
            try:
                said.append(await self._supplier.terminate())
            except SessionFault as fault:
                faults.append(fault)
            return ENDED

        # Nobody is handed the token from here on, also while the store is waited for.
        self._end()
        if await self._flight.instead(end) is None:
            raise SessionFault(_CLOSED.detail)
        if faults:
            raise faults[0]
        return said[0]

    def glance(self) -> None:
        """Take notice of what another process has made of the session; to be called now and then."""
        version = self._supplier.version()
        if version != self._seen and not self._flight.busy:
            self._seen = version
            self._flight.begin(self._look_around)

    async def start(self) -> None:
        if self._prewarm:
            await self.current()

    async def close(self) -> None:
        await self._flight.close(self._patience)
        await self._supplier.close()

    def _serial_of(self, injection: PreparedInjection) -> int:
        """-1 for every token but the current one."""
        return self._session.serial if injection is self._injection else -1

    def _refusal(self, failed: Failed) -> CredentialUnavailable | SessionExpired:
        # Without what a command wrote to its standard error: callers may read this.
        if failed.terminal:
            return SessionExpired(failed.detail)
        return CredentialUnavailable(failed.detail, retry_after=self._session.pause(self._clock()) or _LEAST_PAUSE)

    async def _renew(self) -> PreparedInjection | Failed:
        session = self._session
        session.begin()
        started = self._clock()
        settled = False
        try:
            outcome = await self._supplier.supply(self._token)
            adopted = self._adopt(outcome, started) if isinstance(outcome, Fresh) else outcome
            if isinstance(adopted, Failed):
                self._fail(adopted, started)
            settled = True
            return adopted
        finally:
            if not settled:
                session.abandon()
            self._quiet_until = _PAST

    async def _look_around(self) -> PreparedInjection | Failed:
        news = await self._supplier.look(self._token)
        if isinstance(news, Fresh):
            return self._adopt(news, self._clock())
        if news is ENDED:
            self._end()
        elif news is REPLACED:
            self._void()
        return _NO_NEWS

    def _end(self) -> None:
        if self._failed is not ENDED:
            self._report.terminated()
        self._session.terminate()
        self._failed = ENDED
        self._forget()

    def _void(self) -> None:
        """The token that there is belongs to a session that is no more."""
        self._session.revive()
        self._session.reject(self._session.serial)
        self._forget()

    def _forget(self) -> None:
        self._token = self._injection = None
        self._quiet_until = _PAST

    def _prepared(self, token: Secret) -> PreparedInjection | Failed:
        """What goes into requests."""
        try:
            return PreparedInjection(lines=token_line(self._header, self._scheme, token.reveal()))
        except SecretUnavailable as unavailable:
            return Failed(unavailable.detail)

    def _adopt(self, fresh: Fresh, started: float | None) -> PreparedInjection | Failed:
        """`started` is when it was asked for, None for one from outside."""
        prepared = self._prepared(fresh.token)
        if isinstance(prepared, Failed):
            return prepared
        now = self._clock()
        self._session.succeed(now, fresh.lifetime)
        self._failed = None
        self._token = fresh.token
        if self._injection != prepared:
            self._injection = prepared
        self._quiet_until = _PAST
        if started is None:
            self._report.installed(fresh)
        else:
            self._report.refreshed(fresh, now - started)
        return self._injection

    def _fail(self, failed: Failed, started: float) -> None:
        now = self._clock()
        self._failed = failed
        if failed.terminal:
            self._session.end()
        else:
            self._session.fail(now, failed.retry_after)
        self._report.failed(failed, now - started, self._session.pause(now))
