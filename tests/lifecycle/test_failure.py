import errno
import os
import socket
import ssl
from collections.abc import Sequence

import pytest

from proxy.lifecycle.failure import StartFailed, listening, reason


def of_tls(reason: str | None) -> ssl.SSLError:
    error = ssl.SSLError(1, "[SSL: KEY_VALUES_MISMATCH] key values mismatch (_ssl.c:3900)")
    error.reason = reason
    return error


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (OSError(errno.EACCES, "error while attempting to bind on address ('0.0.0.0', 80)"), "permission denied"),
        (of_tls("KEY_VALUES_MISMATCH"), "key values mismatch"),
        (of_tls(None), "not usable"),
        (socket.gaierror(socket.EAI_NONAME, "Name or service not known"), "name or service not known"),
        (OSError(), "oserror"),
        (TimeoutError(), "timeouterror"),
    ],
)
def test_a_reason_is_in_the_systems_words(error: OSError, words: str) -> None:
    assert reason(error) == words


async def refused(error: OSError, there: Sequence[str] = ()) -> str:
    async def bind() -> None:
        raise error

    with pytest.raises(StartFailed) as failed:
        await listening(bind(), there)
    assert failed.value.exit_code == 1
    return str(failed.value)


def taken(address: str) -> OSError:
    return OSError(errno.EADDRINUSE, os.strerror(errno.EADDRINUSE), address)


async def test_what_is_bound_is_given_on() -> None:
    async def bind() -> str:
        return "bound"

    assert await listening(bind()) == "bound"


async def test_an_address_that_somebody_else_has_is_named_with_the_systems_reason() -> None:
    why = "cannot listen on 127.0.0.1:8080: address already in use"
    assert await refused(taken("127.0.0.1:8080"), ["127.0.0.1:9000"]) == why
    assert await refused(taken("127.0.0.1:8080")) == why


@pytest.mark.parametrize("own", ["127.0.0.1:8080", "0.0.0.0:8080"])
async def test_an_address_that_overlaps_one_of_our_own_says_which(own: str) -> None:
    said = await refused(taken("127.0.0.1:8080"), ["127.0.0.1:9000", own])
    assert said.endswith(f"this daemon listens on {own}, which overlaps it; restart it, or choose another port")


async def test_an_overlap_explains_no_other_failure() -> None:
    error = OSError(errno.EACCES, os.strerror(errno.EACCES), "127.0.0.1:80")
    assert await refused(error, ["0.0.0.0:80"]) == "cannot listen on 127.0.0.1:80: permission denied"
