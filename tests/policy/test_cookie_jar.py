import pytest

from proxy.policy.cookie_jar import CookieJar, rolled, sent_to

NOW = 1_700_000_000.0
URL = "https://www.api.example/auth/login"


def jar(*set_cookies: str, url: str = URL) -> CookieJar:
    made = CookieJar()
    made.take([f"Set-Cookie: {text}".encode() for text in set_cookies], url, NOW)
    return made


def goes(made: CookieJar, host: str, path: str = "/auth/x", *, secure: bool = True) -> list[str]:
    return [f"{one.name}={one.value}" for one in sent_to(made.only(()), host, path, secure=secure)]


def test_a_cookie_goes_back_to_the_host_that_set_it_and_to_no_other() -> None:
    made = jar("a=1")
    assert goes(made, "WWW.api.example") == ["a=1"]
    assert goes(made, "api.example") == goes(made, "x.www.api.example") == goes(made, "evilwww.api.example") == []


def test_a_domain_takes_in_the_hosts_below_it() -> None:
    made = jar("a=1; Domain=.API.example")
    assert goes(made, "api.example") == goes(made, "other.api.example") == ["a=1"]
    assert goes(made, "evil-api.example") == []


@pytest.mark.parametrize("domain", ["example", "other.example", "x.www.api.example", "pi.example"])
def test_a_domain_of_somebody_else_is_refused(domain: str) -> None:
    assert goes(jar(f"a=1; Domain={domain}"), domain) == []


def test_an_address_has_no_domain_below_it() -> None:
    made = jar("a=1; Domain=127.0.0.1", url="http://127.0.0.1:9000/")
    assert goes(made, "127.0.0.1", "/") == ["a=1"]
    assert goes(made, "x.127.0.0.1", "/") == []


@pytest.mark.parametrize(
    ("path", "sent"), [("/auth", True), ("/auth/x", True), ("/authx", False), ("/", False), ("/other", False)]
)
def test_without_a_path_that_of_the_address_counts(path: str, sent: bool) -> None:
    assert bool(goes(jar("a=1"), "www.api.example", path)) is sent


def test_the_longest_path_goes_first_and_one_name_may_stand_at_two_paths() -> None:
    made = jar("a=1; Path=/", "a=2; Path=/auth")
    assert goes(made, "www.api.example") == ["a=2", "a=1"]


def test_a_secure_cookie_is_neither_sent_nor_set_in_the_clear() -> None:
    assert goes(jar("a=1; Secure"), "www.api.example", secure=False) == []
    assert goes(jar("a=1; Secure", url="http://www.api.example/auth/login"), "www.api.example") == []
    assert goes(jar("a=1; Secure; Path=/", url="http://127.0.0.1:9000/"), "127.0.0.1", "/") == ["a=1"]


@pytest.mark.parametrize(
    ("attributes", "expires"),
    [
        ("Max-Age=60", NOW + 60),
        ("Max-Age=60; Expires=Wed, 15 Nov 2023 00:00:00 GMT", NOW + 60),
        ("Expires=Wed, 15-Nov-2023 00:00:00 GMT", 1_700_006_400.0),
        ("Expires=soon", None),
        ("", None),
    ],
)
def test_an_end_is_read_in_each_of_its_forms(attributes: str, expires: float | None) -> None:
    (cookie,) = jar(f"a=1; {attributes}").only(())
    assert cookie.expires == expires


@pytest.mark.parametrize("attributes", ["Max-Age=0", "Max-Age=-1", "Expires=Thu, 01 Jan 1970 00:00:00 GMT"])
def test_an_end_in_the_past_takes_a_cookie_away(attributes: str) -> None:
    assert jar("a=1", f"a=; {attributes}").only(()) == []


@pytest.mark.parametrize(
    "text", ["", "a", "=1", "a b=1", "a=1\x01", "__Secure-a=1", "__Host-a=1; Secure; Path=/x", "__Host-a=1; Path=/"]
)
def test_what_is_no_cookie_is_left_out(text: str) -> None:
    assert jar(text).only(()) == []


def test_cookies_survive_being_kept() -> None:
    cookies = jar("a=1; Path=/; Secure", "b=2; Max-Age=5").only(())
    assert CookieJar.load(CookieJar.dump(cookies)) == cookies
    with pytest.raises(ValueError, match="not cookies"):
        CookieJar.load("[1]")


def test_no_cookie_shows_its_value() -> None:
    assert "hunter2" not in repr(jar("a=hunter2").only(()))


def test_lines_that_set_cookies_of_the_jar_are_taken_out_and_change_values_alone() -> None:
    held = jar("a=1; Domain=api.example; Secure", "b=2").only(())
    found = rolled(held, [b"Set-Cookie: a=3; Path=/", b"X-A: b", b"set-cookie:c=4"], NOW)
    assert found is not None
    lines, cookies = found
    assert lines == [b"X-A: b", b"set-cookie:c=4"]
    assert [(one.name, one.value, one.domain, one.path, one.secure) for one in cookies] == [
        ("a", "3", "api.example", "/auth", True),
        ("b", "2", "www.api.example", "/auth", False),
    ]


def test_a_value_that_cannot_be_one_changes_nothing_and_is_taken_out_all_the_same() -> None:
    held = jar("a=1").only(())
    assert rolled(held, [b"Set-Cookie: a=\xff"], NOW) == ([], tuple(held))


def test_a_cookie_that_is_ended_is_gone() -> None:
    found = rolled(jar("a=1", "b=2").only(()), [b"Set-Cookie: a=; Max-Age=0"], NOW)
    assert found is not None
    assert [one.name for one in found[1]] == ["b"]


def test_lines_that_set_none_of_them_are_left_alone() -> None:
    assert rolled(jar("a=1").only(()), [b"Set-Cookie: b=1", b"A: a=2"], NOW) is None
