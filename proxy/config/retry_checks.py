"""Rules of `retry` and `replay` between options, and with the disk. What must not live here: rules of single values."""

from collections.abc import Iterator
from pathlib import Path

from proxy.config.cross_checks import Finding, section
from proxy.config.document import Document, KeyPath

__all__ = ["replay_folders"]


def replay_folders(document: Document, base: Path) -> Iterator[Finding]:
    """The folder of the temporary files is there."""
    for path, folder in _folders(document):
        if not _is_folder(base, folder):
            hint = "make it, or name another; relative paths start at the folder of this file"
            yield Finding(path, "replay.folder: there is no such folder", hint)


def _folders(document: Document) -> Iterator[tuple[KeyPath, str]]:
    for name, upstream in section(document.data.get("upstreams")).items():
        at: KeyPath = ("upstreams", name)
        routes = section(upstream).get("routes")
        places = [(at, upstream)]
        places += [
            ((*at, "routes", index), route) for index, route in enumerate(routes if isinstance(routes, list) else [])
        ]
        for place, options in places:
            folder = section(section(options).get("replay")).get("folder")
            if isinstance(folder, str):
                yield (*place, "replay", "folder"), folder


def _is_folder(base: Path, folder: str) -> bool:
    try:
        return (base / folder).is_dir()
    except (OSError, ValueError):
        # A name that no folder can have, or one above it that may not be read.
        return False
