import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.config.units import format_duration, format_ratio, format_size, parse_duration, parse_ratio, parse_size


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("250ms", 0.25), ("5s", 5.0), ("2m", 120.0), ("1h", 3600.0), ("1h30m", 5400.0), ("1.5s", 1.5), ("1d", 86400.0)],
)
def test_a_duration_is_numbers_with_units(text: str, seconds: float) -> None:
    assert parse_duration(text) == seconds


def test_zero_needs_no_unit() -> None:
    assert parse_duration(0) == 0.0


@pytest.mark.parametrize(
    "value", ["", "5", "s", "5 s", "-5s", "5x", "1h-30m", "5S", 5, 5.0, True, None, [], "9" * 12 + "d", "1s" * 60]
)
def test_what_is_no_duration_is_refused_with_what_would_be_right(value: object) -> None:
    with pytest.raises(ValueError, match="250ms, 5s, 2m"):
        parse_duration(value)


def test_a_number_without_a_unit_is_told_to_take_one() -> None:
    with pytest.raises(ValueError, match="unit"):
        parse_duration(5)


@pytest.mark.parametrize(
    ("value", "size"),
    [
        ("64KiB", 65536),
        ("1MiB", 2**20),
        ("5GiB", 5 * 2**30),
        ("10KB", 10_000),
        ("7", 7),
        ("7B", 7),
        ("1 MiB", 2**20),
        (9, 9),
    ],
)
def test_a_size_is_a_number_with_or_without_a_unit(value: object, size: int) -> None:
    assert parse_size(value) == size


@pytest.mark.parametrize("value", ["", "KiB", "-1", -1, 1.5, True, None, "1kib", "1.5MiB", 2**61, "999999999999GiB"])
def test_what_is_no_size_is_refused_with_what_would_be_right(value: object) -> None:
    with pytest.raises(ValueError, match="64KiB, 1MiB or 5GiB"):
        parse_size(value)


@given(st.integers(0, 10**9))
def test_a_formatted_duration_reads_as_what_it_was(milliseconds: int) -> None:
    assert parse_duration(format_duration(milliseconds / 1000)) == pytest.approx(milliseconds / 1000, abs=1e-6)


@given(st.integers(0, 2**50))
def test_a_formatted_size_reads_as_what_it_was(size: int) -> None:
    assert parse_size(format_size(size)) == size


@pytest.mark.parametrize(("seconds", "text"), [(0.0, "0s"), (0.25, "250ms"), (90.0, "1m30s"), (86400.0, "1d")])
def test_a_duration_is_shown_as_people_write_it(seconds: float, text: str) -> None:
    assert format_duration(seconds) == text


@pytest.mark.parametrize(
    ("value", "share"), [("20%", 0.2), ("12.5 %", 0.125), ("100%", 1.0), (0.2, 0.2), (0, 0.0), (1, 1.0)]
)
def test_a_ratio_is_a_percentage_or_a_part_of_one(value: object, share: float) -> None:
    assert parse_ratio(value) == share


@pytest.mark.parametrize("value", ["", "%", "20", "-1%", "101%", "0x1%", 1.1, -0.1, 20, True, None, float("nan")])
def test_what_is_no_ratio_is_refused_with_what_would_be_right(value: object) -> None:
    with pytest.raises(ValueError, match="percentage such as 20%"):
        parse_ratio(value)


@given(st.integers(0, 10**6))
def test_a_formatted_ratio_reads_as_what_it_was(millionths: int) -> None:
    assert parse_ratio(format_ratio(millionths / 10**6)) == pytest.approx(millionths / 10**6, abs=1e-9)


@pytest.mark.parametrize(("text", "share"), [("20%", 0.2), ("0%", 0.0), ("100%", 1.0), ("12.5 %", 0.125)])
def test_a_share_is_a_percentage(text: str, share: float) -> None:
    assert parse_ratio(text) == share


@pytest.mark.parametrize("value", ["", "%", "20", "101%", "-1%", 1.2, 20, -1, True, None, "20 percent"])
def test_what_is_no_share_is_refused_with_what_would_be_right(value: object) -> None:
    with pytest.raises(ValueError, match="such as 20%"):
        parse_ratio(value)


@given(st.integers(0, 100_000))
def test_a_formatted_share_reads_as_what_it_was(thousandths: int) -> None:
    assert parse_ratio(format_ratio(thousandths / 100_000)) == pytest.approx(thousandths / 100_000)
