from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from proxy.policy.line import Line


def filled(*items: tuple[str, str, int]) -> Line[str, int]:
    line: Line[str, int] = Line()
    for caller, kind, item in items:
        line.put(caller, kind, item)
    return line


def taken(line: Line[str, int], ready: str = "ab") -> list[int]:
    found = []
    while (item := line.take(lambda kind: kind in ready)) is not None:
        found.append(item)
    return found


def test_one_caller_is_served_in_order() -> None:
    assert taken(filled(("", "a", 1), ("", "a", 2), ("", "a", 3))) == [1, 2, 3]


def test_callers_take_turns() -> None:
    line = filled(("x", "a", 1), ("x", "a", 2), ("x", "a", 3), ("y", "a", 4), ("z", "a", 5), ("y", "a", 6))
    assert taken(line) == [1, 4, 5, 2, 6, 3]


def test_what_is_not_ready_holds_up_nothing_else() -> None:
    line = filled(("", "a", 1), ("", "b", 2), ("", "a", 3))
    assert taken(line, "b") == [2]
    assert taken(line, "a") == [1, 3]


def test_what_left_the_line_is_not_served() -> None:
    line = filled(("", "a", 1), ("", "a", 2))
    line.remove("", "a", 1)
    line.remove("", "a", 1)
    line.remove("nobody", "a", 1)
    assert taken(line) == [2]
    assert len(line) == 0


def test_the_kinds_are_those_that_somebody_waits_for() -> None:
    line = filled(("x", "a", 1), ("y", "b", 2))
    assert set(line.kinds()) == {"a", "b"}
    line.remove("x", "a", 1)
    assert set(line.kinds()) == {"b"}


def test_a_newcomer_of_a_quiet_caller_stands_behind_one_of_each_busy_one() -> None:
    line = filled(*[("busy", "a", number) for number in range(10)], ("other", "a", 100))
    assert line.before("new") == 2
    assert line.before("other") == 3
    assert line.before("busy") == 11


class AgainstAModel(RuleBasedStateMachine):
    """The line beside plain lists per caller, and the turn kept as a list of callers."""

    def __init__(self) -> None:
        super().__init__()
        self.line: Line[str, int] = Line()
        self.waiting: dict[str, list[tuple[str, int]]] = {}
        self.number = 0

    @rule(caller=st.sampled_from("xyz"), kind=st.sampled_from("ab"))
    def put(self, caller: str, kind: str) -> None:
        self.number += 1
        self.line.put(caller, kind, self.number)
        self.waiting.setdefault(caller, []).append((kind, self.number))

    @rule(ready=st.sampled_from(["", "a", "b", "ab"]))
    def take(self, ready: str) -> None:
        item = self.line.take(lambda kind: kind in ready)
        for caller, waiting in self.waiting.items():
            firsts = {kind: number for kind, number in reversed(waiting) if kind in ready}
            if firsts:
                assert item in firsts.values()
                waiting.remove(next(pair for pair in waiting if pair[1] == item))
                del self.waiting[caller]
                if waiting:
                    self.waiting[caller] = waiting
                return
        assert item is None

    @rule(data=st.data())
    def remove(self, data: st.DataObject) -> None:
        if self.waiting:
            caller = data.draw(st.sampled_from(sorted(self.waiting)))
            kind, number = data.draw(st.sampled_from(self.waiting[caller]))
            self.line.remove(caller, kind, number)
            self.waiting[caller].remove((kind, number))
            if not self.waiting[caller]:
                del self.waiting[caller]

    @invariant()
    def they_agree(self) -> None:
        assert len(self.line) == sum(map(len, self.waiting.values()))
        assert set(self.line.kinds()) == {kind for waiting in self.waiting.values() for kind, _ in waiting}
        assert self.line.before("new") == len(self.waiting)


TestAgainstAModel = AgainstAModel.TestCase
TestAgainstAModel.settings = settings(max_examples=60)
