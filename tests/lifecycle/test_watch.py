import asyncio
import os
from pathlib import Path

from proxy.lifecycle.watch import FileWatch, whenever


async def noticed(path: Path, change) -> int:
    """How often a change was told after `change`, over twenty looks."""
    told = 0

    async def changed() -> None:
        nonlocal told
        told += 1

    watching = asyncio.create_task(FileWatch(path).run(changed, 0.01))
    await asyncio.sleep(0.03)
    change()
    async with asyncio.timeout(10):
        while not told:
            await asyncio.sleep(0.01)
    await asyncio.sleep(0.05)
    watching.cancel()
    return told


async def test_a_file_that_was_written_is_told_once(tmp_path: Path) -> None:
    file = tmp_path / "f"
    file.write_text("a")
    assert await noticed(file, lambda: file.write_text("ab")) == 1


async def test_a_link_that_points_elsewhere_is_a_change(tmp_path: Path) -> None:
    for name in ("one", "two"):
        (tmp_path / name).write_text("same")
        os.utime(tmp_path / name, (1, 1))
    link = tmp_path / "link"
    link.symlink_to("one")

    def swap() -> None:
        (tmp_path / "next").symlink_to("two")
        (tmp_path / "next").rename(link)

    assert await noticed(link, swap) == 1


async def test_a_file_that_is_gone_for_a_moment_is_told_when_it_is_back(tmp_path: Path) -> None:
    file = tmp_path / "f"
    file.write_text("a")

    def replace() -> None:
        file.unlink()
        asyncio.get_running_loop().call_later(0.05, file.write_text, "another")

    assert await noticed(file, replace) == 1


async def test_a_change_between_reading_and_watching_is_told(tmp_path: Path) -> None:
    file = tmp_path / "f"
    file.write_text("a")
    watch = FileWatch(file)
    file.write_text("ab")
    told = asyncio.Event()

    async def changed() -> None:
        told.set()

    watching = asyncio.create_task(watch.run(changed, 0.01))
    async with asyncio.timeout(10):
        await told.wait()
    watching.cancel()


async def test_who_asks_many_times_while_it_is_done_has_it_done_once_more() -> None:
    asked, free, done = asyncio.Event(), asyncio.Event(), 0

    async def then() -> None:
        nonlocal done
        done += 1
        await free.wait()

    asked.set()
    heeding = asyncio.create_task(whenever(asked, then))
    await asyncio.sleep(0)
    for _ in range(20):
        asked.set()
        await asyncio.sleep(0)
    assert done == 1
    free.set()
    for _ in range(5):
        await asyncio.sleep(0)
    heeding.cancel()
    assert done == 2


class Failing:
    """Fails the first time."""

    def __init__(self) -> None:
        self.tries = 0
        self.done = asyncio.Event()
        self.told: list[object] = []
        asyncio.get_running_loop().set_exception_handler(lambda _, context: self.told.append(context["exception"]))

    async def __call__(self) -> None:
        self.tries += 1
        if self.tries == 1:
            raise RuntimeError("a defect")
        self.done.set()


async def test_who_asks_after_a_defect_is_still_heard_and_the_defect_is_told() -> None:
    asked, then = asyncio.Event(), Failing()
    heeding = asyncio.create_task(whenever(asked, then))
    async with asyncio.timeout(10):
        asked.set()
        while not then.tries:
            await asyncio.sleep(0)
        asked.set()
        await then.done.wait()
    heeding.cancel()
    assert [type(error) for error in then.told] == [RuntimeError]


async def test_a_change_after_a_defect_is_still_told(tmp_path: Path) -> None:
    file, then = tmp_path / "f", Failing()
    file.write_text("a")
    watching = asyncio.create_task(FileWatch(file).run(then, 0.01))
    async with asyncio.timeout(10):
        file.write_text("ab")
        while not then.tries:
            await asyncio.sleep(0.01)
        file.write_text("abc")
        await then.done.wait()
    watching.cancel()
