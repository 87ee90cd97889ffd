from types import SimpleNamespace
from typing import Any, cast

import pytest

from proxy.edge.visit import CALLER_GONE, Visit


def visiting(*, ended: bool = True, lame: bool = False, aligned: bool = False, **message: bool) -> Visit:
    """A request whose content, where it has none of its own, has `ended`; `message` is what its head says."""
    said = SimpleNamespace(**({"method": "GET", "path": "/", "should_close": False, "upgrade": False} | message))
    connection = SimpleNamespace(real_method=str.lower, is_lame=lame, is_aligned=aligned)
    payload = SimpleNamespace(is_eof=lambda: ended)
    return Visit(cast(Any, connection), cast(Any, said), cast(Any, payload), b"r-1", 0.0)


def test_the_method_is_the_one_that_the_caller_wrote() -> None:
    assert visiting().method == "get"


def test_a_request_without_content_leaves_the_connection_to_the_next() -> None:
    assert visiting().may_keep_alive()


@pytest.mark.parametrize("why", [{"should_close": True}, {"upgrade": True}, {"lame": True}, {"ended": False}])
def test_a_connection_that_is_to_end_or_is_out_of_step_takes_no_other_request(why: dict[str, bool]) -> None:
    assert not visiting(**why).may_keep_alive()


@pytest.mark.parametrize(
    ("complete", "length", "aligned", "kept"),
    [
        (True, 5, False, True),
        (True, 0, False, True),
        (True, None, True, True),
        # Where chunks end is known only where nothing stands behind them.
        (True, None, False, False),
        (False, 5, True, False),
        (False, None, True, False),
    ],
)
def test_content_leaves_the_connection_to_the_next_when_its_end_is_known(
    complete: bool, length: int | None, aligned: bool, kept: bool
) -> None:
    visit = visiting(ended=False, aligned=aligned)
    visit.content = cast(Any, SimpleNamespace(complete=complete, length=length))
    assert visit.may_keep_alive() is kept


@pytest.mark.parametrize(
    ("status", "counted", "cut"), [(0, CALLER_GONE, False), (200, 200, True), (503, 503, True), (101, 101, False)]
)
def test_a_caller_that_leaves_cuts_what_had_begun_and_no_tunnel(status: int, counted: int, cut: bool) -> None:
    visit = visiting()
    visit.status, visit.keep_alive = status, True
    visit.note_gone()
    assert (visit.status, visit.cut, visit.keep_alive) == (counted, cut, False)


def chain(profile: str | None) -> Any:
    return SimpleNamespace(entry=SimpleNamespace(auth=profile))


@pytest.mark.parametrize(
    ("profile", "wants", "uses"), [("token", True, True), ("token", False, False), ("other", True, False)]
)
def test_a_request_uses_the_profile_of_its_route_unless_it_asked_for_none(
    profile: str, wants: bool, uses: bool
) -> None:
    visit = visiting()
    visit.chain, visit.exchange = chain(profile), cast(Any, SimpleNamespace(wants_auth=wants))
    assert visit.uses("token") is uses


def test_a_request_that_has_not_got_so_far_uses_no_profile() -> None:
    visit = visiting()
    assert not visit.uses("token")
    visit.chain = chain("token")
    assert not visit.uses("token")
