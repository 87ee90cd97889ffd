"""Rules of the listeners: no address twice, and nothing open to other machines by accident.

Pure functions over the plain data of a file. What must not live here: how an address is written
(`proxy.config.address`).
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from proxy.config.address import Address, parse_address
from proxy.config.cross_checks import Finding, section, texts
from proxy.config.document import Document, KeyPath
from proxy.config.model import Admin, Config

__all__ = ["same_address", "without_guard"]

PROXY: KeyPath = ("listen",)
ADMIN: KeyPath = ("admin", "listen")


def _listeners(document: Document) -> Iterator[tuple[KeyPath, Address]]:
    """Every address that can be read, the proxy's first, defaults included."""
    proxy = document.data.get("listen", Config.model_fields["listen"].default)
    admin = section(document.data.get("admin")).get("listen", Admin.model_fields["listen"].default)
    for path, text in [*texts(proxy, PROXY), *texts(admin, ADMIN)]:
        try:
            yield path, parse_address(text)
        except ValueError:
            # `off`, or an address that the model reports.
            continue


def same_address(document: Document, base: Path) -> Iterator[Finding]:
    taken: list[tuple[KeyPath, Address]] = []
    for path, address in _listeners(document):
        for other_path, other in taken:
            if address.clashes(other):
                mixed = other_path[0] != path[0]
                message = "the proxy listens on this address" if mixed else "this address is here twice"
                if address != other:
                    message = f"this address and {other}{' of the proxy' if mixed else ''} overlap"
                yield Finding(path, f"{'.'.join(map(str, path))}: {message}", "give every listener a port of its own")
                break
        taken.append((path, address))


def without_guard(document: Document, base: Path) -> Iterator[Finding]:
    """An address that other machines reach wants the word that this is meant, and a token."""
    access = section(document.data.get("access"))
    allowed = access.get("allow_remote") is True
    for path, address in _listeners(document):
        if address.is_loopback:
            continue
        wanted = [] if allowed else ["access.allow_remote: true"]
        if not _has_token(document, access, path):
            wanted.append("a token under access.callers" if path[0] == "listen" else "a token as admin.token")
        if wanted:
            message = f"{'.'.join(map(str, path))}: other machines could reach this address"
            yield Finding(path, message, f"listen on 127.0.0.1, or add {' and '.join(wanted)}")


def _has_token(document: Document, access: dict[str, Any], path: KeyPath) -> bool:
    if path[0] == "listen":
        return bool(section(access.get("callers")))
    return section(document.data.get("admin")).get("token") is not None
