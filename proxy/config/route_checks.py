"""What routes may have been meant to match.

What must not live here: matching (`proxy.policy.routing`), and the shape of a pattern (`proxy.config.values`).
"""

import re
from collections.abc import Iterator
from pathlib import Path

from proxy.config.cross_checks import Finding, section
from proxy.config.document import Document
from proxy.config.problem import quoted

__all__ = ["named_segments"]

_NAMED = re.compile(r"\{[^}]*\}|:\w+|<[^>]*>")
"""A part of a path with a name, as other programs write it."""


def named_segments(document: Document, base: Path) -> Iterator[Finding]:
    """Here they stand for themselves, so that the route would meet nothing."""
    for name, upstream in section(document.data.get("upstreams")).items():
        routes = section(upstream).get("routes")
        for index, route in enumerate(routes if isinstance(routes, list) else []):
            match = section(route).get("match")
            path = match.partition(" ")[2] if isinstance(match, str) else ""
            found = next(filter(_NAMED.fullmatch, path.split("/")), None)
            if found is not None:
                message = f"{quoted(found)} is met by just these characters"
                hint = "write * for a segment of any value"
                yield Finding(("upstreams", name, "routes", index, "match"), message, hint, False, "warning")
