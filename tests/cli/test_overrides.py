import pytest

from proxy.cli.overrides import Override, apply_overrides, choose_overrides
from proxy.config.load import LoadedConfig, load_text
from proxy.config.problem import ConfigInvalid


def loaded(text: str = "") -> LoadedConfig:
    return load_text(f"{text}\nupstreams: {{api: {{url: http://127.0.0.1:9000}}}}\n", "outrider.yaml", {})


def problems(given: dict[str, Override], text: str = "") -> list[str]:
    with pytest.raises(ConfigInvalid) as invalid:
        apply_overrides(loaded(text), given)
    return str(invalid.value).splitlines()


def test_a_flag_wins_over_the_environment() -> None:
    environ = {"OUTRIDER_LISTEN": "127.0.0.1:2", "OUTRIDER_LOG_LEVEL": "debug"}
    assert choose_overrides({"listen": "127.0.0.1:1", "admin": None}, environ) == {
        "listen": Override("--listen", "127.0.0.1:1"),
        "log.level": Override("OUTRIDER_LOG_LEVEL", "debug"),
    }


def test_an_empty_variable_says_nothing() -> None:
    assert choose_overrides({}, {"OUTRIDER_LISTEN": ""}) == {}


def test_overrides_win_over_the_file_and_leave_the_rest() -> None:
    log = "log: {level: info, format: text, requests: errors}"
    before = loaded(f"listen: 127.0.0.1:1\nadmin: {{listen: 127.0.0.1:2, token: s}}\n{log}")
    after = apply_overrides(
        before,
        {
            "listen": Override("--listen", "127.0.0.1:3"),
            "admin": Override("--admin", "off"),
            "log.level": Override("OUTRIDER_LOG_LEVEL", "debug"),
        },
    ).config
    assert (after.listen, after.admin.listen) == ("127.0.0.1:3", "off")
    assert (after.log.level, after.log.format, after.log.requests) == ("debug", "text", "errors")
    assert after.admin.token is before.config.admin.token
    assert after.upstreams is before.config.upstreams


def test_without_overrides_the_configuration_is_the_same_object() -> None:
    before = loaded()
    assert apply_overrides(before, {}) is before


def test_several_addresses_stand_between_commas() -> None:
    after = apply_overrides(loaded(), {"listen": Override("--listen", "127.0.0.1:1, unix:/tmp/o.sock")})
    assert after.config.listen_addresses == ["127.0.0.1:1", "unix:/tmp/o.sock"]


@pytest.mark.parametrize(
    ("key", "source", "value"),
    [
        ("listen", "--listen", "nonsense"),
        ("listen", "OUTRIDER_LISTEN", "127.0.0.1:99999"),
        ("admin", "--admin", "127.0.0.1"),
        ("log.level", "OUTRIDER_LOG_LEVEL", "loud"),
        ("log.format", "OUTRIDER_LOG_FORMAT", "xml"),
    ],
)
def test_a_wrong_override_names_where_it_came_from(key: str, source: str, value: str) -> None:
    (line,) = problems({key: Override(source, value)})
    assert line.startswith(f"{source}: ")
    assert "overrides:" not in line


@pytest.mark.parametrize(("key", "source"), [("listen", "--listen"), ("admin", "--admin")])
def test_an_override_cannot_open_what_the_file_does_not_allow(key: str, source: str) -> None:
    (line,) = problems({key: Override(source, "0.0.0.0:8000")})
    assert line.startswith(f"{source}: other machines could reach this address")


def test_an_override_may_open_what_the_file_allows() -> None:
    text = "access: {allow_remote: true, callers: {app: {token: secret}}}"
    after = apply_overrides(loaded(text), {"listen": Override("--listen", "0.0.0.0:8000")})
    assert after.config.listen == "0.0.0.0:8000"


def test_an_override_cannot_take_the_other_listeners_port() -> None:
    (line,) = problems({"listen": Override("--listen", "127.0.0.1:9901")})
    assert line.startswith("--listen: ")


def test_an_override_minds_no_callers_whom_the_file_tells_apart() -> None:
    before = loaded("access: {callers: {one: {token: a}, two: {token: b}, three: {token: {env: C}}}}")
    after = apply_overrides(before, {"log.level": Override("OUTRIDER_LOG_LEVEL", "debug")}).config
    assert after.access is before.config.access
