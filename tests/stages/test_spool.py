import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.stages import spool as spool_module
from proxy.stages.spool import Spool, SpoolCaps


def everything(spool: Spool) -> bytes:
    data = b""
    while len(data) < spool.size:
        piece = spool.read(len(data))
        assert piece
        data += piece
    return data


def test_what_fits_stays_in_memory(tmp_path: Path) -> None:
    spool = Spool(SpoolCaps(10, 100, tmp_path / "not there"))
    assert spool.add(b"01234")
    assert spool.add(b"56789")
    assert spool.in_memory
    assert spool.whole() == b"0123456789"


def test_what_does_not_fit_goes_to_a_file_without_a_name(tmp_path: Path) -> None:
    spool = Spool(SpoolCaps(4, 100, tmp_path))
    assert spool.add(b"0123")
    assert spool.add(b"456")
    assert not spool.in_memory
    assert everything(spool) == b"0123456"
    assert list(tmp_path.iterdir()) == []
    spool.close()


def test_past_the_cap_nothing_is_kept(tmp_path: Path) -> None:
    spool = Spool(SpoolCaps(4, 6, tmp_path))
    assert spool.add(b"012345")
    assert not spool.add(b"6")
    assert spool.size == 0


def test_without_a_file_the_cap_is_that_of_the_memory(tmp_path: Path) -> None:
    spool = Spool(SpoolCaps(4, 0, tmp_path / "not there"))
    assert spool.add(b"0123")
    assert not spool.add(b"4")


def test_a_folder_that_is_not_there_is_a_no(tmp_path: Path) -> None:
    spool = Spool(SpoolCaps(1, 100, tmp_path / "not there"))
    assert not spool.add(b"01")


def test_a_disk_without_space_is_a_no() -> None:
    spool = Spool(SpoolCaps(1, 2**30))
    assert spool.add(b"01")
    assert spool._file is not None
    # A device that is always full takes the place of the file.
    with Path("/dev/full").open("wb", buffering=0) as full:
        os.dup2(full.fileno(), spool._file.fileno())
        assert not spool.add(b"2")


@pytest.mark.parametrize("memory", [0, 5, 1000])
def test_the_end_of_the_keeping_may_be_said_twice(memory: int, tmp_path: Path) -> None:
    spool = Spool(SpoolCaps(memory, 100, tmp_path))
    spool.add(b"0123456789")
    spool.close()
    spool.close()
    assert spool.size == 0


@given(st.lists(st.tuples(st.binary(max_size=40), st.integers(0, 400)), max_size=20), st.integers(0, 100))
def test_bytes_come_back_as_they_went_in(steps: list[tuple[bytes, int]], memory: int) -> None:
    spool, model = Spool(SpoolCaps(memory, 10_000)), b""
    for data, position in steps:
        assert spool.add(data)
        model += data
        if position < len(model):
            piece = spool.read(position)
            assert piece
            assert model[position:].startswith(piece)
    assert everything(spool) == model
    spool.close()


@pytest.mark.parametrize("reserves", [True, False])
def test_a_file_grows_past_its_first_step(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, reserves: bool) -> None:
    monkeypatch.setattr(spool_module, "_STEP", 100)
    if not reserves:
        monkeypatch.setattr(spool_module, "_reserve", None)
    spool = Spool(SpoolCaps(4, 1000, tmp_path))
    pieces = [bytes([number]) * 70 for number in range(10)]
    assert all(spool.add(piece) for piece in pieces)
    assert everything(spool) == b"".join(pieces)
    spool.close()
