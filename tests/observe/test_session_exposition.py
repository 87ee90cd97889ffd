from proxy.observe.session_exposition import session_families
from proxy.observe.session_tally import SessionTallies


def samples(tallies: SessionTallies) -> dict[tuple[str, ...], float]:
    return {
        (sample.name, *sample.labels.values()): sample.value
        for family in session_families(tallies)
        for sample in family.samples
    }


def test_refreshes_are_shown_by_profile_and_result_from_zero_on() -> None:
    tallies = SessionTallies()
    tallies.of("p").refreshed("success", 0.02)
    shown = samples(tallies)
    assert shown["outrider_token_refreshes_total", "p", "success"] == 1
    assert shown["outrider_token_refreshes_total", "p", "terminal"] == 0


def test_their_durations_are_cumulative() -> None:
    tallies = SessionTallies()
    for seconds in (0.02, 0.02, 99.0):
        tallies.of("p").refreshed("success", seconds)
    shown = samples(tallies)
    name = "outrider_token_refresh_duration_seconds_bucket"
    assert (shown[name, "p", "0.01"], shown[name, "p", "0.025"], shown[name, "p", "+Inf"]) == (0, 2, 3)


def test_a_session_is_in_one_state_when_it_is_asked() -> None:
    tallies = SessionTallies()
    states = iter(["valid", "expired"])
    tallies.of("p").state = lambda: next(states)
    for state in ("valid", "expired"):
        shown = {key[-1]: value for key, value in samples(tallies).items() if key[0] == "outrider_session_state"}
        assert (sum(shown.values()), shown[state]) == (1, 1)


def test_the_end_of_the_token_is_shown_and_zero_for_none() -> None:
    tallies = SessionTallies()
    tallies.of("p").expiry = 1_700_000_000.5
    tallies.of("q")
    shown = samples(tallies)
    assert shown["outrider_token_expiry_timestamp_seconds", "p"] == 1_700_000_000.5
    assert shown["outrider_token_expiry_timestamp_seconds", "q"] == 0
