import pytest

from tests.auth.tools import FakeClock


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()
