"""Which tests go to one worker, because they share what takes long to make.

pytest-xdist's own way, a mark, does not reach its scheduler with the newest pytest. What must not live here: any test.
"""

from xdist.scheduler import LoadScopeScheduling

__all__ = ["Together"]

GROUPS = {
    "tests/deploy/test_compose.py": "image",
    "tests/deploy/test_compose_up.py": "image",
    "tests/deploy/test_image.py": "image",
    "tests/deploy/test_image_run.py": "image",
    "tests/deploy/test_systemd_boot.py": "machine",
}
"""Test files by what they share. Groups go first, because the larger of them take longer than all the rest."""


class Together(LoadScopeScheduling):
    def _split_scope(self, nodeid: str) -> str:
        return GROUPS.get(nodeid.partition("::")[0], nodeid)
