import json

from proxy.hooks.notice import ErrorWindow, Expiries, Notice
from proxy.observe.events import Event


def event(kind: str = "request.error", number: int = 1, **facts: object) -> Event:
    return Event(number, kind, 1000.0, facts)


def error(code: str = "upstream_timeout", number: int = 1, upstream: str | None = "api") -> Event:
    return event(number=number, code=code, upstream=upstream)


def test_a_notice_is_the_event_and_the_name_of_the_hook() -> None:
    notice = Notice.of("on_refresh", event("session.refreshed", 7, profile="p", expires_at=None))
    assert json.loads(notice.content) == {
        "hook": "on_refresh",
        "id": 7,
        "kind": "session.refreshed",
        "at": 1000.0,
        "profile": "p",
        "expires_at": None,
    }


def test_a_commands_variables_are_the_plain_values() -> None:
    notice = Notice(
        "on_error", {"kind": "request.error", "id": 7, "detail": "a\0b", "codes": {"x": 1}, "upstream": None}
    )
    assert notice.variables == {
        "OUTRIDER_EVENT_KIND": "request.error",
        "OUTRIDER_EVENT_ID": "7",
        "OUTRIDER_EVENT_DETAIL": "ab",
    }


def test_a_session_is_over_once_until_it_lives_again() -> None:
    expiries = Expiries()
    kinds = ["expired", "terminated", "expired", "obtained", "terminated", "revived", "expired", "refreshed", "expired"]
    news = [expiries.is_news(event(f"session.{kind}", profile="p")) for kind in kinds]
    assert news == [True, False, False, False, True, False, True, False, True]


def test_sessions_are_told_apart() -> None:
    expiries = Expiries()
    assert [expiries.is_news(event("session.expired", profile=name)) for name in ("a", "b", "a")] == [True, True, False]


def test_the_first_error_is_told_at_once_and_the_next_together() -> None:
    window = ErrorWindow(10.0, [])
    first, at = window.add(error(), 100.0)
    assert first is not None
    assert (first.document["count"], at) == (1, None)
    assert window.add(error("circuit_open", 2), 101.0) == (None, 110.0)
    assert window.add(error("circuit_open", 3, None), 102.0) == (None, None)
    gathered = window.flush(110.0)
    assert gathered is not None
    assert gathered.document["count"] == 2
    assert gathered.document["codes"] == {"circuit_open": 2}
    assert gathered.document["upstreams"] == {"api": 1, "-": 1}
    assert gathered.document["id"] == 3


def test_the_end_of_a_window_begins_the_next_one() -> None:
    window = ErrorWindow(10.0, [])
    window.add(error(), 100.0)
    window.add(error(), 105.0)
    window.flush(110.0)
    assert window.add(error(), 115.0) == (None, 120.0)


def test_after_a_quiet_window_an_error_is_told_at_once() -> None:
    window = ErrorWindow(10.0, [])
    window.add(error(), 100.0)
    assert window.flush(110.0) is None
    assert window.add(error(), 110.0)[0] is not None


def test_errors_of_other_codes_are_not_told() -> None:
    window = ErrorWindow(10.0, ["circuit_open"])
    assert window.add(error("upstream_timeout"), 0.0) == (None, None)
    assert window.add(error("circuit_open"), 0.0)[0] is not None
