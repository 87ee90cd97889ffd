import json
from dataclasses import replace

import pytest

from proxy.auth.record import Record, decode, encode, fingerprint
from proxy.secret import Secret

RECORD = Record("seed", "form", Secret("s3cret-access"), Secret("s3cret-refresh"), 1000.0, 1060.0, False, 7.0)


@pytest.mark.parametrize(
    "record",
    [
        RECORD,
        Record("seed"),
        replace(RECORD, rotates=None),
        replace(RECORD, rotates=True, pending=None),
        Record("s", ended="x", scope="a b"),
    ],
)
def test_a_record_survives_its_file(record: Record) -> None:
    assert decode(encode(record)) == record


def test_a_record_does_not_print_its_tokens() -> None:
    assert "s3cret" not in f"{RECORD!r} {RECORD}"


@pytest.mark.parametrize(("now", "left"), [(1000, 60), (1030, 30), (1060, 0), (2000, -940)])
def test_what_is_left_is_counted_from_when_it_was_got(now: float, left: float) -> None:
    assert RECORD.remaining(now) == left


def test_a_clock_that_went_back_an_hour_gives_no_token_more_than_its_lifetime() -> None:
    assert RECORD.remaining(1000 - 3600) == 60


def test_a_clock_that_went_on_an_hour_ends_the_token_early() -> None:
    assert RECORD.remaining(1010 + 3600) < 0


def test_without_a_token_nothing_is_left() -> None:
    assert Record("seed", obtained_at=0, expires_at=100).remaining(1) == 0


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"[]",
        b"\xff",
        b'{"version": 2}',
        b'{"version": 1}',
        b'{"version": 1, "seed": "", "form": "", "access_token": 7}',
        b'{"version": 1, "seed": "", "form": "", "expires_at": "7"}',
        b'{"version": 1, "seed": "", "form": "", "pending": true}',
        b'{"version": 1, "seed": "", "form": "", "rotates": "yes"}',
        b'{"version": 1, "seed": "", "form": "", "ended": true}',
        b"[" * 100_000,
    ],
)
def test_a_file_that_holds_something_else_is_refused(content: bytes) -> None:
    with pytest.raises(ValueError, match=r"^its? "):
        decode(content)


def test_fingerprints_tell_parts_apart_and_do_not_hold_them() -> None:
    assert fingerprint("a", "b") != fingerprint("ab")
    assert fingerprint("a", "b") == fingerprint("a", "b")
    assert "s3cret" not in fingerprint("s3cret")


def test_what_is_spent_is_read_as_it_was_written_and_is_none_where_nothing_was() -> None:
    record = Record("seed", spent=("one", "two"))
    assert decode(encode(record)) == record
    older = json.loads(encode(record))
    del older["spent"]
    assert decode(json.dumps(older).encode()).spent == ()


@pytest.mark.parametrize("wrong", ["one", [1], {"one": 1}])
def test_what_is_spent_is_a_list_of_texts(wrong: object) -> None:
    document = json.loads(encode(Record("seed"))) | {"spent": wrong}
    with pytest.raises(ValueError, match="spent"):
        decode(json.dumps(document).encode())
