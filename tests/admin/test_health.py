from proxy.admin.health import Health


def test_a_daemon_that_starts_is_neither_started_nor_ready() -> None:
    health = Health()
    assert (health.started, health.reasons) == (False, ["starting"])


def test_a_started_daemon_without_problems_is_ready() -> None:
    health = Health()
    health.phase = "ready"
    assert (health.started, health.reasons) == (True, [])


def test_a_draining_daemon_has_started_but_is_not_ready() -> None:
    health = Health()
    health.phase = "draining"
    assert (health.started, health.reasons) == (True, ["draining"])


def test_problems_are_asked_each_time() -> None:
    problems = ["profile key: no such file"]
    health = Health(lambda: problems)
    health.phase = "ready"
    assert health.reasons == ["profile key: no such file"]
    problems.clear()
    assert health.reasons == []


def test_a_start_tells_what_it_waits_for_and_a_drain_nothing_but_itself() -> None:
    health = Health(lambda: ["profile slow: its credential is still awaited"])
    assert health.reasons == ["starting", "profile slow: its credential is still awaited"]
    health.phase = "draining"
    assert health.reasons == ["draining"]
