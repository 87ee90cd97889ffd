"""How the demonstration is printed: a table per chapter, and one line at the end.

What must not live here: what is tried, and what counts as success.
"""

from collections.abc import Sequence

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table
from rich.text import Text

from proxy.demo.scene import Scene, Step

__all__ = ["print_chapter", "print_keep", "print_opening", "print_verdict"]


def print_opening(console: Console, scene: Scene, version: str) -> None:
    console.print(Text.assemble(("Outrider ", "bold"), version, ", on this machine only; no network is used"))
    addresses = {"the application calls": scene.base, "the API is at": scene.origin, "the admin listener": scene.admin}
    for what, address in addresses.items():
        console.print(f"  {what:22} {address}", highlight=False)
    console.print("  every secret below was made up a moment ago", highlight=False)


def print_chapter(console: Console, title: str, steps: Sequence[Step]) -> None:
    table = Table(box=SIMPLE_HEAD, expand=True, pad_edge=False, leading=1)
    for heading, ratio in (("asked", 10), ("the API saw", 9), ("came back", 8)):
        table.add_column(heading, ratio=ratio, overflow="fold")
    table.add_column("", width=1)
    for step in steps:
        answer = Text(step.answer)
        for expectation in step.unmet:
            answer.append(f"\nexpected: {expectation}", "bold red")
        mark = Text("✗", "bold red") if step.unmet else Text("✓", "green")
        table.add_row(Text.assemble((step.title, "bold"), "\n", (step.asked, "cyan")), Text(step.seen), answer, mark)
    console.print()
    console.print(Text(title, "bold"))
    console.print(table)


def print_verdict(console: Console, steps: Sequence[Step], seconds: float) -> None:
    failed = [step for step in steps if step.unmet]
    console.print()
    if not failed:
        console.print(Text(f"All {len(steps)} steps went as they should, in {seconds:.1f} s.", "bold green"))
        return
    console.print(Text(f"{len(failed)} of {len(steps)} steps failed:", "bold red"))
    for step in failed:
        console.print(Text(f"  {step.title}: {'; '.join(step.unmet)}"))


def print_keep(console: Console, scene: Scene) -> None:
    """Lines to paste into another terminal while everything stays up."""
    console.print(
        f"\nStill up, until Ctrl-C. The status page is {scene.admin}/ — in another terminal:", highlight=False
    )
    for line in (
        f"curl -i {scene.base}/api/hello",
        f"curl -i '{scene.base}/maps/tiles?zoom=3'",
        f"curl -i -T LICENSE {scene.base}/api/upload",
        f"curl -i -H 'Origin: https://web.page.example' {scene.base}/api/hello",
        f"curl -i {scene.base}/dead/hello",
        f"outrider status --watch --url {scene.admin}",
        f"curl {scene.admin}/metrics",
        f"curl {scene.admin}/api/config",
    ):
        console.print(f"  {line}", highlight=False, soft_wrap=True)
