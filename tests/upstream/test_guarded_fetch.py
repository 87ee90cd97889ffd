"""Module `proxy.upstream.guarded_fetch`: with a fake endpoint and a clock of the test's own."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from proxy.errors import CircuitOpen, Overloaded, UpstreamConnectFailed
from proxy.message.call import Call, Reply
from proxy.upstream.guarded_fetch import CALLS_A_SECOND, RULES, GuardedFetch


class Endpoint:
    """Answers with `status`, or fails where it is None."""

    def __init__(self) -> None:
        self.status: int | None = 200
        self.calls = 0

    async def __call__(self, call: Call, ready: Callable[[], Awaitable[None]] | None = None) -> Reply:
        self.calls += 1
        if self.status is None:
            raise UpstreamConnectFailed("refused")
        return Reply(self.status, [], b"")


def _call(url: str = "http://a.example/token", timeout: float = 5.0) -> Call:
    return Call("POST", url, [], b"", timeout)


async def _fall_ill(guarded: GuardedFetch, endpoint: Endpoint) -> None:
    endpoint.status = None
    for _ in range(RULES.min_calls):
        with pytest.raises(UpstreamConnectFailed):
            await guarded(_call())


async def test_an_endpoint_that_fails_is_left_alone_for_a_while() -> None:
    endpoint = Endpoint()
    guarded = GuardedFetch(endpoint, lambda: 0.0)
    await _fall_ill(guarded, endpoint)
    with pytest.raises(CircuitOpen) as refused:
        await guarded(_call())
    assert endpoint.calls == RULES.min_calls
    assert refused.value.retry_after == RULES.open
    assert not refused.value.processed


async def test_probes_that_succeed_open_the_way_again() -> None:
    now = [0.0]
    endpoint = Endpoint()
    guarded = GuardedFetch(endpoint, lambda: now[0])
    await _fall_ill(guarded, endpoint)
    endpoint.status, now[0] = 200, RULES.open
    for _ in range(RULES.probes + 1):
        assert (await guarded(_call())).status == 200


async def test_other_origins_are_not_held_back() -> None:
    endpoint = Endpoint()
    guarded = GuardedFetch(endpoint, lambda: 0.0)
    await _fall_ill(guarded, endpoint)
    endpoint.status = 200
    assert (await guarded(_call("http://b.example/token"))).status == 200


@pytest.mark.parametrize("status", [400, 401, 429])
async def test_refusals_of_the_endpoint_are_no_failures(status: int) -> None:
    endpoint = Endpoint()
    endpoint.status = status
    guarded = GuardedFetch(endpoint, lambda: 0.0)
    for _ in range(3 * RULES.min_calls):
        assert (await guarded(_call())).status == status


async def test_answers_of_its_own_failure_are_failures() -> None:
    endpoint = Endpoint()
    endpoint.status = 503
    guarded = GuardedFetch(endpoint, lambda: 0.0)
    for _ in range(RULES.min_calls):
        await guarded(_call())
    with pytest.raises(CircuitOpen):
        await guarded(_call())


async def test_calls_without_end_are_kept_to_a_pace() -> None:
    endpoint = Endpoint()
    guarded = GuardedFetch(endpoint, lambda: 0.0)
    asked = (guarded(_call(timeout=0.001)) for _ in range(2 * CALLS_A_SECOND))
    outcomes = await asyncio.gather(*asked, return_exceptions=True)
    refused = [one for one in outcomes if isinstance(one, Overloaded)]
    assert refused
    assert endpoint.calls == len(outcomes) - len(refused)


async def test_a_guard_is_the_endpoints_however_it_is_reached() -> None:
    endpoint, other = Endpoint(), Endpoint()
    guarded = GuardedFetch(endpoint, lambda: 0.0)
    around = guarded.around(other)
    await _fall_ill(guarded, endpoint)
    with pytest.raises(CircuitOpen):
        await around(_call())
    assert other.calls == 0
