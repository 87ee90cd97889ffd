from proxy.observe.session_tally import SessionTallies


def test_who_listens_hears_which_profiles_session_was_ended() -> None:
    heard: list[str] = []
    tallies = SessionTallies()
    tally = tallies.of("key")
    tally.ended()
    tallies.on_end = heard.append
    tally.ended()
    tallies.of("other").ended()
    assert heard == ["key", "other"]
