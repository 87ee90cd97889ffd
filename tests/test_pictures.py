"""The committed pictures are those that are described, and show what is there."""

import xml.etree.ElementTree as ElementTree

import pytest

from proxy.chain.order import ORDER
from tests.pictures import FOLDER, PICTURES, folded


@pytest.mark.parametrize("name", PICTURES)
def test_the_committed_picture_is_current(name: str) -> None:
    assert (FOLDER / name).read_text(encoding="utf-8") == PICTURES[name]()


def test_there_is_no_other_picture() -> None:
    assert {file.name for file in FOLDER.iterdir()} == set(PICTURES)


@pytest.mark.parametrize("name", PICTURES)
def test_a_picture_is_whole_and_fetches_nothing(name: str) -> None:
    made = PICTURES[name]()
    assert ElementTree.fromstring(made).tag == "{http://www.w3.org/2000/svg}svg"
    assert "http" not in made.replace("http://www.w3.org/2000/svg", "")
    assert "prefers-color-scheme: dark" in made


def test_the_way_of_a_request_has_every_stage_with_its_reason_in_order() -> None:
    root = ElementTree.fromstring(PICTURES["request.svg"]())
    words = [text.text for text in root.iter("{http://www.w3.org/2000/svg}text")]
    wanted = [line for place in ORDER for line in (place.name, *folded(place.reason))]
    assert [word for word in words if word in wanted] == wanted
    assert all(len(folded(place.reason)) <= 2 for place in ORDER)
