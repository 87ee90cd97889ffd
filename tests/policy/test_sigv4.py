import pytest

from proxy.policy.sigv4 import canonical_fields, canonical_path, canonical_query


@pytest.mark.parametrize(
    ("path", "signed"),
    [
        (b"/", b"/"),
        (b"/a(b)+c!", b"/a%28b%29%2Bc%21"),
        (b"/a%28b%29", b"/a%28b%29"),
        (b"/a%2fb", b"/a/b"),
        (b"//a/../%c3%a9~", b"//a/../%C3%A9~"),
    ],
)
def test_s3_signs_the_name_of_the_object_however_it_was_spelt(path: bytes, signed: bytes) -> None:
    assert canonical_path(path, s3=True) == signed


@pytest.mark.parametrize(
    ("path", "signed"),
    [
        (b"/", b"/"),
        (b"/a%20b", b"/a%2520b"),
        (b"/a/./b/../c//d/", b"/a/c/d/"),
        (b"/..", b"/"),
        (b"/a/..", b"/"),
        (b"/.hidden", b"/.hidden"),
        (b"/a:b", b"/a%3Ab"),
    ],
)
def test_other_services_sign_the_path_encoded_once_more_and_without_dots(path: bytes, signed: bytes) -> None:
    assert canonical_path(path, s3=False) == signed


@pytest.mark.parametrize(
    ("query", "signed"),
    [
        (b"", b""),
        (b"b&a", b"a=&b="),
        (b"a=2&a=1&A=3", b"A=3&a=1&a=2"),
        (b"a=b+c&d=e%20f", b"a=b%20c&d=e%20f"),
        (b"a=%2b&b=%c3%a9&c=x/y", b"a=%2B&b=%C3%A9&c=x%2Fy"),
        (b"&a=1&&", b"a=1"),
        (b"a=b=c", b"a=b%3Dc"),
    ],
)
def test_parameters_are_signed_in_order_and_in_one_spelling(query: bytes, signed: bytes) -> None:
    assert canonical_query(query) == signed


def test_fields_are_signed_by_name_with_their_values_joined() -> None:
    lines, names = canonical_fields([(b"X-Amz-B", b" a  b "), (b"Host", b"h"), (b"x-amz-b", b"c")])
    assert (lines, names) == (b"host:h\nx-amz-b:a b,c\n", b"host;x-amz-b")
