"""The limit that finds its place."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.policy.concurrency import AdaptiveLimit, Permits


def adaptive(least: int = 1, most: int = 100) -> tuple[Permits, AdaptiveLimit]:
    permits = Permits(most)
    return permits, AdaptiveLimit(permits, least, most)


def answer_all(permits: Permits, limit: AdaptiveLimit) -> None:
    """As many answers as the limit is high, all of it in use."""
    permits.in_use = permits.limit
    for _ in range(permits.limit):
        limit.answered()


@pytest.mark.parametrize(("least", "most", "start"), [(1, 100, 10), (1, 4, 4), (30, 100, 30)])
def test_it_starts_at_ten_or_as_near_as_it_may(least: int, most: int, start: int) -> None:
    assert adaptive(least, most)[0].limit == start


def test_it_grows_by_one_with_as_many_answers_as_it_is_high() -> None:
    permits, limit = adaptive()
    permits.in_use = 10
    for _ in range(9):
        limit.answered()
    assert permits.limit == 10
    limit.answered()
    assert permits.limit == 11


def test_it_does_not_grow_while_less_than_half_is_in_use() -> None:
    permits, limit = adaptive()
    permits.in_use = 4
    for _ in range(100):
        limit.answered()
    assert permits.limit == 10


def test_a_drop_takes_a_tenth() -> None:
    permits, limit = adaptive()
    limit.dropped(began=0.0, now=1.0)
    assert permits.limit == 9


def test_the_drops_of_one_crowd_count_once() -> None:
    permits, limit = adaptive()
    for _ in range(10):
        limit.dropped(began=0.0, now=1.0)
    assert permits.limit == 9
    limit.dropped(began=1.5, now=2.0)
    assert permits.limit == 8


def test_it_stays_at_its_most_under_steady_success() -> None:
    permits, limit = adaptive(1, 12)
    for _ in range(10):
        answer_all(permits, limit)
    assert permits.limit == 12


def test_it_settles_around_what_an_upstream_bears() -> None:
    permits, limit = adaptive()
    seen = []
    for second in range(400):
        if permits.limit > 40:
            limit.dropped(began=float(second), now=second + 0.5)
        else:
            answer_all(permits, limit)
        seen.append(permits.limit)
    assert min(seen[200:]) >= 35
    assert max(seen[200:]) <= 41


Events = st.lists(st.tuples(st.booleans(), st.integers(0, 100)), max_size=300)


@given(Events, st.integers(1, 20), st.integers(20, 60))
def test_it_never_leaves_its_bounds(events: list[tuple[bool, int]], least: int, most: int) -> None:
    permits, limit = adaptive(least, most)
    for now, (dropped, in_use) in enumerate(events):
        permits.in_use = in_use
        if dropped:
            limit.dropped(began=now, now=now)
        else:
            limit.answered()
        assert least <= permits.limit <= most
