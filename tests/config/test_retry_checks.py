from pathlib import Path

import pytest

from tests.config.loading import only, said

START = "upstreams: {api: {url: http://127.0.0.1:9000, "
OPTION = "replay: {folder: spool}"


@pytest.mark.parametrize("where", [OPTION, f'routes: [{{match: "PUT /", {OPTION}}}]'], ids=["upstream", "route"])
def test_the_folder_of_kept_content_is_there(where: str, tmp_path: Path) -> None:
    assert only(START + where + "}}", base=tmp_path).endswith(
        "replay.folder: there is no such folder; make it, or name another; "
        "relative paths start at the folder of this file"
    )
    (tmp_path / "spool").mkdir()
    assert said(START + where + "}}", base=tmp_path) == []


def test_a_name_that_no_folder_can_have_is_an_error_like_any_other() -> None:
    assert "there is no such folder" in only(START + 'replay: {folder: "a\\0b"}}}')
