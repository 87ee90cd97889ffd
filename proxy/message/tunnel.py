"""The bytes after a 101: no longer HTTP, passed both ways as they come."""

from typing import Protocol

__all__ = ["Tunnel"]


class Tunnel(Protocol):
    """The upstream's side of an upgraded connection. `protocol` is the value of its `Upgrade` field."""

    protocol: bytes

    async def read(self) -> bytes:
        """The next bytes from the upstream; `b""` at the end."""

    async def write(self, data: bytes) -> None:
        """Send to the upstream; waits while it does not read."""

    def finish(self) -> None:
        """Tell the upstream that no more comes."""

    def close(self) -> None:
        """End both directions."""
