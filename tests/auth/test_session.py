"""The shell around the state machine: who waits, who does not, and what each hears."""

import asyncio
import logging
from collections.abc import Callable

import pytest

from proxy.auth.session import SessionSource
from proxy.auth.session_report import SessionReport
from proxy.auth.source import SessionFault, Tokens
from proxy.auth.supply import ENDED, REPLACED, Failed, Fresh, Unkept
from proxy.errors import CredentialUnavailable, SessionExpired
from proxy.observe.session_tally import SessionTally
from proxy.secret import Secret
from tests.auth.tools import FakeClock

TERMINAL = Failed("the endpoint refuses for good", terminal=True)


class Supplier(Unkept):
    """Hands out `outcomes` in turn, each once `open` is set; numbered tokens when there are none left."""

    def __init__(self, *outcomes: Fresh | Failed | BaseException) -> None:
        self.outcomes = list(outcomes)
        self.held: list[Secret | None] = []
        self.open = asyncio.Event()
        self.open.set()
        self.news = False
        self.closed = False
        self.fault: SessionFault | None = None
        self.written = 0
        self.elsewhere: Fresh | Failed | None = None

    async def supply(self, held: Secret | None) -> Fresh | Failed:
        self.held.append(held)
        await self.open.wait()
        outcome = self.outcomes.pop(0) if self.outcomes else Fresh(Secret(f"t{len(self.held)}"), 1000)
        if isinstance(outcome, BaseException):
            raise outcome
        return outcome

    def changed(self, now: float) -> bool:
        return self.news

    async def install(self, tokens: Tokens) -> Fresh | None:
        if self.fault is not None:
            raise self.fault
        return None if tokens.access is None else await super().install(tokens)

    async def terminate(self) -> str:
        if self.fault is not None:
            raise self.fault
        return "told the server"

    def version(self) -> object:
        return self.written

    async def look(self, held: Secret | None) -> Fresh | Failed | None:
        return self.elsewhere

    async def close(self) -> None:
        self.closed = True


@pytest.fixture
def tally() -> SessionTally:
    return SessionTally()


@pytest.fixture
def wrap(clock: FakeClock, tally: SessionTally) -> Callable[..., SessionSource]:
    def build(supplier: Supplier, patience: float = 0.0) -> SessionSource:
        report = SessionReport("p", tally, FakeClock(5000.0))
        return SessionSource(supplier, "Authorization", "Bearer", clock, lambda: 0.5, report, patience=patience)

    return build


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(5):
        while not condition():
            await asyncio.sleep(0)


Wrap = Callable[..., SessionSource]


async def test_a_token_that_was_refused_is_replaced_for_all_who_say_so(wrap: Wrap) -> None:
    supplier = Supplier()
    source = wrap(supplier)
    held = await source.current()
    fresh = await asyncio.gather(*(source.refresh(held) for _ in range(100)))
    assert {id(one) for one in fresh} == {id(source.peek(1000.0))}
    assert len(supplier.held) == 2


async def test_a_late_refusal_of_an_earlier_token_gets_the_current_one_and_no_refresh(wrap: Wrap) -> None:
    supplier = Supplier()
    source = wrap(supplier)
    held = await source.current()
    fresh = await source.refresh(held)
    assert await source.refresh(held) is fresh
    assert len(supplier.held) == 2


async def test_new_requests_wait_once_a_token_is_known_to_be_bad(wrap: Wrap, clock: FakeClock) -> None:
    supplier = Supplier()
    source = wrap(supplier)
    held = await source.current()
    supplier.open.clear()
    refreshing = asyncio.create_task(source.refresh(held))
    await until(lambda: len(supplier.held) == 2)
    assert source.peek(clock()) is None
    waiting = asyncio.create_task(source.current())
    await asyncio.sleep(0)
    supplier.open.set()
    assert await waiting is await refreshing


async def test_a_refusal_that_nobody_waits_for_starts_the_refresh_all_the_same(wrap: Wrap) -> None:
    supplier = Supplier()
    source = wrap(supplier)
    held = await source.current()
    source.reject(held)
    await until(lambda: source.peek(1000.0) is not None)
    assert len(supplier.held) == 2


async def test_the_supplier_hears_which_token_will_not_do(wrap: Wrap) -> None:
    supplier = Supplier()
    source = wrap(supplier)
    await source.refresh(await source.current())
    assert supplier.held == [None, Secret("t1")]


async def test_the_same_token_again_is_no_other_one(wrap: Wrap) -> None:
    source = wrap(Supplier(Fresh(Secret("t"), 100), Fresh(Secret("t"), 100)))
    held = await source.current()
    assert await source.refresh(held) is None
    assert not source.may_refresh(held)


async def test_the_last_waiter_leaving_does_not_stop_the_refresh(wrap: Wrap, clock: FakeClock) -> None:
    supplier = Supplier()
    supplier.open.clear()
    source = wrap(supplier)
    waiting = asyncio.create_task(source.current())
    await until(lambda: len(supplier.held) == 1)
    waiting.cancel()
    await asyncio.wait((waiting,))
    supplier.open.set()
    await until(lambda: source.peek(clock()) is not None)


async def test_a_session_that_is_over_says_so_until_there_are_new_credentials(wrap: Wrap, tally: SessionTally) -> None:
    supplier = Supplier(TERMINAL)
    source = wrap(supplier)
    for _ in range(3):
        with pytest.raises(SessionExpired, match="for good"):
            await source.current()
    assert (len(supplier.held), source.unusable, tally.state()) == (1, "the endpoint refuses for good", "expired")
    supplier.news = True
    await source.current()
    assert (source.unusable, source.problem, tally.state()) == (None, None, "valid")


async def test_while_its_last_token_lives_a_session_that_is_over_serves(wrap: Wrap, clock: FakeClock) -> None:
    source = wrap(Supplier(Fresh(Secret("t"), 1000), TERMINAL))
    held = await source.current()
    clock.now += 950
    assert source.peek(clock()) is held
    await until(lambda: source.problem is not None)
    assert source.peek(clock()) is held
    assert source.unusable is None
    clock.now += 50
    with pytest.raises(SessionExpired):
        await source.current()


async def test_a_pause_that_the_endpoint_asks_for_is_told_to_callers(wrap: Wrap) -> None:
    source = wrap(Supplier(Failed("busy", retry_after=17)))
    with pytest.raises(CredentialUnavailable, match="busy") as caught:
        await source.current()
    assert caught.value.retry_after == 17


async def test_a_supplier_that_breaks_is_asked_again_by_the_next(wrap: Wrap) -> None:
    source = wrap(Supplier(LookupError("a defect")))
    with pytest.raises(LookupError):
        await source.current()
    assert (await source.current()).lines == b"Authorization: Bearer t2\r\n"


async def test_what_happened_is_counted_and_logged_without_the_token(
    wrap: Wrap, tally: SessionTally, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "outrider")
    outcomes = [Fresh(Secret("kanarie"), 60), Fresh(Secret("k2"), 60, shared=True), Failed("a", "said"), TERMINAL]
    source = wrap(Supplier(*outcomes))
    held = await source.current()
    assert (tally.expiry, tally.state()) == (5060, "valid")
    held = await source.refresh(held) or held
    with pytest.raises(CredentialUnavailable):
        await source.refresh(held)
    assert tally.state() == "cooling"
    assert tally.refreshes == {"success": 1, "shared": 1, "transient": 1, "terminal": 0}
    assert sum(tally.buckets) == 3
    assert "kanarie" not in caplog.text
    events = [record.event for record in caplog.records if hasattr(record, "event")]
    assert events == ["session.refreshed", "session.refreshed", "session.refresh_failed"]


async def test_closing_gives_a_refresh_under_way_its_time(wrap: Wrap) -> None:
    supplier = Supplier()
    supplier.open.clear()
    source = wrap(supplier, patience=5.0)
    waiting = asyncio.create_task(source.current())
    await until(lambda: len(supplier.held) == 1)
    closing = asyncio.create_task(source.close())
    await asyncio.sleep(0.01)
    assert not closing.done()
    supplier.open.set()
    assert (await waiting).lines == b"Authorization: Bearer t1\r\n"
    await closing
    assert supplier.closed


async def test_without_prewarm_a_start_asks_for_nothing(clock: FakeClock, tally: SessionTally) -> None:
    supplier = Supplier()
    report = SessionReport("p", tally, clock)
    source = SessionSource(supplier, "X-T", "", clock, lambda: 0.5, report, prewarm=False)
    await source.start()
    assert (supplier.held, tally.state()) == ([], "empty")
    assert (await source.current()).lines == b"X-T: t1\r\n"


# Sessions from outside


INSTALLED = b"Authorization: Bearer installed\r\n"


def tokens(access: str | None = "installed", refresh: str | None = None, lifetime: float = 1000) -> Tokens:
    return Tokens(Secret(access) if access else None, Secret(refresh) if refresh else None, lifetime)


async def test_a_session_from_outside_is_used_at_once(wrap: Wrap, clock: FakeClock, tally: SessionTally) -> None:
    source = wrap(Supplier())
    await source.current()
    await source.install(tokens())
    held = source.peek(clock())
    assert held is not None
    assert (held.lines, tally.state(), tally.expiry) == (INSTALLED, "valid", 6000)


async def test_those_who_wait_for_a_token_endpoint_that_hangs_go_on_with_what_is_installed(wrap: Wrap) -> None:
    supplier = Supplier()
    supplier.open.clear()
    source = wrap(supplier)
    waiting = [asyncio.create_task(source.current()) for _ in range(10)]
    await until(lambda: len(supplier.held) == 1)
    await source.install(tokens())
    assert {held.lines for held in await asyncio.gather(*waiting)} == {INSTALLED}


async def test_an_installation_that_fails_leaves_the_session_as_it_was(wrap: Wrap) -> None:
    supplier = Supplier()
    source = wrap(supplier)
    held = await source.current()
    supplier.fault = SessionFault("no room")
    with pytest.raises(SessionFault, match="no room"):
        await source.install(tokens())
    assert await source.current() is held


async def test_those_who_wait_while_an_installation_fails_get_their_token_all_the_same(wrap: Wrap) -> None:
    supplier = Supplier()
    supplier.open.clear()
    supplier.fault = SessionFault("no room")
    source = wrap(supplier)
    waiting = asyncio.create_task(source.current())
    await until(lambda: len(supplier.held) == 1)
    with pytest.raises(SessionFault):
        await source.install(tokens())
    supplier.open.set()
    assert (await waiting).lines == b"Authorization: Bearer t2\r\n"


async def test_a_token_that_no_field_can_carry_is_not_installed(wrap: Wrap) -> None:
    source = wrap(Supplier())
    with pytest.raises(SessionFault, match="control character"):
        await source.install(tokens("a\r\nb"))


@pytest.mark.parametrize("unfit", [tokens("a\r\nb"), tokens(lifetime=0), tokens(None)])
async def test_tokens_that_are_of_no_use_do_not_stop_a_renewal_under_way(wrap: Wrap, unfit: Tokens) -> None:
    supplier = Supplier()
    supplier.open.clear()
    source = wrap(supplier)
    waiting = asyncio.create_task(source.current())
    await asyncio.sleep(0)
    with pytest.raises(SessionFault):
        await source.install(unfit)
    supplier.open.set()
    assert (await waiting).lines == b"Authorization: Bearer t1\r\n"


async def test_a_refresh_token_alone_is_exchanged_at_once(wrap: Wrap, clock: FakeClock) -> None:
    supplier = Supplier()
    source = wrap(supplier)
    await source.current()
    await source.install(tokens(None, "refresh"))
    held = source.peek(clock())
    assert held is not None
    assert (held.lines, supplier.held) == (b"Authorization: Bearer t2\r\n", [None, None])


async def test_a_session_that_was_ended_answers_nothing_but_that(wrap: Wrap, tally: SessionTally) -> None:
    supplier = Supplier()
    source = wrap(supplier)
    held = await source.current()
    assert await source.terminate() == "told the server"
    assert source.peek(1000.0) is None
    with pytest.raises(SessionExpired, match="outrider login"):
        await source.current()
    with pytest.raises(SessionExpired):
        await source.refresh(held)
    assert (len(supplier.held), tally.state(), tally.expiry) == (1, "expired", 0)


async def test_those_who_wait_when_a_session_is_ended_hear_it(wrap: Wrap) -> None:
    supplier = Supplier()
    supplier.open.clear()
    source = wrap(supplier)
    waiting = asyncio.create_task(source.current())
    await until(lambda: len(supplier.held) == 1)
    await source.terminate()
    with pytest.raises(SessionExpired):
        await waiting


async def test_a_session_whose_end_cannot_be_kept_is_over_all_the_same(wrap: Wrap) -> None:
    supplier = Supplier()
    source = wrap(supplier)
    await source.current()
    supplier.fault = SessionFault("no room")
    with pytest.raises(SessionFault, match="no room"):
        await source.terminate()
    with pytest.raises(SessionExpired):
        await source.current()


@pytest.mark.parametrize("how", ["install", "other credentials"])
async def test_an_ended_session_lives_again_with(wrap: Wrap, tally: SessionTally, how: str) -> None:
    supplier = Supplier()
    source = wrap(supplier)
    await source.terminate()
    if how == "install":
        await source.install(tokens())
    supplier.news = True
    await source.current()
    assert (tally.state(), source.unusable) == ("valid", None)


async def test_what_another_process_has_done_is_noticed_while_a_token_is_still_good(wrap: Wrap) -> None:
    supplier = Supplier()
    source = wrap(supplier)
    held = await source.current()
    supplier.written, supplier.elsewhere = 1, Fresh(Secret("theirs"), 500, shared=True)
    source.glance()
    await until(lambda: source.peek(1000.0) not in (None, held))
    assert (await source.current()).lines == b"Authorization: Bearer theirs\r\n"
    supplier.written, supplier.elsewhere = 2, ENDED
    source.glance()
    await until(lambda: source.peek(1000.0) is None)
    with pytest.raises(SessionExpired):
        await source.current()


async def test_a_token_of_a_session_that_was_replaced_elsewhere_is_not_used(wrap: Wrap) -> None:
    supplier = Supplier()
    source = wrap(supplier)
    await source.current()
    supplier.written, supplier.elsewhere = 1, REPLACED
    source.glance()
    await until(lambda: source.peek(1000.0) is None)
    assert (await source.current()).lines == b"Authorization: Bearer t2\r\n"


async def test_a_look_that_finds_nothing_new_asks_for_nothing(wrap: Wrap) -> None:
    supplier = Supplier()
    source = wrap(supplier)
    supplier.written = 1
    source.glance()
    held = await source.current()
    supplier.written = 2
    source.glance()
    await asyncio.sleep(0)
    assert (source.peek(1000.0), len(supplier.held)) == (held, 1)
