import random

from hypothesis import given
from hypothesis import strategies as st

from proxy.policy.budget import CLOSED_AT_MOST, RetryBudget


class Time:
    now = 100.0

    def __call__(self) -> float:
        return self.now


def test_a_few_are_granted_however_little_is_in_flight() -> None:
    budget = RetryBudget(0.2, 3, Time())
    assert [budget.take(1) for _ in range(5)] == [True, True, True, False, False]


def test_above_that_a_share_of_the_requests_in_flight_is_granted() -> None:
    budget = RetryBudget(0.2, 3, Time())
    assert sum(budget.take(100) for _ in range(50)) == 20


def test_what_was_given_back_is_granted_again() -> None:
    budget = RetryBudget(0.2, 1, Time())
    for _ in range(10):
        assert budget.take(1)
        budget.give_back()


def test_once_exhausted_nothing_is_granted_until_all_is_back() -> None:
    budget = RetryBudget(0.0, 2, Time())
    assert [budget.take(5) for _ in range(3)] == [True, True, False]
    budget.give_back()
    assert not budget.take(5)
    assert not budget.extend(5)
    budget.give_back()
    assert budget.take(5)


def test_a_retry_that_hangs_does_not_keep_the_budget_closed() -> None:
    time = Time()
    budget = RetryBudget(0.0, 2, time)
    assert [budget.take(5) for _ in range(3)] == [True, True, False]
    budget.give_back()
    time.now += CLOSED_AT_MOST
    assert budget.take(5)


def test_a_permit_is_used_again_while_there_is_room() -> None:
    budget = RetryBudget(0.5, 1, Time())
    assert budget.take(4)
    assert budget.take(4)
    assert budget.extend(4)
    assert not budget.extend(2)


def test_a_budget_of_nothing_grants_nothing() -> None:
    budget = RetryBudget(0.0, 0, Time())
    assert not budget.take(1000)
    assert not budget.take(1000)


@given(st.integers(1, 400), st.integers(2, 6), st.integers())
def test_a_storm_in_which_everything_fails_adds_no_more_than_its_share(requests: int, attempts: int, seed: int) -> None:
    """The model: all requests are sent at once, all fail, and each asks for as many attempts as it may."""
    budget = RetryBudget(0.2, 3, Time())
    order = random.Random(seed)
    waiting = [(0, number) for number in range(requests)]
    in_flight, calls = requests, requests
    while waiting:
        tried, number = waiting.pop(order.randrange(len(waiting)) if len(waiting) < requests // 5 else 0)
        granted = tried + 1 < attempts and (budget.extend(in_flight) if tried else budget.take(in_flight))
        if granted:
            calls += 1
            waiting.append((tried + 1, number))
        else:
            in_flight -= 1
            if tried:
                budget.give_back()
    assert budget.in_flight == 0
    if requests >= 15:
        assert calls <= requests * 1.2


@given(st.lists(st.tuples(st.booleans(), st.integers(0, 200)), max_size=200))
def test_no_more_than_the_limit_is_ever_in_flight(steps: list[tuple[bool, int]]) -> None:
    budget = RetryBudget(0.2, 3, Time())
    held = 0
    for taking, requests in steps:
        if taking:
            granted = budget.take(requests)
            held += granted
            assert not granted or held <= max(3, 0.2 * requests)
        elif held:
            budget.give_back()
            held -= 1
        assert budget.in_flight == held
