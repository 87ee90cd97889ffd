"""Which caller shows a token, and what is said when none can be compared."""

from functools import partial
from pathlib import Path
from typing import Any

import pytest

from proxy.auth.secret_reader import open_secret
from proxy.config.model import Access
from proxy.edge.callers import Callers
from proxy.errors import CallerNotAllowed, CredentialUnavailable

WEB = {"env": "WEB"}
JOB = {"env": "JOB"}
SLOW = {"exec": ["printf", "slow-token"]}
"""Is not there at once: a command must have run."""
MISSING = {"env": "NOT_SET"}


def callers(**tokens: dict[str, Any]) -> Callers:
    access = Access.model_validate({"callers": {name: {"token": token} for name, token in tokens.items()}})
    environ = {"WEB": "web-token", "JOB": "job-token"}
    return Callers(access, partial(open_secret, base=Path(), environ=environ, clock=_stopped), _stopped)


def _stopped() -> float:
    return 0.0


def test_where_nobody_is_named_nobody_is_asked() -> None:
    assert not callers()
    assert callers(web=WEB)


@pytest.mark.parametrize(("shown", "name"), [(b"web-token", "web"), (b"job-token", "job"), (b"slow-token", "slow")])
async def test_a_token_says_who_calls(shown: bytes, name: str) -> None:
    assert (await callers(web=WEB, slow=SLOW, job=JOB).identify(shown)).name == name


@pytest.mark.parametrize("shown", [None, b"", b"web-toke", b"web-token2", b"\xff"])
async def test_no_token_and_any_other_is_nobodys(shown: bytes | None) -> None:
    with pytest.raises(CallerNotAllowed):
        await callers(web=WEB, job=JOB).identify(shown)


async def test_a_token_that_cannot_be_read_keeps_nobody_else_out() -> None:
    assert (await callers(web=MISSING, job=JOB).identify(b"job-token")).name == "job"


async def test_who_shows_an_unknown_token_while_another_cannot_be_read_is_refused() -> None:
    with pytest.raises(CallerNotAllowed):
        await callers(web=MISSING, job=JOB).identify(b"web-token")


async def test_where_no_token_can_be_read_it_is_no_fault_of_the_callers() -> None:
    with pytest.raises(CredentialUnavailable) as caught:
        await callers(web=MISSING, job=MISSING).identify(b"web-token")
    assert caught.value.retry_after == 5
