"""The line in which callers take turns."""

from collections import deque

from hypothesis import given, settings
from hypothesis import strategies as st

from proxy.policy.turns import Turns


def test_one_caller_is_served_in_order() -> None:
    line: Turns[int] = Turns()
    for number in range(5):
        line.put("", number)
    assert [line.take() for _ in range(6)] == [0, 1, 2, 3, 4, None]


def test_a_caller_with_one_request_does_not_wait_for_all_of_anothers() -> None:
    line: Turns[str] = Turns()
    for number in range(100):
        line.put("many", f"many {number}")
    line.put("one", "one")
    assert [line.take(), line.take(), line.take()] == ["many 0", "one", "many 1"]


def test_who_has_left_is_not_served() -> None:
    line: Turns[int] = Turns()
    for number in range(3):
        line.put("a", number)
    line.remove("a", 1)
    line.remove("a", 1)
    line.remove("stranger", 1)
    assert len(line) == 2
    assert [line.take(), line.take(), line.take()] == [0, 2, None]


Steps = st.lists(
    st.tuples(st.sampled_from(["put", "take", "remove"]), st.sampled_from("abc"), st.integers(0, 5)), max_size=60
)


@settings(deadline=None)
@given(Steps)
def test_it_behaves_as_lists_that_take_turns(steps: list[tuple[str, str, int]]) -> None:
    line: Turns[int] = Turns()
    order: list[str] = []
    waiting: dict[str, deque[int]] = {}
    for what, caller, item in steps:
        if what == "put":
            line.put(caller, item)
            waiting.setdefault(caller, deque()).append(item)
            order += [caller] if caller not in order else []
        elif what == "remove":
            line.remove(caller, item)
            if item in waiting.get(caller, ()):
                waiting[caller].remove(item)
        else:
            expected = None
            if order:
                turn = order.pop(0)
                expected = waiting[turn].popleft()
                order += [turn] if waiting[turn] else []
            assert line.take() == expected
        order = [name for name in order if waiting[name]]
        assert len(line) == sum(map(len, waiting.values()))
