"""Examples by name, then a machine that does anything in any order beside a model of a few lines."""

import math

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from proxy.clock import NEVER
from proxy.policy.session import STATES, Session, Verdict


@pytest.fixture
def session() -> Session:
    return Session(lambda: 0.5)


def with_token(session: Session, now: float = 0.0, lifetime: float = 1000.0) -> Session:
    session.begin()
    session.succeed(now, lifetime)
    return session


def test_a_new_session_is_empty_and_waits_for_its_first_token(session: Session) -> None:
    assert (session.state(0), session.decide(0), session.serial) == ("empty", Verdict.WAIT, 0)
    assert session.quiet_until(0) == -math.inf


def test_a_token_is_used_until_its_renewal_is_due(session: Session) -> None:
    with_token(session)
    assert (session.decide(899), session.state(899), session.quiet_until(0)) == (Verdict.USE, "valid", 900)
    assert session.decide(900) is Verdict.RENEW


def test_while_it_is_renewed_a_good_token_is_used_to_its_end(session: Session) -> None:
    with_token(session).begin()
    assert (session.decide(999), session.state(999), session.quiet_until(950)) == (Verdict.USE, "renewing", 1000)
    assert session.decide(1000) is Verdict.WAIT


def test_a_failed_early_renewal_fails_no_request_and_is_tried_again_after_its_pause(session: Session) -> None:
    with_token(session).begin()
    session.fail(950)
    assert (session.decide(950.5), session.state(950.5)) == (Verdict.USE, "cooling")
    assert session.quiet_until(950.5) == 951
    assert session.decide(951) is Verdict.RENEW


def test_without_a_token_callers_are_answered_at_once_during_a_pause(session: Session) -> None:
    session.begin()
    session.fail(0, 30)
    assert (session.decide(29), session.pause(29), session.state(29)) == (Verdict.PAUSED, 1, "cooling")
    assert session.decide(30) is Verdict.WAIT


def test_a_session_that_is_over_uses_its_last_token_to_its_end(session: Session) -> None:
    with_token(session).begin()
    session.end()
    assert (session.decide(999), session.state(999), session.quiet_until(10)) == (Verdict.USE, "valid", 11)
    assert (session.decide(1000), session.state(1000)) == (Verdict.OVER, "expired")


def test_new_credentials_revive_a_session(session: Session) -> None:
    session.begin()
    session.end()
    session.revive()
    assert (session.decide(0), session.state(0)) == (Verdict.WAIT, "empty")


def test_a_rejection_of_the_current_token_ends_it(session: Session) -> None:
    with_token(session).reject(1)
    assert (session.decide(1), session.state(1)) == (Verdict.WAIT, "empty")


def test_a_rejection_of_an_earlier_token_means_nothing(session: Session) -> None:
    with_token(with_token(session), 10).reject(1)
    assert session.decide(11) is Verdict.USE


def test_a_refresh_that_was_stopped_leaves_things_as_they_were(session: Session) -> None:
    with_token(session).begin()
    session.abandon()
    assert session.decide(950) is Verdict.RENEW


def test_fresh_tokens_that_are_refused_too_make_refreshes_rare(session: Session) -> None:
    now, pauses = 0.0, []
    for _ in range(7):
        with_token(session, now)
        assert session.may_help(session.serial, now)
        session.reject(session.serial)
        with_token(session, now)
        for _ in range(100):
            session.replayed(session.serial, now, accepted=False)
        pauses.append(next(wait for wait in range(1, 100) if session.may_help(session.serial, now + wait)))
        now += pauses[-1]
    assert pauses == [1, 2, 4, 8, 16, 32, 60]


def test_a_fresh_token_that_is_accepted_makes_refreshes_as_ready_as_before(session: Session) -> None:
    with_token(session).replayed(1, 0, accepted=False)
    assert not session.may_help(1, 0)
    session.replayed(1, 0, accepted=True)
    assert session.may_help(1, 0)


def test_an_earlier_token_always_has_a_better_one_to_be_replaced_by(session: Session) -> None:
    with_token(with_token(session)).replayed(2, 0, accepted=False)
    assert session.may_help(1, 0)


def test_a_token_without_end_is_never_looked_at_again(session: Session) -> None:
    with_token(session, lifetime=NEVER)
    assert session.quiet_until(1e12) == NEVER


class Machine(RuleBasedStateMachine):
    """The model knows four things: until when the current token is good, what runs, what is over, what is paused."""

    def __init__(self) -> None:
        super().__init__()
        self.session = Session(lambda: 0.5)
        self.now = 0.0
        self.serial = 0
        self.good_until = -math.inf
        self.running = False
        self.over = False
        self.paused_until = -math.inf
        self.failures = 0

    @rule(seconds=st.sampled_from([0.0, 0.5, 1.0, 7.0, 61.0, 400.0, 4000.0]))
    def time_passes(self, seconds: float) -> None:
        self.now += seconds

    @precondition(lambda self: not self.running)
    @rule()
    def begins(self) -> None:
        self.session.begin()
        self.running = True

    @precondition(lambda self: self.running)
    @rule(lifetime=st.sampled_from([1.0, 99.0, 100.0, 3600.0, NEVER]))
    def succeeds(self, lifetime: float) -> None:
        self.session.succeed(self.now, lifetime)
        self.serial += 1
        self.running = self.over = False
        self.good_until, self.paused_until, self.failures = self.now + lifetime, -math.inf, 0

    @precondition(lambda self: self.running)
    @rule(retry_after=st.sampled_from([None, 0.0, 5.0, 300.0]))
    def fails(self, retry_after: float | None) -> None:
        self.session.fail(self.now, retry_after)
        self.running = False
        self.paused_until = self.now + max(min(60, 2**self.failures), retry_after or 0)
        self.failures += 1

    @precondition(lambda self: self.running)
    @rule()
    def ends(self) -> None:
        self.session.end()
        self.running, self.over = False, True

    @precondition(lambda self: self.running)
    @rule()
    def is_stopped(self) -> None:
        self.session.abandon()
        self.running = False

    @rule(back=st.integers(0, 2))
    def an_upstream_rejects(self, back: int) -> None:
        self.session.reject(self.serial - back)
        if back == 0:
            self.good_until = -math.inf

    @precondition(lambda self: self.over)
    @rule()
    def new_credentials_come(self) -> None:
        self.session.revive()
        self.over, self.paused_until, self.failures = False, -math.inf, 0

    @invariant()
    def a_request_may_do_what_the_model_says(self) -> None:
        verdict = self.session.decide(self.now)
        if self.now < self.good_until:
            assert verdict in (Verdict.USE, Verdict.RENEW)
            if verdict is Verdict.RENEW:
                assert not self.running
                assert not self.over
                assert self.now >= self.paused_until
        elif self.running:
            assert verdict is Verdict.WAIT
        elif self.over:
            assert verdict is Verdict.OVER
        else:
            assert verdict is (Verdict.PAUSED if self.now < self.paused_until else Verdict.WAIT)

    @invariant()
    def until_it_is_time_to_look_again_the_token_is_good_and_nothing_is_due(self) -> None:
        until = self.session.quiet_until(self.now)
        assert until <= self.good_until
        if until > self.now:
            just_before = self.now + (min(until, self.now + 1e6) - self.now) * 0.999
            assert self.session.decide(just_before) is Verdict.USE

    @invariant()
    def it_is_in_one_known_state_that_fits(self) -> None:
        state = self.session.state(self.now)
        assert state in STATES
        assert (state == "renewing") is self.running
        if state == "valid":
            assert self.now < self.good_until
        if state in ("empty", "expired"):
            assert self.now >= self.good_until
        assert self.session.serial == self.serial


TestMachine = Machine.TestCase
TestMachine.settings = settings(max_examples=100, stateful_step_count=40)
