"""What is running: versions, and whether the parser of requests is the compiled one.

What must not live here: what is done about a build that is not wanted.
"""

import platform
from importlib import metadata

from proxy import __version__

__all__ = ["build_facts", "has_compiled_parser"]


def has_compiled_parser() -> bool:
    """Whether aiohttp parses with its C extension, rather than with the more forgiving Python fallback."""
    from aiohttp import http_parser

    return http_parser.HttpRequestParser is not http_parser.HttpRequestParserPy


def build_facts() -> dict[str, str]:
    """Everything by name; `missing` stands for what is not installed."""
    return {
        "outrider": __version__,
        "python": f"{platform.python_implementation()} {platform.python_version()}",
        "aiohttp": _version("aiohttp"),
        "uvloop": _version("uvloop"),
        "parser": "compiled" if has_compiled_parser() else "python",
    }


def _version(distribution: str) -> str:
    try:
        return metadata.version(distribution)
    except metadata.PackageNotFoundError:
        return "missing"
