import logging

import pytest

from proxy.auth.session_report import SessionReport
from proxy.auth.supply import Failed, Fresh
from proxy.clock import NEVER
from proxy.observe.session_tally import SessionTallies, SessionTally
from proxy.secret import Secret

FRESH = Fresh(Secret("s3cret"), 60.0)


@pytest.fixture
def tally() -> SessionTally:
    return SessionTallies().of("p")


@pytest.fixture
def report(tally: SessionTally, caplog: pytest.LogCaptureFixture) -> SessionReport:
    caplog.set_level(logging.INFO, "outrider")
    return SessionReport("p", tally, lambda: 1000.0)


def kinds(tally: SessionTally) -> list[str]:
    return [found.kind for found in tally.events.since(0)]


def test_the_first_token_of_a_session_is_obtained_and_the_next_ones_are_refreshed(
    report: SessionReport, tally: SessionTally
) -> None:
    report.refreshed(FRESH, 0.1)
    report.refreshed(FRESH, 0.1)
    report.failed(Failed("no", terminal=True), 0.1, 0.0)
    report.refreshed(FRESH, 0.1)
    assert kinds(tally) == ["session.obtained", "session.refreshed", "session.expired", "session.obtained"]


def test_the_end_of_a_token_is_wall_time_and_nothing_where_it_has_none(
    report: SessionReport, tally: SessionTally
) -> None:
    report.refreshed(FRESH, 0.1)
    assert tally.expiry == 1060.0
    report.installed(Fresh(Secret("s3cret"), NEVER))
    assert tally.expiry == 0.0


@pytest.mark.parametrize(
    ("failed", "counted", "said"),
    [
        (Failed("no answer", said="on stderr", retry_after=3.0), "transient", "next try in 4 s: no answer: on stderr"),
        (Failed("refused", terminal=True), "terminal", "the session of p is over: refused"),
    ],
    ids=["for now", "for good"],
)
def test_a_failure_is_counted_and_told_to_logs_whole_and_to_others_without_what_a_command_said(
    report: SessionReport,
    tally: SessionTally,
    caplog: pytest.LogCaptureFixture,
    failed: Failed,
    counted: str,
    said: str,
) -> None:
    report.failed(failed, 0.1, 4.0)
    assert tally.refreshes[counted] == 1
    assert said in caplog.text
    assert tally.events.since(0)[0].facts["detail"] == failed.detail


def test_an_end_leaves_no_expiry_and_is_told_to_whoever_ends_requests(
    report: SessionReport, tally: SessionTally
) -> None:
    ended: list[str] = []
    tally.ended = lambda: ended.append("p")
    report.refreshed(FRESH, 0.1)
    report.terminated()
    assert (tally.expiry, ended, kinds(tally)[-1]) == (0.0, ["p"], "session.terminated")


def test_no_token_is_in_what_is_told(
    report: SessionReport, tally: SessionTally, caplog: pytest.LogCaptureFixture
) -> None:
    report.installed(FRESH)
    report.refreshed(FRESH, 0.1)
    report.revived()
    assert "s3cret" not in caplog.text + repr(tally.events.since(0))
