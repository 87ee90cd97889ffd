import pytest

from proxy.config.address import TcpAddress, UnixAddress, parse_address


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("127.0.0.1:8080", TcpAddress("127.0.0.1", 8080)),
        ("[::1]:8080", TcpAddress("::1", 8080)),
        ("[0:0:0:0:0:0:0:1]:80", TcpAddress("::1", 80)),
        ("LocalHost:0", TcpAddress("localhost", 0)),
        ("proxy.internal:80", TcpAddress("proxy.internal", 80)),
        ("unix:/run/outrider.sock", UnixAddress("/run/outrider.sock")),
    ],
)
def test_an_address_is_host_and_port_or_a_socket(text: str, address: object) -> None:
    assert parse_address(text) == address


@pytest.mark.parametrize(
    "text",
    [
        "",
        "8080",
        ":8080",
        "*:8080",
        "127.0.0.1",
        "127.0.0.1:",
        "::1:8080",
        "[::1]",
        "[127.0.0.1.5]:80",
        "999.0.0.1:80",
        "http://127.0.0.1:80",
        "127.0.0.1:80 ",
        "unix:",
        "unix:relative.sock",
        "unix:/run/",
    ],
)
def test_anything_else_is_refused_with_what_would_be_right(text: str) -> None:
    with pytest.raises(ValueError, match=r"write .*unix:/path"):
        parse_address(text)


def test_a_port_beyond_the_last_one_is_refused() -> None:
    with pytest.raises(ValueError, match="65535"):
        parse_address("127.0.0.1:65536")


def test_a_socket_path_longer_than_systems_allow_is_refused() -> None:
    parse_address("unix:/" + "s" * 106)
    with pytest.raises(ValueError, match="107"):
        parse_address("unix:/" + "s" * 107)


@pytest.mark.parametrize("text", ["127.0.0.1:1", "127.8.8.8:1", "[::1]:1", "localhost:1", "unix:/s"])
def test_loopback_and_sockets_stay_on_the_machine(text: str) -> None:
    assert parse_address(text).is_loopback


@pytest.mark.parametrize("text", ["0.0.0.0:1", "[::]:1", "10.0.0.1:1", "proxy.internal:1"])
def test_everything_else_is_reached_from_outside(text: str) -> None:
    assert not parse_address(text).is_loopback


@pytest.mark.parametrize(
    ("one", "other", "clash"),
    [
        ("127.0.0.1:80", "127.0.0.1:80", True),
        ("127.0.0.1:80", "127.0.0.1:81", False),
        ("127.0.0.1:80", "127.0.0.2:80", False),
        ("0.0.0.0:80", "127.0.0.1:80", True),
        ("127.0.0.1:0", "127.0.0.1:0", False),
        ("unix:/s", "unix:/s", True),
        ("unix:/s", "unix:/t", False),
        ("unix:/s", "127.0.0.1:80", False),
    ],
)
def test_two_addresses_clash_when_one_socket_would_take_both(one: str, other: str, clash: bool) -> None:
    assert parse_address(one).clashes(parse_address(other)) is clash
    assert parse_address(other).clashes(parse_address(one)) is clash
