"""How answers that are given to more than one request say so, and how long and how many are kept."""

from hypothesis import given
from hypothesis import strategies as st

from proxy.message import Exchange
from proxy.policy.answers import AnswerWindow, shared_lines
from proxy.policy.dedup import Variant

ASKED = Exchange("GET", b"/", [], b"id", 0.0)
ENTRY = 1024


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def window(clock: Clock, *, ttl: float = 2.0, total: int = 10**6) -> AnswerWindow:
    return AnswerWindow(ttl, total, clock)


def keep(window: AnswerWindow, name: str, content: bytes = b"", *lines: bytes, variant: Variant = Variant()) -> None:  # noqa: B008
    window.keep((name,), 200, b"OK", lines, content, variant)


def found(window: AnswerWindow, name: str) -> bytes | None:
    kept = window.find((name,), ASKED)
    return None if kept is None else kept.content


def test_a_shared_answer_has_no_cookies_and_says_that_it_is_shared() -> None:
    lines = [b"A: 1", b"Set-Cookie: a=b", b"set-cookie: c=d", b"Cache-Status: far; hit"]
    assert shared_lines(lines) == [
        b"A: 1",
        b"Cache-Status: far; hit",
        b"Cache-Status: outrider; fwd=miss; collapsed",
    ]


def test_an_answer_is_kept_until_its_time_is_over() -> None:
    clock = Clock()
    answers = window(clock)
    keep(answers, "a", b"content")
    clock.now += 1.9
    assert found(answers, "a") == b"content"
    clock.now += 0.2
    assert found(answers, "a") is None
    assert len(answers) == 0


def test_a_kept_answer_says_its_age_on_top_of_what_it_had() -> None:
    clock = Clock()
    answers = window(clock, ttl=100)
    keep(answers, "a", b"", b"A: 1", b"age: 30")
    clock.now += 12.7
    kept = answers.find(("a",), ASKED)
    assert kept is not None
    assert answers.lines(kept) == [b"A: 1", b"Age: 42", b"Cache-Status: outrider; hit"]


def test_an_age_that_is_no_number_counts_as_none() -> None:
    clock = Clock()
    answers = window(clock)
    keep(answers, "a", b"", b"Age: old")
    kept = answers.find(("a",), ASKED)
    assert kept is not None
    assert answers.lines(kept)[0] == b"Age: 0"


def test_a_kept_answer_that_varies_is_for_those_alone_who_sent_the_same() -> None:
    answers = window(Clock())
    keep(answers, "a", b"", variant=Variant((b"x-lang",), (((b"x-lang", b"de"),),)))
    assert answers.find(("a",), ASKED) is None
    assert answers.find(("a",), Exchange("GET", b"/", [(b"X-Lang", b"de")], b"id", 0.0)) is not None


def test_an_answer_larger_than_the_window_is_not_kept() -> None:
    answers = window(Clock(), total=2 * ENTRY)
    keep(answers, "a", bytes(ENTRY + 1))
    assert found(answers, "a") is None


@given(st.lists(st.tuples(st.sampled_from("abcdef"), st.integers(0, 3000), st.floats(0, 1)), max_size=40))
def test_no_more_is_kept_than_the_total_and_nothing_too_long(kept: list[tuple[str, int, float]]) -> None:
    clock = Clock()
    answers = window(clock, total=5000)
    newest: dict[str, tuple[float, bytes]] = {}
    for name, size, pause in kept:
        clock.now += pause
        content = name.encode() * size
        keep(answers, name, content)
        newest[name] = (clock.now, content)
        assert answers.size <= 5000
        for key, (at, latest) in newest.items():
            answer = found(answers, key)
            assert answer is None or (answer == latest and clock.now - at < 2.0)
