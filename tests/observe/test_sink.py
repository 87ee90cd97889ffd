import asyncio
import io
import threading

from proxy.observe.sink import Sink


class Stuck(io.StringIO):
    """Takes nothing until `free` is set."""

    def __init__(self) -> None:
        super().__init__()
        self.free = threading.Event()
        self.asked = threading.Event()

    def write(self, text: str) -> int:
        self.asked.set()
        assert self.free.wait(10)
        return super().write(text)


class Broken(io.StringIO):
    def write(self, text: str) -> int:
        raise OSError(28, "No space left on device")


def lost(lines: int) -> str:
    return f"lost {lines}\n"


def broken(error: Exception) -> str:
    return f"broken {error}\n"


def test_lines_are_written_at_once_without_a_loop() -> None:
    stream = io.StringIO()
    sink = Sink(stream, lost, broken)
    sink.add(str, "one\n")
    assert stream.getvalue() == "one\n"


async def test_lines_that_may_wait_are_written_soon_and_together() -> None:
    class Counting(io.StringIO):
        writes = 0

        def write(self, text: str) -> int:
            Counting.writes += 1
            return super().write(text)

    stream = Counting()
    sink = Sink(stream, lost, broken)
    sink.start(asyncio.get_running_loop())
    sink.add(str, "one\n")
    sink.add(str, "two\n")
    assert stream.getvalue() == ""
    async with asyncio.timeout(5):
        while not stream.getvalue():
            await asyncio.sleep(0.01)
    sink.stop()
    assert (stream.getvalue(), Counting.writes) == ("one\ntwo\n", 1)


async def test_a_line_that_is_said_comes_after_those_that_waited() -> None:
    stream = io.StringIO()
    sink = Sink(stream, lost, broken)
    sink.start(asyncio.get_running_loop())
    sink.add(str, "one\n")
    sink.say("two\n")
    sink.add(str, "three\n")
    sink.stop()
    assert stream.getvalue() == "one\ntwo\nthree\n"


async def test_lines_are_made_some_dozens_at_a_time_and_written_in_their_order() -> None:
    stream = io.StringIO()
    made: list[int] = []

    def make(number: int) -> str:
        made.append(number)
        return f"{number}\n"

    sink = Sink(stream, lost, broken)
    sink.start(asyncio.get_running_loop())
    for number in range(130):
        sink.add(make, number)
    assert 64 <= len(made) < 130
    assert stream.getvalue() == ""
    sink.stop()
    assert stream.getvalue() == "".join(f"{number}\n" for number in range(130))


async def test_a_flood_of_lines_does_not_wait_for_the_loop() -> None:
    stream = Stuck()
    sink = Sink(stream, lost, broken)
    sink.start(asyncio.get_running_loop())
    for _ in range(1024):
        sink.add(str, "x" * 1023 + "\n")
    # The loop stands still meanwhile, so nothing but the lines themselves can have set this off.
    assert stream.asked.wait(10)
    stream.free.set()
    sink.stop()


async def test_another_thread_may_say_something() -> None:
    stream = io.StringIO()
    sink = Sink(stream, lost, broken)
    sink.start(asyncio.get_running_loop())
    sink.add(str, "one\n")
    await asyncio.to_thread(sink.say, "two\n")
    sink.stop()
    assert stream.getvalue() == "one\ntwo\n"


async def test_a_reader_that_has_stopped_does_not_hold_up_the_loop_nor_fill_the_memory() -> None:
    stream = Stuck()
    sink = Sink(stream, lost, broken)
    sink.start(asyncio.get_running_loop())
    sink.say("first\n")
    assert await asyncio.to_thread(stream.asked.wait, 10)
    kibibyte = "x" * 1023 + "\n"
    for _ in range(10):
        sink.say(kibibyte * 1024)
    stream.free.set()
    async with asyncio.timeout(10):
        while len(stream.getvalue()) < 8 * 2**20:
            await asyncio.sleep(0.01)
    sink.say("last\n")
    sink.stop()
    written = stream.getvalue()
    assert len(written) < 9 * 2**20
    assert written.endswith("last\n")
    left_out = int(written.split("lost ")[1].split("\n")[0])
    assert left_out + written.count("x\n") == 10 * 1024


async def test_lines_that_were_left_out_are_told_of_at_the_end() -> None:
    stream = Stuck()
    sink = Sink(stream, lost, broken)
    sink.start(asyncio.get_running_loop())
    for _ in range(10):
        sink.say(("x" * 1023 + "\n") * 1024)
    threading.Timer(0.1, stream.free.set).start()
    await asyncio.to_thread(sink.stop)
    *_, last = stream.getvalue().splitlines()
    assert last.startswith("lost ")


def test_a_line_may_be_said_by_what_ends_while_others_are_made() -> None:
    stream = io.StringIO()
    sink = Sink(stream, lost, broken)

    def make(text: str) -> str:
        sink.say("ended\n")
        return text

    # In a thread that a test may leave behind: what waits for itself does so for ever.
    thread = threading.Thread(target=sink.add, args=(make, "one\n"), daemon=True)
    thread.start()
    thread.join(10)
    assert stream.getvalue() == "one\nended\n"


async def test_a_line_that_cannot_be_made_costs_no_other_and_raises_nowhere() -> None:
    def make(text: str) -> str:
        raise ValueError(text)

    stream = io.StringIO()
    sink = Sink(stream, lost, broken)
    sink.start(asyncio.get_running_loop())
    sink.add(str, "one\n")
    sink.add(make, "two")
    sink.add(str, "three\n")
    sink.stop()
    assert stream.getvalue() == "one\nbroken two\nthree\n"


def test_a_log_that_cannot_be_written_breaks_nothing() -> None:
    Sink(Broken(), lost, broken).say("one\n")


async def test_it_can_be_stopped_and_used_further() -> None:
    stream = io.StringIO()
    sink = Sink(stream, lost, broken)
    sink.start(asyncio.get_running_loop())
    sink.stop()
    sink.add(str, "one\n")
    sink.stop()
    assert stream.getvalue() == "one\n"


async def test_what_was_to_be_written_by_a_timer_is_not_waited_for_after_the_stop() -> None:
    stream = io.StringIO()
    sink = Sink(stream, lost, broken)
    sink.start(asyncio.get_running_loop())
    sink.add(str, "one\n")
    sink.stop()
    sink.add(str, "two\n")
    assert stream.getvalue() == "one\ntwo\n"


def test_lines_are_written_in_a_second_loop_as_in_the_first() -> None:
    stream = io.StringIO()
    sink = Sink(stream, lost, broken)

    async def begin(line: str) -> None:
        sink.start(asyncio.get_running_loop())
        sink.add(str, line)

    async def both() -> None:
        await begin("two\n")
        async with asyncio.timeout(5):
            while not stream.getvalue().endswith("two\n"):
                await asyncio.sleep(0.01)

    asyncio.run(begin("one\n"))
    asyncio.run(both())
    sink.stop()
    assert stream.getvalue() == "one\ntwo\n"
