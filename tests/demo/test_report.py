import io

import pytest
from rich.console import Console

from proxy.demo.report import print_chapter, print_keep, print_verdict
from proxy.demo.scene import Scene, Step

GOOD = Step("It works", "GET /good", "GET /v1/good", "200", {"status 200": True})
BAD = Step("It breaks", "GET /bad", "nothing", "500", {"status 200": False, "a body": True})


@pytest.fixture
def console() -> Console:
    return Console(file=io.StringIO(), width=120)


def printed(console: Console) -> str:
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def test_a_step_shows_what_was_asked_seen_and_answered(console: Console) -> None:
    print_chapter(console, "Title", [GOOD])
    assert [
        word for word in ("Title", "It works", "GET /good", "GET /v1/good", "200", "✓") if word not in printed(console)
    ] == []


def test_a_failed_step_names_what_was_expected(console: Console) -> None:
    print_chapter(console, "Title", [BAD])
    assert "✗" in printed(console)
    assert "expected: status 200" in printed(console)
    assert "a body" not in printed(console)


def test_the_verdict_counts_and_names_failures(console: Console) -> None:
    print_verdict(console, [GOOD, BAD], 1.0)
    assert "1 of 2 steps failed" in printed(console)
    assert "It breaks: status 200" in printed(console)


def test_the_verdict_of_success_is_one_line(console: Console) -> None:
    print_verdict(console, [GOOD, GOOD], 1.23)
    assert printed(console).strip() == "All 2 steps went as they should, in 1.2 s."


def test_text_that_looks_like_markup_is_printed_as_it_is(console: Console) -> None:
    print_chapter(console, "Title", [Step("[bold]x", "[red]", "[/red]", "[/]", {"held": True})])
    assert "[bold]x" in printed(console)
    assert "[/red]" in printed(console)


async def test_the_lines_to_try_are_not_broken_in_a_narrow_terminal(direct: Scene) -> None:
    narrow = Console(file=io.StringIO(), width=30)
    print_keep(narrow, direct)
    assert f"  curl -i {direct.base}/api/hello\n" in printed(narrow)
