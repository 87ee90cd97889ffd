import pytest

from proxy.policy import host
from proxy.policy.host import is_host_value


@pytest.mark.parametrize(
    "value",
    [b"localhost", b"localhost:8080", b"a-b.example:1", b"127.0.0.1:65535", b"[::1]", b"[::ffff:127.0.0.1]:80", b"a_b"],
)
def test_a_name_or_address_with_an_optional_port_is_a_host_value(value: bytes) -> None:
    assert is_host_value(value)


@pytest.mark.parametrize(
    "value",
    [
        b"",
        b"a b",
        b" a",
        b"a ",
        b"user@a",
        b"user:password@a",
        b"a/b",
        b"a?b",
        b"a#b",
        b"a,b",
        b"a:",
        b"a:x",
        b"a:123456",
        b"a:1:2",
        b"::1",
        b"[::1",
        b"[]",
        b"[::1]x",
        b"a\tb",
        b"a\n",
        b"a\x00",
        b"\xc3\xbc.example",
        b"http://a",
        b"a" * 256,
    ],
)
def test_anything_else_is_not(value: bytes) -> None:
    assert not is_host_value(value)
    assert not is_host_value(value), "the answer changed when it was asked again"


def test_invented_values_do_not_grow_what_is_remembered() -> None:
    for number in range(3 * host._REMEMBERED):
        assert is_host_value(b"host-%d" % number)
        assert len(host._known) <= host._REMEMBERED


def test_a_long_value_is_judged_and_not_remembered() -> None:
    assert not is_host_value(b"a" * 10_000)
    assert b"a" * 10_000 not in host._known
