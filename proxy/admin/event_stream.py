"""Server-sent events: what happens, as it happens, and from where a reader left off.

A reader that does not read is let go by the edge, and one that falls behind what is kept is told so: nobody waits for
either. What must not live here: which events there are.
"""

import asyncio
import contextlib
import json
from collections.abc import AsyncGenerator, Iterator

from proxy.admin.answer import AdminAnswer, event_stream
from proxy.admin.routes import Ask, Route
from proxy.edge.pump import SlowReader
from proxy.observe.events import EventLog, Subscription

__all__ = ["KEEPALIVE", "event_routes", "sent_event"]

KEEPALIVE = 15.0
"""Seconds of silence after which a comment is sent, so that nobody takes the connection for dead."""

_LAST_ID = {"Last-Event-ID": "The id of the last event that was seen; those after it that are still kept come first."}


def sent_event(kind: str, data: object, number: int | None = None) -> bytes:
    """One event in the form of the wire. JSON has no line breaks here."""
    begin = "" if number is None else f"id: {number}\n"
    return f"{begin}event: {kind}\ndata: {json.dumps(data, ensure_ascii=False)}\n\n".encode()


def event_routes(log: EventLog, keepalive: float = KEEPALIVE) -> Iterator[Route]:
    async def events(ask: Ask) -> AdminAnswer:
        last = ask.request.headers.get("last-event-id", "")
        after = int(last) if last.isascii() and last.isdecimal() and len(last) < 20 else None
        return event_stream(_followed(log, log.subscribe(after), keepalive))

    yield Route(
        "GET", "/api/events", events, "What happens, as server-sent events.", media="text/event-stream", fields=_LAST_ID
    )


async def _followed(log: EventLog, reader: Subscription, keepalive: float) -> AsyncGenerator[bytes, None]:
    try:
        async with contextlib.aclosing(_follow(reader, keepalive)) as pieces:
            async for piece in pieces:
                yield piece
    except SlowReader:
        log.dropped += 1


async def _follow(reader: Subscription, keepalive: float) -> AsyncGenerator[bytes, None]:
    # At once, so that the reader knows that it is heard.
    yield b": outrider\n\n"
    while True:
        if reader.missed:
            yield sent_event("events.missed", {"kind": "events.missed"})
        pieces = [sent_event(event.kind, event.document(), event.id) for event in reader.take()]
        if pieces:
            yield b"".join(pieces)
            continue
        try:
            async with asyncio.timeout(keepalive):
                await reader.news()
        except TimeoutError:
            yield b": still here\n\n"
