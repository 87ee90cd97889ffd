"""The README's line that runs the image, word for word, with the README's own file: in a real container.

Not collected where a machine lets nobody run a container; the last lines of a run say so then.
"""

import re
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.peers.image import Image
from tests.peers.podman import Podman, own_podman, podman_missing

README = (Path(__file__).resolve().parent.parent.parent / "README.md").read_text(encoding="utf-8")
UPSTREAM = """
from http.server import BaseHTTPRequestHandler, HTTPServer
class Echo(BaseHTTPRequestHandler):
    def do_GET(self):
        body = f"{self.path} {self.headers.get('Authorization')}".encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
HTTPServer(("127.0.0.1", 9000), Echo).serve_forever()
"""
PODMAN_FOR_DOCKER = 'docker() { shift; podman run --read-only-tmpfs=false "$@"; }'
"""podman would put folders that can be written to over a root that cannot; docker does not."""
PATIENCE = 90

pytestmark = [pytest.mark.timeout(900), pytest.mark.usefixtures("running")]


def line_of_readme(beginning: str) -> str:
    (found,) = re.findall(rf"^{re.escape(beginning)}.*$", README, re.MULTILINE)
    return str(found)


@pytest.fixture(scope="module")
def podman(image: Image, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Podman]:
    if why := podman_missing():
        pytest.skip(why)
    with own_podman(tmp_path_factory.mktemp("podman"), image.storage / "root") as podman:
        yield podman


@pytest.fixture(scope="module")
def running(podman: Podman, tmp_path_factory: pytest.TempPathFactory) -> Iterator["subprocess.Popen[str]"]:
    """The README's line while it runs, beside an upstream."""
    folder = tmp_path_factory.mktemp("run")
    example = re.findall(r"^```yaml\n(# outrider\.yaml\n.*?)^```$", README, re.MULTILINE | re.DOTALL)[0]
    file = folder / "outrider.yaml"
    file.write_text(example.replace("https://api.example.com", "http://127.0.0.1:9000"))
    file.chmod(0o644)
    lines = [PODMAN_FOR_DOCKER, f"cd {folder}", "export API_TOKEN=canary", line_of_readme("docker run ")]
    upstream = podman.begin([sys.executable, "-c", UPSTREAM], 600)
    line = podman.begin(["sh", "-c", "\n".join(lines)], 600)
    try:
        until_healthy(podman)
        yield line
    finally:
        podman.clear()
        for process in (line, upstream):
            with process:
                process.kill()


def until_healthy(podman: Podman) -> None:
    """By its own health check."""
    end = time.monotonic() + PATIENCE
    while (asked := podman.run("healthcheck", "run", podman.well("ps", "--quiet") or "none yet")).returncode != 0:
        assert time.monotonic() < end, asked.stderr
        time.sleep(0.2)


def test_a_call_as_the_readme_makes_it_reaches_the_upstream_with_its_token(podman: Podman) -> None:
    with podman.begin(["sh", "-c", line_of_readme("curl -i http://127.0.0.1:8080/")], 60) as call:
        assert call.communicate()[0].endswith("\n/v1/orders/7 Bearer canary")


@pytest.mark.parametrize(("user", "folder"), [("0", "/"), ("0", "/etc"), ("10001", "/var/lib/outrider")])
def test_not_even_who_owns_a_folder_in_it_can_write_there(podman: Podman, user: str, folder: str) -> None:
    written = podman.run("exec", "--latest", "--user", user, "touch", f"{folder}/written")
    assert "Read-only file system" in written.stderr


def test_its_first_process_is_outrider_as_nobody_without_a_capability(podman: Podman) -> None:
    told = podman.well("exec", "--latest", "cat", "/proc/1/status")
    status = dict(line.split(":\t", 1) for line in told.splitlines())
    assert status["Name"] == "outrider"
    assert status["Uid"].split() == ["10001"] * 4
    assert {status[held] for held in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb")} == {"0" * 16}


def test_it_stops_in_good_order_when_it_is_told_to(podman: Podman, running: "subprocess.Popen[str]") -> None:
    podman.well("stop", "--time", "30", "--latest")
    assert running.wait(30) == 0
    assert podman.well("ps", "--all", "--quiet") == ""
