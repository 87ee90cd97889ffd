from hypothesis import given
from hypothesis import strategies as st

from proxy.message import Exchange
from proxy.policy.fingerprint import field_key, fingerprint

PARTS = st.tuples(st.sampled_from(["GET", "POST"]), st.sampled_from([b"/", b"/a", b"/a?b"]), st.binary(max_size=3))


def asked(method: str = "GET", path: bytes = b"/", *fields: tuple[bytes, bytes]) -> Exchange:
    return Exchange(method, path, list(fields), b"id", 0.0)


@given(PARTS, PARTS)
def test_requests_are_alike_when_method_target_and_content_are(
    one: tuple[str, bytes, bytes], other: tuple[str, bytes, bytes]
) -> None:
    prints = [fingerprint(asked(method, path), content) for method, path, content in (one, other)]
    assert (prints[0] == prints[1]) is (one == other)


def test_what_ends_the_target_does_not_begin_the_content() -> None:
    assert fingerprint(asked("GET", b"/a"), b"b") != fingerprint(asked("GET", b"/ab"), b"")


def test_content_too_large_to_be_read_ahead_tells_nothing_apart() -> None:
    assert fingerprint(asked(), None) == fingerprint(asked(), None)


def test_a_key_holds_nothing_of_a_fields_value() -> None:
    key = field_key(asked("GET", b"/", (b"X-User", b"a-long-secret-value-that-nobody-may-see")), b"x-user")
    assert len(key) == 16
    assert b"secret" not in key


def test_a_field_is_known_in_any_case_and_all_of_its_lines_count() -> None:
    assert field_key(asked("GET", b"/", (b"X-USER", b"1")), b"x-user") == field_key(
        asked("GET", b"/", (b"x-user", b"1")), b"x-user"
    )
    two = asked("GET", b"/", (b"x-user", b"1"), (b"x-user", b"2"))
    assert field_key(two, b"x-user") != field_key(asked("GET", b"/", (b"x-user", b"1")), b"x-user")


def test_requests_without_the_field_are_one() -> None:
    assert field_key(asked(), b"x-user") == field_key(asked("POST", b"/a"), b"x-user") == b""
