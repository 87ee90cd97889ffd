"""The compose example, really brought up as it is: containers, their networks, their secret, their volume, their end.

Not collected where a machine lets nobody run a container with a network; the last lines of a run say so then.
"""

import itertools
import json
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.peers.image import Image
from tests.peers.podman import Podman, containers_impossible, own_podman, podman_missing

ROOT = Path(__file__).resolve().parent.parent.parent
FILE = ROOT / "docker-compose.yml"
UPSTREAM, OUTRIDER, APP = (f"outrider-example_{service}_1" for service in ("upstream", "outrider", "app"))
PATIENCE = 90.0
NOT_UP_YET = ("not up yet: ", "503 No answer from the token endpoint")
"""What the application says while Outrider, or the token server, is starting: nothing waits for the latter."""

pytestmark = pytest.mark.timeout(900)


@pytest.fixture(scope="module")
def podman(image: Image, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Podman]:
    """With the example up, and its application served three times."""
    if why := podman_missing() or containers_impossible():
        pytest.skip(why)
    with own_podman(tmp_path_factory.mktemp("podman"), image.storage / "root") as podman:
        bring_up(podman)
        yield podman


def bring_up(podman: Podman) -> None:
    with podman.compose(FILE, "up", "--detach", "--no-build", limit=PATIENCE) as up:
        # Newer ones wait for health before they start the application, and somebody has to ask for it.
        while up.poll() is None:
            podman.run("healthcheck", "run", OUTRIDER)
            time.sleep(0.2)
        said = up.communicate()[0]
    assert up.returncode == 0, said


def test_the_application_is_served_through_localhost_once_all_are_up_and_ever_after(podman: Podman) -> None:
    said = said_until_served(podman, 3)
    first = said.index("200 hello")
    assert [line for line in said[:first] if not line.startswith(NOT_UP_YET)] == []
    assert said[first:] == ["200 hello"] * 3


def said_until_served(podman: Podman, times: int) -> list[str]:
    """The first lines of the application, up to the one that makes it so many."""
    served = itertools.count(1)
    said = []
    for line in podman.lines(APP, PATIENCE):
        said.append(line)
        if line == "200 hello" and next(served) == times:
            return said
    pytest.fail(f"{said} {podman.run('ps', '--all').stdout} {podman.run('logs', OUTRIDER)}")


def test_the_token_is_from_the_examples_own_token_server(podman: Podman) -> None:
    assert "session.refreshed" in events_of(podman)


def events_of(podman: Podman) -> list[str]:
    """What Outrider has logged, by name; it writes to either output."""
    logged = podman.run("logs", OUTRIDER)
    return [json.loads(line)["event.name"] for line in (logged.stdout + logged.stderr).splitlines()]


def test_its_own_health_check_finds_outrider_healthy(podman: Podman) -> None:
    podman.well("healthcheck", "run", OUTRIDER)
    assert podman.well("ps", "--filter", "health=healthy", "--format", "{{.Names}}") == OUTRIDER


@pytest.mark.parametrize("container", [UPSTREAM, OUTRIDER])
def test_the_secret_is_a_file_where_it_is_needed(podman: Podman, container: str) -> None:
    secret = (ROOT / "deploy/compose/client_secret").read_text().strip()
    assert podman.well("exec", container, "cat", "/run/secrets/client_secret") == secret


def test_the_application_has_no_secret(podman: Podman) -> None:
    assert podman.run("exec", APP, "test", "-e", "/run/secrets/client_secret").returncode == 1


@pytest.mark.parametrize("container", [UPSTREAM, OUTRIDER, APP])
def test_nobody_can_write_to_the_image_it_runs_from(podman: Podman, container: str) -> None:
    written = podman.run("exec", "--user", "0", container, "touch", "/written")
    assert (written.returncode, "Read-only file system" in written.stderr) == (1, True)


def test_outrider_can_keep_its_state(podman: Podman) -> None:
    podman.well("exec", OUTRIDER, "touch", "/var/lib/outrider/kept")
    assert podman.well("volume", "ls", "--format", "{{.Name}}") == "outrider-example_state"


def test_it_stops_in_good_order_and_leaves_no_container(podman: Podman) -> None:
    """The last one, because it ends what the others look at."""
    assert finished(podman, "stop") == 0
    ended = podman.well("ps", "--all", "--format", "{{.Names}} {{.ExitCode}}")
    assert sorted(ended.splitlines()) == [f"{APP} 0", f"{OUTRIDER} 0", f"{UPSTREAM} 0"]
    assert events_of(podman)[-1] == "daemon.stopped"
    assert finished(podman, "down") == 0
    assert podman.well("ps", "--all", "--quiet") == ""


def finished(podman: Podman, verb: str) -> int:
    with podman.compose(FILE, verb, limit=PATIENCE) as process:
        process.communicate()
        return process.returncode
