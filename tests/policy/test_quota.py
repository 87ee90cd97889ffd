import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.policy.quota import Quota
from proxy.policy.quota_fields import Reading, Window

NOW = 1000.0


def says(
    remaining: int, reset: float = 10.0, limit: int | None = None, *, name: str = "w", counted: bool = True
) -> Reading:
    return Reading((Window(name, remaining, reset, limit, counted),))


def sent(quota: Quota, now: float = NOW) -> int:
    assert quota.wait(now) <= 0
    quota.take(now)
    return quota.depart()


def answered(quota: Quota, reading: Reading, now: float = NOW) -> None:
    quota.learn(sent(quota, now), reading, now)


def may_go(quota: Quota, now: float) -> int:
    """How many may go at this moment."""
    count = 0
    while quota.wait(now) <= 0 and count < 1000:
        sent(quota, now)
        count += 1
    return count


def test_nothing_is_held_while_nothing_is_known() -> None:
    quota = Quota()
    assert quota.quiet
    assert may_go(quota, NOW) == 1000
    assert quota.remaining(NOW) is None


def test_at_zero_new_requests_wait_for_the_reset() -> None:
    quota = Quota()
    answered(quota, says(0, 10.0))
    assert quota.wait(NOW) == pytest.approx(10.0)
    assert quota.wait(NOW + 4) == pytest.approx(6.0)
    assert quota.wait(NOW + 10) <= 0


def test_what_is_left_may_go() -> None:
    quota = Quota()
    answered(quota, says(3))
    assert may_go(quota, NOW) == 3
    assert quota.wait(NOW) == pytest.approx(10.0)


def test_requests_that_left_after_the_answered_one_have_taken_of_it() -> None:
    quota = Quota()
    first = sent(quota)
    for _ in range(4):
        sent(quota)
    quota.learn(first, says(6), NOW)
    assert quota.remaining(NOW) == 2
    assert may_go(quota, NOW) == 2


def test_an_answer_that_overtook_others_does_not_grant_what_those_will_take() -> None:
    quota = Quota()
    numbers = [sent(quota) for _ in range(5)]
    quota.learn(numbers[0], says(4), NOW)
    quota.learn(numbers[4], says(3), NOW)
    assert quota.remaining(NOW) == 0
    quota.learn(numbers[2], says(1), NOW)
    assert quota.wait(NOW) == pytest.approx(10.0)


def test_an_answer_that_says_more_is_believed_when_none_has_said_less_for_a_while() -> None:
    quota = Quota()
    numbers = [sent(quota) for _ in range(5)]
    quota.learn(numbers[0], says(4), NOW)
    quota.learn(numbers[4], says(2), NOW)
    assert 0 < quota.wait(NOW) <= 1.0
    assert quota.remaining(NOW + 1.0) == 2
    assert quota.wait(NOW + 1.0) <= 0


def test_calls_that_the_upstream_does_not_count_do_not_use_the_quota_up() -> None:
    quota, now = Quota(), NOW
    for _ in range(200):
        now += 0.1
        answered(quota, says(50, 3600.0), now)
    assert quota.remaining(now) >= 38


def test_a_new_window_is_believed_at_once() -> None:
    quota = Quota()
    answered(quota, says(1, 5.0))
    answered(quota, says(60, 5.0), NOW + 5.0)
    assert quota.remaining(NOW + 5.0) == 60


def test_a_request_that_did_not_go_takes_nothing() -> None:
    quota = Quota()
    answered(quota, says(1))
    quota.take(NOW)
    quota.give_back()
    assert may_go(quota, NOW) == 1


def test_after_a_hold_one_goes_first() -> None:
    for limit in (None, 7):
        quota = Quota()
        answered(quota, says(0, 10.0, limit))
        assert may_go(quota, NOW + 10) == 1
        assert 0 < quota.wait(NOW + 10) <= 1.0


def test_a_hold_that_ends_by_a_rounding_error_from_now_has_ended() -> None:
    quota = Quota()
    quota.hold(10.0, NOW)
    assert may_go(quota, NOW + 10 - 5e-7) == 1


def test_after_a_reset_without_a_hold_no_more_go_than_the_limit_until_an_answer_comes() -> None:
    quota = Quota()
    answered(quota, says(5, 10.0, limit=7))
    assert may_go(quota, NOW + 10) == 7
    quota.learn(sent(quota, NOW + 11), says(6, 10.0, limit=7), NOW + 11)
    assert quota.remaining(NOW) == 6


def test_the_answer_to_the_first_lets_the_others_go() -> None:
    quota = Quota()
    answered(quota, says(0, 10.0))
    first = sent(quota, NOW + 10)
    quota.learn(first, says(4, 10.0), NOW + 10.1)
    assert may_go(quota, NOW + 10.1) == 4


def test_an_answer_without_a_word_on_the_quota_lets_the_others_go_too() -> None:
    quota = Quota()
    quota.hold(5.0, NOW)
    first = sent(quota, NOW + 5)
    assert quota.wait(NOW + 5) > 0
    quota.answered(first)
    assert may_go(quota, NOW + 5) == 1000
    assert quota.quiet


def test_an_answer_to_an_earlier_request_does_not_stand_for_the_first_one() -> None:
    quota = Quota()
    early = sent(quota)
    quota.hold(5.0, NOW)
    sent(quota, NOW + 5)
    quota.answered(early)
    assert quota.wait(NOW + 5) > 0


def test_a_first_one_that_is_not_answered_holds_nobody_up_for_long() -> None:
    quota = Quota()
    quota.hold(5.0, NOW)
    sent(quota, NOW + 5)
    assert may_go(quota, NOW + 5 + 1.0) == 1000


def test_a_hold_that_ended_long_ago_slows_nobody_down() -> None:
    quota = Quota()
    quota.hold(5.0, NOW)
    assert may_go(quota, NOW + 60) == 1000


def test_a_pause_is_never_shortened_by_a_later_one() -> None:
    quota = Quota()
    quota.hold(30.0, NOW)
    quota.hold(1.0, NOW)
    assert quota.wait(NOW) == pytest.approx(30.0)


def test_of_several_windows_the_last_reset_of_those_used_up_counts() -> None:
    quota = Quota()
    windows = (Window("a", 0, 5.0, None), Window("b", 0, 60.0, None), Window("c", 9, 3600.0, None))
    answered(quota, Reading(windows))
    assert quota.wait(NOW) == pytest.approx(60.0)


def test_a_window_of_something_else_is_not_counted_down() -> None:
    quota = Quota()
    answered(quota, says(1, counted=False))
    assert may_go(quota, NOW) == 1000
    answered(quota, says(0, counted=False))
    assert quota.wait(NOW) == pytest.approx(10.0)
    assert quota.remaining(NOW) is None


def test_windows_that_are_invented_are_bounded_in_number() -> None:
    quota = Quota()
    for number in range(100):
        answered(quota, says(50, name=f"w{number}"))
    assert len(quota._windows) <= 8


def test_a_window_that_was_not_used_up_is_forgotten_at_its_reset() -> None:
    quota = Quota()
    answered(quota, says(5, 10.0))
    assert may_go(quota, NOW + 10) == 1000
    assert quota.quiet


class FixedWindow:
    """An upstream that counts honestly: `limit` in each `length` seconds, beginning with the clock's zero."""

    def __init__(self, limit: int, length: float) -> None:
        self.limit = limit
        self.length = length
        self.counts: dict[int, int] = {}

    def ask(self, now: float) -> Reading:
        window = int(now // self.length)
        self.counts[window] = self.counts.get(window, 0) + 1
        remaining = max(0, self.limit - self.counts[window])
        return says(remaining, (window + 1) * self.length - now, self.limit)


@given(
    st.integers(1, 6),
    st.lists(st.tuples(st.floats(0, 0.4), st.integers(0, 12), st.booleans()), min_size=1, max_size=60),
)
def test_an_upstream_that_counts_honestly_never_has_to_refuse(
    limit: int, crowds: list[tuple[float, int, bool]]
) -> None:
    """Crowds come at random; answers come at once, or with the next crowd and in the opposite order."""
    quota, upstream, now = Quota(), FixedWindow(limit, 3.0), 300.0
    quota.learn(sent(quota, now), upstream.ask(now), now)
    pending: list[tuple[int, Reading, float]] = []
    for pause, crowd, slow in crowds:
        now += pause
        for number, reading, said_at in reversed(pending):
            quota.learn(number, reading, said_at)
        pending.clear()
        for _ in range(crowd):
            if quota.wait(now) <= 0:
                pending.append((sent(quota, now), upstream.ask(now), now))
                if not slow:
                    quota.learn(*pending.pop())
    assert max(upstream.counts.values()) <= limit


@given(st.lists(st.tuples(st.integers(0, 5), st.floats(0.1, 20), st.floats(0, 10)), max_size=30))
def test_nobody_waits_longer_than_the_farthest_reset(readings: list[tuple[int, float, float]]) -> None:
    quota, now, farthest = Quota(), NOW, 0.0
    for remaining, reset, pause in readings:
        quota.learn(quota._departed, says(remaining, reset), now)
        farthest = max(farthest, now + reset)
        now += pause
        assert quota.wait(now) <= max(farthest - now, 1.0) + 1e-9
    assert quota.wait(farthest + 1.0) <= 0
