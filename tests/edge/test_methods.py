import pytest

from proxy.edge.methods import split_method


@pytest.mark.parametrize("method", [b"BREW", b"M-SEARCH", b"a!b", b"x" * 32])
def test_a_method_is_the_token_before_the_first_space(method: bytes) -> None:
    assert split_method(method + b" / HTTP/1.1\r\n") == (method.decode(), b" / HTTP/1.1\r\n")


@pytest.mark.parametrize("data", [b"", b"BREW", b" /", b"A(B /", b"x" * 33 + b" /", b"\xff /", b"\r\nGET /"])
def test_anything_else_is_no_method(data: bytes) -> None:
    assert split_method(data) == (None, data)
