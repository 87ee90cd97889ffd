import json

from proxy import __version__
from tests.cli.running import outrider


def test_the_version_is_one_line() -> None:
    done = outrider("version")
    assert (done.returncode, done.stdout, done.stderr) == (0, f"outrider {__version__}\n", "")


def test_verbose_names_what_it_runs_on() -> None:
    lines = outrider("version", "--verbose").stdout.splitlines()
    assert lines[0] == f"outrider {__version__}"
    assert [line.split()[0] for line in lines[1:]] == ["python", "aiohttp", "uvloop", "parser"]


def test_json_is_one_object() -> None:
    facts = json.loads(outrider("version", "--json").stdout)
    assert facts["outrider"] == __version__
    assert facts["parser"] in ("compiled", "python")
