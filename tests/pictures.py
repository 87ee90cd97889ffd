"""The pictures of the README, made from the few lines here; run as a module, this writes them into their place.

Both colours of a page are served: a picture has a ground of its own, and follows the reader's preference.
"""

from pathlib import Path
from typing import NamedTuple
from xml.sax.saxutils import escape

from proxy.chain.order import ORDER

__all__ = ["FOLDER", "PICTURES"]

FOLDER = Path(__file__).resolve().parent.parent / "deploy/pictures"

STYLE = """
svg { --ground: #ffffff; --ink: #1f2933; --soft: #5d6b7a; --line: #c5ced8; --box: #f4f6f9; --own: #e6effc;
  --edge: #3569c4; --warm: #b5541c; font-family: -apple-system, "Segoe UI", Helvetica, Arial, sans-serif; }
@media (prefers-color-scheme: dark) { svg { --ground: #0f141a; --ink: #e3e8ee; --soft: #93a1b1; --line: #3b4754;
  --box: #19212a; --own: #16263f; --edge: #7aa7f5; --warm: #e79a63; } }
.ground { fill: var(--ground); stroke: var(--line); }
.box { fill: var(--box); stroke: var(--line); stroke-width: 1.2; }
.own { fill: var(--own); stroke: var(--edge); stroke-width: 1.6; }
.group { fill: none; stroke: var(--line); stroke-width: 1.2; stroke-dasharray: 5 4; }
.name { fill: var(--ink); font-size: 15px; font-weight: 600; }
.small { fill: var(--soft); font-size: 12.5px; }
.line { fill: none; stroke: var(--edge); stroke-width: 1.8; }
.quiet { fill: none; stroke: var(--soft); stroke-width: 1.4; stroke-dasharray: 4 3; }
.edge { fill: var(--edge); } .soft { fill: var(--soft); }
.secret { fill: var(--warm); font-size: 12.5px; font-weight: 600; }
"""
MARKERS = "".join(
    f'<marker id="{name}" viewBox="0 0 10 10" refX="9" refY="5" markerWidth="7" markerHeight="7"'
    f' orient="auto-start-reverse"><path class="{kind}" d="M0 1 L10 5 L0 9 z"/></marker>'
    for name, kind in (("tip", "edge"), ("quiet-tip", "soft"))
)


def picture(width: int, height: int, title: str, *parts: str) -> str:
    """A whole SVG document; `title` is what is read out to those who cannot see it."""
    ground = f'<rect class="ground" x="0.5" y="0.5" width="{width - 1}" height="{height - 1}" rx="10"/>'
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" role="img">',
            f"<title>{escape(title)}</title>",
            f"<style>{STYLE}</style>",
            f"<defs>{MARKERS}</defs>",
            ground,
            *parts,
            "</svg>",
            "",
        ]
    )


def text(x: float, y: float, words: str, kind: str = "small", anchor: str = "start") -> str:
    return f'<text class="{kind}" x="{x:g}" y="{y:g}" text-anchor="{anchor}">{escape(words)}</text>'


class Box(NamedTuple):
    x: float
    y: float
    width: float
    height: float
    name: str
    lines: tuple[str, ...] = ()
    kind: str = "box"

    def drawn(self) -> str:
        """With its name and lines in the middle."""
        middle = self.x + self.width / 2
        top = self.y + self.height / 2 - 8.5 * len(self.lines) + 5
        words = [text(middle, top, self.name, "name", "middle")]
        words += [text(middle, top + 19 + 17 * n, line, "small", "middle") for n, line in enumerate(self.lines)]
        rect = (
            f'<rect class="{self.kind}" x="{self.x}" y="{self.y}" width="{self.width}" height="{self.height}" rx="8"/>'
        )
        return "\n".join([rect, *words])


def arrow(path: str, *, quiet: bool = False, both: bool = False) -> str:
    tip = "quiet-tip" if quiet else "tip"
    start = f' marker-start="url(#{tip})"' if both else ""
    return f'<path class="{"quiet" if quiet else "line"}" d="{path}" marker-end="url(#{tip})"{start}/>'


def architecture() -> str:
    boxes = [
        Box(44, 110, 164, 100, "Application", ("knows localhost", "and no secret")),
        Box(
            330,
            92,
            250,
            136,
            "Outrider",
            ("credential, retries, pace,", "circuit, deduplication,", "logs and metrics"),
            "own",
        ),
        Box(780, 52, 190, 64, "API", ("one credential",)),
        Box(780, 132, 190, 64, "Another API", ("another credential",)),
        Box(780, 284, 190, 70, "Token server", ("gives tokens, and new ones",)),
        Box(44, 284, 164, 70, "Operator", ("curl, Prometheus,", "traces, hooks")),
        Box(330, 284, 118, 70, "State", ("sessions,", "encrypted")),
        Box(462, 284, 118, 70, "Secrets", ("files, commands,", "environment")),
    ]
    return picture(
        1000,
        400,
        "An application calls Outrider beside it without a credential; Outrider calls the APIs with one.",
        '<rect class="group" x="24" y="44" width="578" height="332" rx="12"/>',
        text(40, 34, "one machine, pod or container group"),
        *(box.drawn() for box in boxes),
        arrow("M212 160 H326", both=True),
        text(269, 150, "plain HTTP", "small", "middle"),
        text(269, 180, "no credential", "small", "middle"),
        arrow("M584 136 C700 136 700 84 776 84", both=True),
        arrow("M584 164 H776", both=True),
        text(668, 66, "TLS and", "small", "middle"),
        text(668, 83, "the credential", "secret", "middle"),
        arrow("M584 200 C700 200 660 319 776 319", both=True, quiet=True),
        text(762, 252, "one refresh for", "small", "middle"),
        text(762, 269, "all who wait", "small", "middle"),
        arrow("M389 232 V280", both=True, quiet=True),
        arrow("M521 280 V232", quiet=True),
        arrow("M212 319 C290 319 248 206 326 206", both=True, quiet=True),
        text(212, 258, "admin listener", "small", "middle"),
    )


def request() -> str:
    """The stages in their order, with the reason for each one's place."""
    row, top, left, width = 46, 92, 40, 200
    height = top + row * len(ORDER) + 64
    parts = [
        text(left + width / 2, 40, "caller", "name", "middle"),
        arrow(f"M{left + 80} 50 V{top - 6}"),
        arrow(f"M{left + 120} {top - 6} V50", quiet=True),
        text(left + width + 28, 40, "A request goes down, its answer comes back up. A stage that is off is not there."),
    ]
    for number, place in enumerate(ORDER):
        y = top + row * number
        kind = "own" if place.build is None else "box"
        parts.append(Box(left, y, width, row - 12, place.name, (), kind).drawn())
        lines = folded(place.reason)
        middle = y + (row - 12) / 2 + 4.5 - 8 * (len(lines) - 1)
        parts += [text(left + width + 28, middle + 16 * n, line) for n, line in enumerate(lines)]
        if number < len(ORDER) - 1:
            parts.append(arrow(f"M{left + 80} {y + row - 11} V{y + row - 1}"))
            parts.append(arrow(f"M{left + 120} {y + row - 1} V{y + row - 11}", quiet=True))
    end = top + row * len(ORDER)
    parts += [
        arrow(f"M{left + 80} {end - 11} V{end + 22}"),
        arrow(f"M{left + 120} {end + 22} V{end - 11}", quiet=True),
        text(left + width / 2, end + 42, "upstream", "name", "middle"),
    ]
    return picture(860, height, "The way of a request through the stages of Outrider, from the caller in.", *parts)


def folded(reason: str, longest: int = 88) -> list[str]:
    """In lines of about the same length, two at most for the reasons that there are."""
    lines = [""]
    for word in reason.split():
        if len(lines[-1]) + len(word) >= longest:
            lines.append("")
        lines[-1] = f"{lines[-1]} {word}".strip()
    return lines


PICTURES = {"architecture.svg": architecture, "request.svg": request}

if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    for name, made in PICTURES.items():
        (FOLDER / name).write_text(made(), encoding="utf-8")
