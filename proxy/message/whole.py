"""Content that is all there: made here, read before it is passed on, or arrived together with its head.

What must not live here: what it says.
"""

__all__ = ["WholeContent"]


class WholeContent:
    """The content of a response, whole from the start. Holds nothing, so closing it does nothing."""

    __slots__ = ("_data", "length")
    complete = True

    def __init__(self, data: bytes) -> None:
        self._data = data
        self.length: int | None = len(data)

    def take(self) -> bytes:
        data, self._data = self._data, b""
        return data

    async def read(self) -> bytes:
        return self.take()

    def close(self) -> None:
        self._data = b""
