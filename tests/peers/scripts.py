"""Ready behaviours for a `RawUpstream`: each function here returns a script, named for what the upstream does."""

import asyncio

from tests.peers.raw_upstream import Connection, Script

__all__ = [
    "OK",
    "answers",
    "answers_before_the_content",
    "answers_once",
    "answers_then_adds",
    "answers_then_resets",
    "closes_unanswered",
    "echoes_content",
    "half_closes_unanswered",
    "never_answers",
    "never_reads_content",
    "resets_unanswered",
    "sends_interim_for_ever",
    "trickles",
]

OK = b"HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\ncontent-length: 2\r\n\r\nok"


def answers(data: bytes = OK) -> Script:
    """Answers every request with these bytes and keeps the connection."""

    async def script(connection: Connection) -> None:
        while True:
            await connection.request()
            await connection.send(data)

    return script


def answers_once(data: bytes) -> Script:
    """Answers the first request with these bytes, then closes."""

    async def script(connection: Connection) -> None:
        await connection.request()
        await connection.send(data)

    return script


def echoes_content() -> Script:
    """Answers every request with its own content."""

    async def script(connection: Connection) -> None:
        while True:
            content = (await connection.request()).content
            await connection.send(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n%b" % (len(content), content))

    return script


def answers_before_the_content(data: bytes, *, read_on: bool) -> Script:
    """Answers as soon as the head is there; then reads the content, or closes without reading it."""

    async def script(connection: Connection) -> None:
        head = await connection.head()
        await connection.send(data)
        if read_on:
            await connection.content(head)
            await connection.gone()

    return script


def answers_then_resets(data: bytes) -> Script:
    async def script(connection: Connection) -> None:
        await connection.request()
        await connection.send(data)
        # What is still in the socket's buffer when RST goes out is lost: give the reader its turn first.
        await asyncio.sleep(0.05)
        connection.reset()

    return script


def answers_then_adds(extra: bytes, *, at_once: bool, sent: asyncio.Event) -> Script:
    """After each answer sends another that nobody asked for, in the same write or the next; then sets `sent`."""

    async def script(connection: Connection) -> None:
        while True:
            await connection.request()
            if at_once:
                await connection.send(OK + extra)
            else:
                await connection.send(OK)
                await asyncio.sleep(0)
                await connection.send(extra)
            sent.set()

    return script


def resets_unanswered() -> Script:
    async def script(connection: Connection) -> None:
        await connection.request()
        connection.reset()

    return script


def closes_unanswered() -> Script:
    async def script(connection: Connection) -> None:
        await connection.request()

    return script


def half_closes_unanswered() -> Script:
    """Says that it will send nothing more, and goes on listening."""

    async def script(connection: Connection) -> None:
        await connection.request()
        connection.writer.write_eof()
        await connection.gone()

    return script


def never_answers() -> Script:
    async def script(connection: Connection) -> None:
        await connection.request()
        await connection.gone()

    return script


def never_reads_content(started: asyncio.Event) -> Script:
    """Reads a head, sets `started`, and then leaves everything else in the socket."""

    async def script(connection: Connection) -> None:
        await connection.head()
        connection.writer.transport.pause_reading()
        started.set()
        await asyncio.Event().wait()

    return script


def sends_interim_for_ever() -> Script:
    async def script(connection: Connection) -> None:
        await connection.request()
        while True:
            await connection.send(b"HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\n" * 20)
            await asyncio.sleep(0)

    return script


def trickles(data: bytes, *, pause: float) -> Script:
    """Sends one byte at a time, waiting `pause` seconds before each."""

    async def script(connection: Connection) -> None:
        await connection.request()
        for byte in data:
            await asyncio.sleep(pause)
            await connection.send(bytes((byte,)))
        await connection.gone()

    return script
