from pathlib import Path

import pytest

from proxy.auth import build_source
from tests.auth.tools import FakeClock, means, profile


def test_type_none_has_no_source(tmp_path: Path, clock: FakeClock) -> None:
    assert build_source("p", profile(type="none"), means(tmp_path, clock)) is None


def test_a_profile_with_a_wrong_template_is_not_built(tmp_path: Path, clock: FakeClock) -> None:
    wrong = profile(type="headers", set={"X-A": "{{ tokn }}"}, secrets={"token": "t"})
    with pytest.raises(ValueError, match=r"^set\.X-A: unknown name `tokn`; did you mean `token`\?"):
        build_source("p", wrong, means(tmp_path, clock))


def test_building_reads_and_runs_nothing(tmp_path: Path, clock: FakeClock) -> None:
    for missing in ({"env": "ABSENT"}, {"file": "absent"}, {"credential": "absent"}, {"exec": ["absent"]}):
        assert build_source("p", profile(type="bearer", token=missing), means(tmp_path, clock)) is not None
