"""The circuit breaker by itself: counted calls, states, probes."""

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, invariant, rule

from proxy.config.breaker_model import BreakerPolicy
from proxy.policy.breaker import REFUSED, Breaker, Circuit

POLICY = BreakerPolicy.model_construct(min_calls=4, failure_ratio=0.5, window=30.0, open=15.0, max_open=40.0, probes=3)


def breaker(**changes: object) -> Breaker:
    return Breaker(POLICY.model_copy(update=changes))


def fail(circuit: Breaker, now: float, times: int = 1) -> None:
    for _ in range(times):
        circuit.fail(circuit.admit(now), now)


def succeed(circuit: Breaker, now: float, times: int = 1) -> None:
    for _ in range(times):
        circuit.answered(circuit.admit(now), 200, now)


def opened(now: float = 0.0) -> Breaker:
    circuit = breaker()
    fail(circuit, now, 4)
    return circuit


def test_too_few_calls_never_open_it() -> None:
    circuit = breaker()
    fail(circuit, 0, 3)
    assert circuit.circuit is Circuit.CLOSED


def test_it_opens_when_the_share_of_failures_is_reached() -> None:
    circuit = breaker()
    succeed(circuit, 0, 4)
    fail(circuit, 0, 3)
    assert circuit.circuit is Circuit.CLOSED
    fail(circuit, 0)
    assert circuit.circuit is Circuit.OPEN


def test_a_success_never_opens_it() -> None:
    circuit = breaker(failure_ratio=0.1)
    fail(circuit, 0, 3)
    succeed(circuit, 0)
    assert circuit.circuit is Circuit.CLOSED


@pytest.mark.parametrize(("status", "opens"), [(499, False), (500, True), (599, True), (429, False), (430, False)])
def test_answers_of_5xx_are_failures(status: int, opens: bool) -> None:
    circuit = breaker()
    for _ in range(4):
        circuit.answered(circuit.admit(0.0), status, 0.0)
    assert (circuit.circuit is Circuit.OPEN) is opens


def test_an_answer_that_says_too_many_makes_the_failures_no_smaller_share() -> None:
    circuit = breaker()
    for _ in range(9):
        circuit.answered(circuit.admit(0.0), 429, 0.0)
    fail(circuit, 0, 4)
    assert circuit.circuit is Circuit.OPEN


def test_failures_older_than_the_window_are_forgotten() -> None:
    circuit = breaker()
    fail(circuit, 0, 3)
    fail(circuit, 30.0, 3)
    assert circuit.circuit is Circuit.CLOSED


def test_failures_within_the_window_add_up() -> None:
    circuit = breaker()
    for now in (0.0, 9.0, 18.0, 26.9):
        fail(circuit, now)
    assert circuit.circuit is Circuit.OPEN


def test_an_open_circuit_refuses_until_its_time_is_over() -> None:
    circuit = opened()
    assert [circuit.admit(now) for now in (0.0, 7.0, 14.9)] == [REFUSED] * 3
    assert circuit.retry_after(5.0) == 10.0
    assert circuit.admit(15.0) != REFUSED


def test_half_open_lets_as_many_probes_out_as_are_configured() -> None:
    circuit = opened()
    assert [circuit.admit(15.0) != REFUSED for _ in range(5)] == [True] * 3 + [False] * 2
    assert circuit.retry_after(15.0) == 1.0


def test_as_many_answers_as_probes_close_it() -> None:
    circuit = opened()
    succeed(circuit, 15.0, 2)
    assert circuit.circuit is Circuit.HALF_OPEN
    succeed(circuit, 15.0)
    assert circuit.circuit is Circuit.CLOSED


def test_no_more_probes_go_out_than_answers_are_wanted() -> None:
    circuit = opened()
    succeed(circuit, 15.0, 2)
    assert circuit.admit(15.0) != REFUSED
    assert circuit.admit(15.0) == REFUSED


def test_a_probe_that_says_nothing_is_free_for_another() -> None:
    circuit = opened()
    tickets = [circuit.admit(15.0) for _ in range(3)]
    circuit.exclude(tickets[0])
    assert circuit.admit(15.0) != REFUSED
    assert circuit.admit(15.0) == REFUSED


def test_a_failed_probe_opens_it_for_twice_as_long_up_to_the_cap() -> None:
    circuit = opened()
    now = 15.0
    for pause in (30.0, 40.0, 40.0):
        fail(circuit, now)
        assert circuit.admit(now + pause - 0.1) == REFUSED
        now += pause
    assert circuit.admit(now) != REFUSED


def test_a_circuit_that_closed_opens_for_the_first_time_again() -> None:
    circuit = opened()
    fail(circuit, 15.0)
    succeed(circuit, 45.0, 3)
    fail(circuit, 45.0, 4)
    assert circuit.retry_after(45.0) == 15.0


def test_a_circuit_that_closed_has_forgotten_the_failures_before() -> None:
    circuit = opened()
    succeed(circuit, 15.0, 3)
    fail(circuit, 15.0, 3)
    assert circuit.circuit is Circuit.CLOSED


@pytest.mark.parametrize("status", [200, 500])
def test_a_slow_call_from_before_the_opening_is_no_probe(status: int) -> None:
    circuit = breaker()
    early = circuit.admit(0.0)
    fail(circuit, 0.0, 4)
    circuit.admit(15.0)
    circuit.answered(early, status, 16.0)
    circuit.exclude(early)
    assert circuit.circuit is Circuit.HALF_OPEN
    assert [circuit.admit(16.0) != REFUSED for _ in range(3)] == [True, True, False]


def test_probes_that_never_end_do_not_keep_others_out_for_ever() -> None:
    circuit = opened()
    stuck = [circuit.admit(15.0) for _ in range(3)]
    assert circuit.admit(29.9) == REFUSED
    succeed(circuit, 30.0, 3)
    assert circuit.circuit is Circuit.CLOSED
    circuit.fail(stuck[0], 31.0)
    assert circuit.circuit is Circuit.CLOSED


def test_every_change_is_told_once() -> None:
    told: list[Circuit] = []
    circuit = Breaker(POLICY, told.append)
    fail(circuit, 0.0, 4)
    fail(circuit, 15.0)
    succeed(circuit, 45.0, 3)
    assert told == [
        Circuit.OPEN, Circuit.HALF_OPEN, Circuit.OPEN, Circuit.HALF_OPEN, Circuit.CLOSED,
    ]  # fmt: skip


class AgainstAModel(RuleBasedStateMachine):
    """The model keeps every call in a list, and counts anew each time."""

    tickets = Bundle("tickets")

    def __init__(self) -> None:
        super().__init__()
        self.circuit = breaker()
        self.now = 1000.0
        self.state = Circuit.CLOSED
        self.calls: list[tuple[float, bool]] = []
        self.era = 0
        self.pause = 15.0
        self.until = 0.0
        self.out: set[int] = set()
        self.answered = 0
        self.numbers = 0

    def enter(self, state: Circuit) -> None:
        self.state = state
        self.era += 1
        self.out = set()
        self.answered = 0
        if state is not Circuit.HALF_OPEN:
            self.until = self.now + self.pause
        if state is Circuit.CLOSED:
            self.calls = []

    @rule(seconds=st.sampled_from([0.0, 0.1, 1.0, 2.9, 3.0, 10.0, 15.0, 31.0, 40.0, 1000.0]))
    def time_passes(self, seconds: float) -> None:
        self.now += seconds

    @rule(target=tickets)
    def a_call_begins(self) -> tuple[int, int, int]:
        ticket = self.circuit.admit(self.now)
        self.numbers += 1
        if self.state is not Circuit.CLOSED and self.now >= self.until and (self.state is Circuit.OPEN or self.out):
            self.enter(Circuit.HALF_OPEN)
            self.until = self.now + self.pause
        allowed = self.state is Circuit.CLOSED or (
            self.state is Circuit.HALF_OPEN and len(self.out) + self.answered < POLICY.probes
        )
        assert (ticket != REFUSED) is allowed
        if allowed:
            self.out.add(self.numbers)
        return (ticket, self.era if allowed else -1, self.numbers)

    @rule(call=consumes(tickets), outcome=st.sampled_from(["succeed", "fail", "exclude"]))
    def a_call_ends(self, call: tuple[int, int, int], outcome: str) -> None:
        ticket, era, number = call
        if ticket == REFUSED:
            return
        if outcome == "exclude":
            self.circuit.exclude(ticket)
        else:
            self.circuit.answered(ticket, 500 if outcome == "fail" else 200, self.now)
        if era != self.era:
            return
        self.out.discard(number)
        if outcome == "exclude":
            return
        if self.state is Circuit.CLOSED:
            self.calls.append((self.now, outcome == "fail"))
            oldest = self.now // 3 - 9
            recent = [failed for when, failed in self.calls if when // 3 >= oldest]
            if outcome == "fail" and len(recent) >= POLICY.min_calls and sum(recent) * 2 >= len(recent):
                self.enter(Circuit.OPEN)
        elif outcome == "fail":
            self.pause = min(self.pause * 2, POLICY.max_open)
            self.enter(Circuit.OPEN)
        else:
            self.answered += 1
            if self.answered == POLICY.probes:
                self.pause = POLICY.open
                self.enter(Circuit.CLOSED)

    @invariant()
    def both_are_in_the_same_state(self) -> None:
        assert self.circuit.circuit is self.state


AgainstAModel.TestCase.settings = settings(max_examples=60, stateful_step_count=60)
test_it_behaves_as_the_model_does = AgainstAModel.TestCase
