import pytest

from proxy.message import Response

_RESPONSE = Response(200, b"OK", [b"A: 1", b"content-TYPE:\ttext/plain ", b"a: 2", b"Empty:", b"AB: 3"])


@pytest.mark.parametrize(
    ("name", "value"),
    [
        (b"a", b"1"),
        (b"content-type", b"text/plain"),
        (b"empty", b""),
        (b"ab", b"3"),
        (b"none", None),
        (b"conten", None),
    ],
)
def test_a_field_is_found_by_its_whole_name_in_any_case(name: bytes, value: bytes | None) -> None:
    assert _RESPONSE.get(name) == value


def test_a_response_has_no_content_until_it_is_given_some() -> None:
    response = Response(204, b"", [])
    assert (response.content.take(), response.content.length, response.tunnel) == (b"", 0, None)
    response.close()
