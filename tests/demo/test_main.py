"""The demo's API and token server by themselves, as the compose example runs them."""

import json
import re
import subprocess
import sys
import urllib.request
from pathlib import Path

SERVER = [sys.executable, "-m", "proxy.demo"]


def test_it_gives_a_token_for_the_secret_and_answers_who_has_it(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("of-the-client\n")
    command = [*SERVER, "--listen", "127.0.0.1:0", "--secret-file", str(secret), "--lifetime", "7"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            origins = re.findall(r"http://[^/]+", process.stdout.readline())
            form = b"grant_type=client_credentials&client_secret=of-the-client"
            with urllib.request.urlopen(f"{origins[0]}/token", form, timeout=10) as response:
                granted = json.load(response)
            assert granted["expires_in"] == 7
            fields = {"Authorization": f"Bearer {granted['access_token']}"}
            request = urllib.request.Request(f"{origins[0]}/machine/hello", headers=fields)
            with urllib.request.urlopen(request, timeout=10) as response:
                assert json.load(response)["message"] == "hello"
        finally:
            process.terminate()
        # In good order, and not by the signal: the first process of a container would not heed that.
        assert process.wait(30) == 0


def test_without_its_secret_it_says_what_is_missing(tmp_path: Path) -> None:
    command = [*SERVER, "--secret-file", str(tmp_path / "absent")]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=30)
    assert done.returncode == 1
    assert "absent: No such file" in done.stderr


def test_an_address_without_a_port_is_wrong_usage(tmp_path: Path) -> None:
    command = [*SERVER, "--listen", "here", "--secret-file", str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=30)
    assert done.returncode == 2
    assert "write HOST:PORT" in done.stderr
