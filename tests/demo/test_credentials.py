from proxy.demo.credentials import MadeUp


def test_secrets_are_made_up_anew_each_time() -> None:
    assert not set(MadeUp().values()) & set(MadeUp().values())


def test_a_secret_is_shown_by_its_beginning_only() -> None:
    made_up = MadeUp()
    shown = made_up.shorten(f"Bearer {made_up.token}, {made_up.key}")
    assert shown.startswith("Bearer demo-")
    assert not any(value in shown for value in made_up.values())


def test_rotation_replaces_one_secret_and_no_other() -> None:
    made_up = MadeUp()
    before = made_up.values()
    made_up.rotate()
    assert len(set(before) - set(made_up.values())) == 1
