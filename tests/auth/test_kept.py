from dataclasses import replace
from pathlib import Path

import pytest

from proxy.auth.kept import ANY, Watch, granted_record, kept_token, spent_seeds
from proxy.auth.record import Record
from proxy.auth.store import MemoryStore
from proxy.auth.supply import Fresh
from proxy.auth.token_answer import Granted
from proxy.secret import Secret
from tests.auth.tools import FakeClock, reader, write_secret

NOW = 1000.0
HELD = Record("seed", "form", Secret("access"), Secret("refresh"), NOW, NOW + 600, rotates=True)


# What was granted


def test_an_answer_without_a_refresh_token_or_a_scope_keeps_the_old_ones() -> None:
    before = replace(HELD, scope="read", pending=NOW)
    record = granted_record(before, Granted(Secret("next"), None, 60.0), "other form", NOW + 5)
    assert (record.refresh, record.scope, record.rotates, record.pending) == (HELD.refresh, "read", False, None)
    assert (record.access, record.form, record.obtained_at, record.expires_at) == (
        Secret("next"),
        "other form",
        NOW + 5,
        NOW + 65,
    )


def test_another_refresh_token_tells_that_the_server_rotates() -> None:
    assert granted_record(replace(HELD, rotates=None), Granted(Secret("a"), Secret("b"), 60.0), "form", NOW).rotates


# What is taken of it


def test_a_kept_token_is_taken_with_what_is_left_of_it() -> None:
    assert kept_token(HELD, "seed", "form", None, NOW + 100) == Fresh(Secret("access"), 500.0, shared=True)
    assert kept_token(replace(HELD, seed=ANY), "seed", "form", None, NOW) is not None


@pytest.mark.parametrize(
    ("record", "held", "now"),
    [
        (None, None, NOW),
        (replace(HELD, access=None), None, NOW),
        (HELD, HELD.access, NOW),
        (replace(HELD, seed="other"), None, NOW),
        (replace(HELD, form="other"), None, NOW),
        (HELD, None, NOW + 541),
    ],
    ids=["none", "no token", "the one that will not do", "another credential", "asked otherwise", "due for renewal"],
)
def test_no_other_one_is(record: Record | None, held: Secret | None, now: float) -> None:
    assert kept_token(record, "seed", "form", held, now) is None


# What must not come back


def test_a_session_in_the_place_of_another_knows_what_that_grew_from() -> None:
    assert spent_seeds(HELD, "next") == ("seed",)
    assert spent_seeds(replace(HELD, seed="next", spent=("seed",)), "third") == ("seed", "next")


@pytest.mark.parametrize("before", [None, HELD, replace(HELD, seed=ANY), replace(HELD, seed="next", rotates=False)])
def test_what_may_be_used_again_is_not_spent(before: Record | None) -> None:
    assert spent_seeds(before, "seed") == ()


# Other credentials


async def test_another_secret_and_another_record_are_noticed_once_a_second(tmp_path: Path) -> None:
    clock, store = FakeClock(), MemoryStore()
    write_secret(tmp_path / "secret", "one")
    watched = reader({"file": "secret"}, tmp_path, clock)
    await watched.read()
    watch = Watch("p", [watched], store)
    watch.failed()
    assert not watch.changed(clock.now)
    write_secret(tmp_path / "secret", "two")
    assert not watch.changed(clock.now + 0.5)
    clock.now += 1
    assert watch.changed(clock.now)
    watch.failed()
    await store.save("p", HELD)
    clock.now += 1
    assert watch.changed(clock.now)
