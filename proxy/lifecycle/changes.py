"""What a new configuration changes, by the names that stand in the file.

A pure function; no value is told, because it may be a secret.
"""

from collections.abc import Iterator, Mapping

from proxy.config.model import Config

__all__ = ["changes"]

_BY_NAME = ("auth", "upstreams")


def changes(old: Config, new: Config) -> list[str]:
    """`listen`, `auth.machine (added)`, `upstreams.api`, …; empty when both say the same."""
    return list(_changes(old, new))


def _changes(old: Config, new: Config) -> Iterator[str]:
    for section in type(new).model_fields:
        before, after = getattr(old, section), getattr(new, section)
        if section in _BY_NAME:
            yield from _entries(section, before, after)
        elif before != after:
            yield section


def _entries(section: str, before: Mapping[str, object], after: Mapping[str, object]) -> Iterator[str]:
    for name in dict.fromkeys((*before, *after)):
        if name not in before:
            yield f"{section}.{name} (added)"
        elif name not in after:
            yield f"{section}.{name} (removed)"
        elif before[name] != after[name]:
            yield f"{section}.{name}"
