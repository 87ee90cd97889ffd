"""Short ways to load a text and to see what is said about it."""

from collections.abc import Mapping
from pathlib import Path

from proxy.config.load import LoadedConfig, load_text
from proxy.config.model import Config
from proxy.config.problem import ConfigInvalid, Problem

UPSTREAM = "upstreams: {api: {url: http://127.0.0.1:9000}}\n"
"""What every file needs, on one line."""


def load(text: str, environ: Mapping[str, str] | None = None, base: Path | None = None) -> LoadedConfig:
    return load_text(text, "f.yaml", environ or {}, base)


def config(text: str, environ: Mapping[str, str] | None = None) -> Config:
    return load(text, environ).config


def problems(text: str, environ: Mapping[str, str] | None = None, base: Path | None = None) -> list[Problem]:
    """What is wrong with the text; nothing when it loads."""
    try:
        load(text, environ, base)
    except ConfigInvalid as invalid:
        return invalid.problems
    return []


def said(text: str, environ: Mapping[str, str] | None = None, base: Path | None = None) -> list[str]:
    """The same as lines, without the name of the file."""
    return [str(problem).removeprefix("f.yaml:") for problem in problems(text, environ, base)]


def only(text: str, environ: Mapping[str, str] | None = None, base: Path | None = None) -> str:
    """The one line that is said."""
    (line,) = said(text, environ, base)
    return line
