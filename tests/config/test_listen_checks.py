import pytest

from tests.config.loading import UPSTREAM, only, said

GUARDED = "access: {allow_remote: true, callers: {job: {token: x}}}\n"


def test_an_address_cannot_be_taken_twice() -> None:
    text = f"{UPSTREAM}listen: ['127.0.0.1:80', '127.0.0.1:81', '127.0.0.1:80']"
    assert only(text) == "2:42: listen.2: this address is here twice; give every listener a port of its own"


@pytest.mark.parametrize("other", ["127.0.0.1", "localhost"])
def test_a_wildcard_overlaps_each_address_of_its_port(other: str) -> None:
    text = f"{UPSTREAM}{GUARDED}listen: ['{other}:80', '0.0.0.0:80']"
    assert f"listen.1: this address and {other}:80 overlap; give every listener" in only(text)


def test_the_two_wildcards_are_of_two_families() -> None:
    assert said(f"{UPSTREAM}{GUARDED}listen: ['0.0.0.0:80', '[::]:80']") == []
    assert "and [::1]:80 overlap" in only(f"{UPSTREAM}{GUARDED}listen: ['[::1]:80', '127.0.0.1:80', '[::]:80']")


def test_the_admin_listener_has_an_address_of_its_own() -> None:
    text = f"{UPSTREAM}admin: {{listen: '127.0.0.1:8080'}}"
    assert only(text) == "2:17: admin.listen: the proxy listens on this address; give every listener a port of its own"


def test_the_proxy_cannot_take_the_admin_listener_s_default() -> None:
    assert "admin.listen: the proxy listens on this address" in only(f"{UPSTREAM}listen: 127.0.0.1:9901")


def test_an_admin_listener_that_is_off_takes_no_address() -> None:
    assert said(f"{UPSTREAM}listen: 127.0.0.1:9901\nadmin: {{listen: off}}") == []


@pytest.mark.parametrize(
    "listen", ["127.0.0.1:0", "[::1]:80", "localhost:80", "unix:/run/x.sock", "[unix:/a, unix:/b]"]
)
def test_what_stays_on_the_machine_needs_no_guard(listen: str) -> None:
    listen = listen if listen.startswith("[u") else f"'{listen}'"
    assert said(f"{UPSTREAM}listen: {listen}") == []


@pytest.mark.parametrize("listen", ["0.0.0.0:8080", "[::]:8080", "10.0.0.1:80", "proxy.internal:80"])
def test_a_remote_address_wants_the_word_and_a_token(listen: str) -> None:
    assert only(f"{UPSTREAM}listen: '{listen}'") == (
        "2:9: listen: other machines could reach this address; "
        "listen on 127.0.0.1, or add access.allow_remote: true and a token under access.callers"
    )
    assert said(f"{UPSTREAM}{GUARDED}listen: '{listen}'") == []


@pytest.mark.parametrize(
    ("access", "missing"),
    [
        ("access: {allow_remote: true}\n", "a token under access.callers"),
        ("access: {callers: {job: {token: x}}}\n", "access.allow_remote: true"),
        ("access: {allow_remote: true, callers: {}}\n", "a token under access.callers"),
    ],
)
def test_half_a_guard_is_none_and_the_other_half_is_named(access: str, missing: str) -> None:
    assert only(f"{UPSTREAM}{access}listen: 0.0.0.0:80").endswith(f"listen on 127.0.0.1, or add {missing}")


def test_a_remote_admin_address_wants_the_word_and_its_own_token() -> None:
    text = f"{UPSTREAM}{GUARDED}admin: {{listen: '0.0.0.0:9901'"
    assert only(text + "}").endswith("or add a token as admin.token")
    assert said(text + ", token: x}") == []
