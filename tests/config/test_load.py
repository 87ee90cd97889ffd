from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from proxy.config.auth_model import BearerProfile, EnvSecret, FileSecret, LiteralSecret
from proxy.config.find import find_config
from proxy.config.load import LoadedConfig, config_from_flags, load_file, load_text
from proxy.config.model import Config
from proxy.config.problem import ConfigInvalid
from proxy.secret import Secret
from tests.config.loading import UPSTREAM, config, only, problems, said

MINIMAL = """\
# The smallest useful file: one upstream, one static token.
listen: 127.0.0.1:8080
auth:
  token:
    type: bearer
    token: {env: API_TOKEN}
upstreams:
  api:
    url: http://127.0.0.1:9000
    auth: token
"""

FIVE_MISTAKES = """\
listen: 8080
auth:
  token:
    type: berer
    token: {env: API_TOKEN}
upstreams:
  api:
    url: localhost:9000
    auth: tokn
    timeout: {connect: 5}
"""


def file(tmp_path: Path, content: str | bytes) -> Path:
    path = tmp_path / "outrider.yaml"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def test_the_smallest_useful_file_loads_word_for_word(tmp_path: Path) -> None:
    path = file(tmp_path, MINIMAL)
    loaded = load_file(path, {})
    assert (loaded.path, loaded.base, loaded.warnings) == (path, tmp_path, [])
    assert loaded.config.listen_addresses == ["127.0.0.1:8080"]
    profile = loaded.config.auth["token"]
    assert isinstance(profile, BearerProfile)
    assert profile.token == EnvSecret(env="API_TOKEN")
    assert (loaded.config.upstreams["api"].url, loaded.config.upstreams["api"].auth) == (
        "http://127.0.0.1:9000",
        "token",
    )


def test_five_mistakes_are_five_lines_in_the_order_of_the_file() -> None:
    lines = said(FIVE_MISTAKES)
    assert [line.partition(": ")[0] for line in lines] == ["1:9", "4:11", "8:10", "9:11", "10:24"]
    assert all("; " in line for line in lines)


def test_a_text_has_no_path_and_starts_where_it_is_told_to(tmp_path: Path) -> None:
    loaded = load_text(UPSTREAM, "some text", {}, tmp_path)
    assert (loaded.path, loaded.base) == (None, tmp_path)
    with pytest.raises(ConfigInvalid, match=r"^some text:1:1: "):
        load_text("", "some text", {})


def test_the_base_of_a_file_named_relatively_is_absolute(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file(tmp_path, MINIMAL)
    monkeypatch.chdir(tmp_path)
    assert load_file(Path("outrider.yaml"), {}).base == tmp_path


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"a: \xff", ":1:4: a byte that is not UTF-8"),
        (b"a: 1\nbc: \xff", ":2:5: a byte that is not UTF-8"),
        (b"#" * (2**20 + 1), ": the file is too large"),
        (b"", ":1:1: the file is empty"),
        (b"a: [b", "a bracket or brace that does not end"),
    ],
)
def test_a_file_that_cannot_be_understood_is_named_with_its_place(tmp_path: Path, content: bytes, message: str) -> None:
    path = file(tmp_path, content)
    with pytest.raises(ConfigInvalid) as caught:
        load_file(path, {})
    (line,) = map(str, caught.value.problems)
    assert line.startswith(str(path))
    assert message in line


def test_a_byte_order_mark_is_no_mistake(tmp_path: Path) -> None:
    assert load_file(file(tmp_path, b"\xef\xbb\xbf" + MINIMAL.encode()), {}).config


@pytest.mark.parametrize(
    ("name", "reason"), [("absent.yaml", "No such file"), (".", "Is a directory"), ("a\0b", "not a path")]
)
def test_a_file_that_cannot_be_read_is_an_error_of_the_configuration(tmp_path: Path, name: str, reason: str) -> None:
    with pytest.raises(ConfigInvalid, match=f"the file cannot be read: {reason}"):
        load_file(tmp_path / name, {})


class TestVariables:
    """What comes from the environment."""

    def test_takes_the_type_that_the_option_wants(self) -> None:
        text = (
            UPSTREAM
            + 'limits: {connections: "${N}", body: "${N}", idle_timeout: "${T}"}\naccess: {allow_remote: "${B}"}'
        )
        loaded = config(text, {"N": "7", "T": "5s", "B": "true"})
        assert (loaded.limits.connections, loaded.limits.body, loaded.limits.idle_timeout) == (7, 7, 5.0)
        assert loaded.access.allow_remote is True

    @pytest.mark.parametrize("value", ["123", "true", "null", "1.5", "~", "text"])
    def test_is_text_where_text_is_wanted(self, value: str) -> None:
        text = 'upstreams: {api: {url: http://x, headers: {set: {X-A: "${V}"}}}}\nadmin: {token: "${V}"}'
        loaded = config(text, {"V": value})
        assert loaded.upstreams["api"].headers.set == {"X-A": value}
        assert loaded.admin.token == LiteralSecret(literal=Secret(value))

    @pytest.mark.parametrize("value", ['"${V:-}"', '"${EMPTY}"', "", "~", "null"])
    def test_that_is_empty_never_means_that_no_token_is_wanted(self, value: str) -> None:
        (line,) = said(f"{UPSTREAM}admin:\n  token: {value}", {"EMPTY": ""})
        assert "the secret is empty" in line or "nothing is written here" in line

    def test_is_never_shown_when_it_is_wrong(self) -> None:
        names = ("listen", "log", "limits", "access", "admin")
        text = UPSTREAM + "".join(f'{name}: "${{V}}"\n' for name in names)
        assert all("kanarie" not in line for line in said(text, {"V": "kanarie"}))
        assert len(said(text, {"V": "kanarie"})) == len(names)

    def test_is_missed_once_however_often_an_alias_repeats_it(self) -> None:
        text = "upstreams: {a: &x {url: '${U}', match: {prefix: /a}}, b: {<<: *x, match: {prefix: /b}}}"
        assert only(text).startswith("1:26: the environment variable U is not set")


def test_a_file_with_aliases_and_merges_loads() -> None:
    text = """
upstreams:
  a: &common {url: http://x, match: {prefix: /a}, timeout: {connect: 1s}}
  b: {<<: *common, match: {prefix: /b}}
"""
    assert config(text).upstreams["b"].timeout.connect == 1.0


def test_a_file_secret_keeps_its_path_as_written() -> None:
    assert config(UPSTREAM + "admin: {token: {file: ./t}}").admin.token == FileSecret(file="./t")


def test_a_warning_does_not_stop_and_an_error_hides_warnings() -> None:
    unused = UPSTREAM + "auth: {p: {type: none}}\n"
    loaded = load_text(unused, "f", {})
    assert [problem.severity for problem in loaded.warnings] == ["warning"]
    assert [problem.severity for problem in problems(unused + "zebra: 1")] == ["error"]


class TestFinding:
    """Where a configuration is looked for."""

    def test_the_flag_comes_before_the_environment(self) -> None:
        assert find_config("a.yaml", {"OUTRIDER_CONFIG": "b.yaml"}) == Path("a.yaml")
        assert find_config(None, {"OUTRIDER_CONFIG": "b.yaml"}) == Path("b.yaml")

    def test_then_comes_the_folder(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        file(tmp_path, MINIMAL)
        monkeypatch.chdir(tmp_path)
        assert find_config(None, {"OUTRIDER_CONFIG": ""}) == Path("outrider.yaml")

    def test_then_comes_the_system(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        path = file(tmp_path, MINIMAL)
        monkeypatch.setattr("proxy.config.find.FALLBACKS", (tmp_path / "absent.yaml", path))
        assert find_config(None, {}) == path

    def test_with_none_at_all_every_way_is_named(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.chdir(tmp_path)
        monkeypatch.setattr("proxy.config.find.FALLBACKS", (Path("outrider.yaml"), tmp_path / "absent"))
        with pytest.raises(
            ConfigInvalid, match=r"there is no outrider.yaml here.*--config FILE.*OUTRIDER_CONFIG.*--upstream"
        ):
            find_config(None, {})


class TestFlags:
    """The configuration that flags make."""

    def test_an_upstream_alone_is_enough(self) -> None:
        loaded = config_from_flags("http://127.0.0.1:9000/v1", None, None)
        assert isinstance(loaded, LoadedConfig)
        assert loaded.path is None
        assert loaded.config.upstreams["api"].url == "http://127.0.0.1:9000/v1"
        assert loaded.config.upstreams["api"].auth == "none"

    def test_a_variable_with_a_token_makes_a_profile(self) -> None:
        loaded = config_from_flags("http://x", "API_TOKEN", "127.0.0.1:1", "off")
        profile = loaded.config.auth[loaded.config.upstreams["api"].auth]
        assert isinstance(profile, BearerProfile)
        assert profile.token == EnvSecret(env="API_TOKEN")
        assert (loaded.config.listen_addresses, loaded.config.admin_addresses) == (["127.0.0.1:1"], [])

    @pytest.mark.parametrize(
        ("flags", "line"),
        [
            (("x", None, None, None), "--upstream: the URL must begin with http:// or https://"),
            (("http://x", "1 A", None, None), "--bearer-env: not the name of an environment variable"),
            (("http://x", None, "8080", None), "--listen: not an address to listen on"),
            (("http://x", None, "0.0.0.0:80", None), "--listen: other machines could reach this address"),
            (("http://x", None, "127.0.0.1:9", "127.0.0.1:9"), "--admin: the proxy listens on this address"),
        ],
    )
    def test_a_wrong_flag_is_named(self, flags: tuple[str, str | None, str | None, str | None], line: str) -> None:
        with pytest.raises(ConfigInvalid) as caught:
            config_from_flags(*flags)
        (problem,) = caught.value.problems
        assert str(problem).startswith(line)


def attempt(text: str) -> None:
    """Loads, or fails as it should, with lines that can be printed."""
    lines = said(text, {"A": "1"})
    assert lines or isinstance(config(text, {"A": "1"}), Config)
    for line in lines:
        assert line.encode()
        assert line.isprintable()


WORDS = st.sampled_from([
    "listen", "admin", "auth", "upstreams", "api", "url", "match", "prefix", "host", "type", "bearer", "token",
    "env", "file", "exec", "set", "headers", "routes", "timeout", "connect", "access", "callers", "allow_remote",
    "http://x", "/a", "GET", "none", "off", "true", "5s", "1MiB", "${A}", "${B}", "${", "<<",
])  # fmt: skip
SCALARS = st.one_of(WORDS, st.text(max_size=8), st.none(), st.booleans(), st.integers(), st.floats())
TREES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(WORDS | st.text(max_size=5), inner, max_size=4),
    max_leaves=25,
)


@given(st.text(alphabet=st.sampled_from("ab:-[]{},&*!|>'\"%@`#?~<= \n\t\\0x${}\u2028\ud83d"), max_size=60))
def test_any_text_loads_or_is_a_configuration_error(text: str) -> None:
    attempt(text)
    attempt(UPSTREAM + text)


@given(st.dictionaries(WORDS, TREES, max_size=4))
def test_any_tree_loads_or_is_a_configuration_error(tree: dict[str, object]) -> None:
    attempt(yaml.safe_dump(tree, allow_unicode=True))


@given(
    st.fixed_dictionaries(
        {"upstreams": st.dictionaries(WORDS, TREES, max_size=2)},
        optional=dict.fromkeys(("listen", "admin", "access", "limits", "auth", "log"), TREES),
    )
)
def test_any_tree_below_real_sections_loads_or_is_a_configuration_error(tree: dict[str, object]) -> None:
    attempt(yaml.safe_dump(tree))


@given(st.binary(max_size=80))
def test_any_bytes_load_or_are_a_configuration_error(tmp_path_factory: pytest.TempPathFactory, content: bytes) -> None:
    path = tmp_path_factory.getbasetemp() / "bytes.yaml"
    path.write_bytes(content)
    with pytest.raises(ConfigInvalid):
        load_file(path, {})
