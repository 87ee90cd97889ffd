"""The image is built once for all tests that run it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.peers.image import Image, built_image, image_missing


@pytest.fixture(scope="session")
def image(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Image]:
    why = image_missing()
    if why is not None:
        pytest.skip(why)
    storage: Path = tmp_path_factory.mktemp("image")
    with built_image(storage) as built:
        yield built
