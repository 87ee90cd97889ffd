import asyncio

import pytest

from proxy.observe.events import KEPT, EventLog


@pytest.fixture
def log() -> EventLog:
    return EventLog(lambda: 100.0)


def test_ids_grow_by_one_and_begin_at_the_time(log: EventLog) -> None:
    log.publish("session.refreshed", profile="key")
    log.publish("circuit.opened", upstream="api")
    assert [event.id for event in log.since(0)] == [100_001, 100_002]


def test_an_event_is_its_kind_its_time_and_its_facts(log: EventLog) -> None:
    log.publish("session.refreshed", profile="key")
    (event,) = log.since(0)
    assert event.document() == {"id": 100_001, "kind": "session.refreshed", "at": 100.0, "profile": "key"}


def test_a_storm_of_one_family_does_not_push_out_the_others(log: EventLog) -> None:
    log.publish("session.expired", profile="key")
    for _ in range(3 * KEPT):
        log.publish("request.error", code="rate_limited")
    assert log.since(0)[0].kind == "session.expired"
    assert len(log.since(0)) == KEPT + 1


def test_one_family_may_be_asked_for(log: EventLog) -> None:
    log.publish("session.expired")
    log.publish("request.error")
    assert [event.kind for event in log.since(0, "request")] == ["request.error"]


async def test_a_reader_gets_what_comes_after_it_began(log: EventLog) -> None:
    log.publish("session.refreshed", number=1)
    reader = log.subscribe()
    log.publish("session.refreshed", number=2)
    log.publish("session.refreshed", number=3)
    assert [event.facts["number"] for event in await reader.next()] == [2, 3]


async def test_a_reader_goes_on_where_it_left_off(log: EventLog) -> None:
    for number in range(4):
        log.publish("session.refreshed", number=number)
    reader = log.subscribe(log.last - 2)
    assert [event.facts["number"] for event in reader.take()] == [2, 3]
    assert reader.take() == []


async def test_an_id_of_a_later_time_stands_for_the_beginning(log: EventLog) -> None:
    log.publish("session.refreshed")
    assert len(log.subscribe(log.last + 7).take()) == 1


async def test_readers_wait_for_what_comes(log: EventLog) -> None:
    readers = [asyncio.create_task(log.subscribe().next()) for _ in range(3)]
    await asyncio.sleep(0)
    log.publish("circuit.opened")
    assert [[event.kind for event in events] for events in await asyncio.gather(*readers)] == [["circuit.opened"]] * 3


async def test_a_reader_that_leaves_while_it_waits_leaves_nothing_behind(log: EventLog) -> None:
    reading = asyncio.create_task(log.subscribe().next())
    await asyncio.sleep(0)
    reading.cancel()
    await asyncio.wait((reading,))
    assert not log._waiting


def test_a_reader_that_falls_behind_is_told_that_it_missed_something(log: EventLog) -> None:
    reader = log.subscribe()
    for _ in range(KEPT):
        log.publish("request.error")
    assert not reader.missed
    log.publish("request.error")
    assert reader.missed
    reader.take()
    assert not reader.missed


async def test_a_reader_from_the_beginning_of_an_empty_log_waits(log: EventLog) -> None:
    reader = log.subscribe(0)
    assert reader.take() == []
    reading = asyncio.create_task(reader.next())
    await asyncio.sleep(0)
    assert not reading.done()
    log.publish("circuit.opened")
    assert [event.kind for event in await reading] == ["circuit.opened"]
