import asyncio

from proxy.observe.lag import LAG_BOUNDS, LoopLag


class ManualLoop(asyncio.AbstractEventLoop):
    """A clock and one timer, moved by hand."""

    now = 100.0

    def time(self) -> float:
        return self.now

    def call_at(self, when, callback, *args, context=None):
        self.callback = callback
        return asyncio.TimerHandle(when, callback, args, self, context)

    def get_debug(self) -> bool:
        return False

    def _timer_handle_cancelled(self, handle: asyncio.TimerHandle) -> None:
        self.callback = None


def test_a_late_timer_is_noted_by_how_late_it_is() -> None:
    loop = ManualLoop()
    lag = LoopLag(loop, 0.5)
    lag.start()
    loop.now = 100.5 + 0.2
    loop.callback()
    assert lag.buckets[LAG_BOUNDS.index(0.25)] == 1
    assert abs(lag.seconds - 0.2) < 1e-6


def test_an_early_timer_counts_as_no_lag() -> None:
    loop = ManualLoop()
    lag = LoopLag(loop, 0.5)
    lag.start()
    loop.now = 100.499
    loop.callback()
    assert (lag.buckets[0], lag.seconds) == (1, 0.0)


async def test_the_probe_repeats_until_it_is_stopped() -> None:
    lag = LoopLag(asyncio.get_running_loop(), 0.001)
    lag.start()
    async with asyncio.timeout(10):
        while sum(lag.buckets) < 3:
            await asyncio.sleep(0.001)
    lag.stop()
    seen = sum(lag.buckets)
    await asyncio.sleep(0.01)
    assert sum(lag.buckets) == seen


def test_stopping_twice_does_nothing() -> None:
    loop = ManualLoop()
    lag = LoopLag(loop)
    lag.start()
    lag.stop()
    lag.stop()
    assert loop.callback is None
