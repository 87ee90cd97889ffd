from proxy.lifecycle.changes import changes
from tests.config.loading import config

ONE = "upstreams: {a: {url: http://h}, b: {url: http://h, match: {prefix: /b}}}\n"


def test_the_same_configuration_changes_nothing() -> None:
    assert changes(config(ONE), config(ONE)) == []


def test_upstreams_and_profiles_are_named_and_no_value_is() -> None:
    auth = "auth: {key: {type: bearer, token: canary}}\n"
    other = "upstreams: {a: {url: http://other, auth: key}, c: {url: http://h, match: {prefix: /c}}}\n"
    found = changes(config(ONE), config(auth + other))
    assert found == ["auth.key (added)", "upstreams.a", "upstreams.b (removed)", "upstreams.c (added)"]


def test_a_secret_that_changed_is_a_change() -> None:
    text = "auth: {{key: {{type: bearer, token: {}}}}}\nupstreams: {{a: {{url: http://h, auth: key}}}}\n"
    assert changes(config(text.format("one")), config(text.format("two"))) == ["auth.key"]


def test_other_sections_are_named_whole() -> None:
    assert changes(config(ONE), config("listen: 127.0.0.1:9\nlimits: {in_flight: 5}\n" + ONE)) == ["listen", "limits"]
