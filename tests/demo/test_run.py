import io
import re

import pytest
from rich.console import Console

from proxy.demo.chapters import CHAPTERS
from proxy.demo.run import open_scene, run_demo, tell
from proxy.demo.scene import Chapter, Scene, Step


@pytest.mark.parametrize("chapter", CHAPTERS, ids=lambda chapter: chapter.steps.__name__)
async def test_every_expectation_of_a_chapter_holds(chapter: Chapter) -> None:
    async with open_scene() as scene:
        # What the last chapter shows is what an earlier one did.
        steps = [*await tell(CHAPTERS[0], scene), *await tell(chapter, scene)]
    assert {step.title: step.unmet for step in steps if step.unmet} == {}


@pytest.mark.parametrize("chapter", CHAPTERS, ids=lambda chapter: chapter.steps.__name__)
async def test_a_chapter_fails_where_no_outrider_stands_between(chapter: Chapter, direct: Scene) -> None:
    steps = await tell(chapter, direct)
    assert any(step.unmet for step in steps)


async def test_a_chapter_that_breaks_off_keeps_its_steps_and_fails(direct: Scene) -> None:
    async def breaks(_: Scene):
        yield Step("before", "", "", "", {"held": True})
        raise ConnectionResetError

    before, after = await tell(Chapter("breaks", breaks), direct)
    assert (before.unmet, after.unmet) == ([], ["an answer, not ConnectionResetError"])


async def test_a_failed_expectation_makes_the_demonstration_fail() -> None:
    async def fails(_: Scene):
        yield Step("wrong", "", "", "", {"never": False})

    output = io.StringIO()
    assert not await run_demo(Console(file=output, width=120), chapters=[Chapter("fails", fails)])
    assert "wrong: never" in output.getvalue()


async def test_what_is_printed_holds_no_secret_in_full() -> None:
    output = io.StringIO()
    assert await run_demo(Console(file=output, width=200))
    assert "demo-" in output.getvalue()
    assert re.findall(r"demo-[0-9a-f]{24}", output.getvalue()) == []
