"""`login`, `logout` and `token` as a stranger uses them, with a real OpenID provider behind."""

import asyncio
import json
import re
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest

from proxy.auth.folder_store import FolderStore
from proxy.auth.record import Record
from proxy.cli import main
from proxy.cli.login import Terminal
from proxy.secret import Secret
from tests.peers.oidc_provider import OidcProvider

Shown = pytest.CaptureFixture[str]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "outrider.yaml"


def write(file: Path, profile: dict[str, Any], **more: Any) -> None:
    document = {
        "auth": {"mail": profile, "fixed": {"type": "bearer", "token": "s3cret-fixed"}},
        "upstreams": {
            "api": {"url": "http://127.0.0.1:9/", "auth": "mail"},
            "b": {"url": "http://127.0.0.1:9/", "auth": "fixed", "match": {"prefix": "/b"}},
        },
        "state": {"dir": "state"},
    } | more
    file.write_text(json.dumps({name: value for name, value in document.items() if value is not None}))


def by_device(oidc: OidcProvider) -> dict[str, Any]:
    written = oidc.profile(oidc.client(), grant="device_code", scope="openid offline_access read")
    del written["token_url"]
    return written | {"issuer": oidc.url}


@pytest.fixture
def typing(oidc: OidcProvider, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """A person who types each code that the terminal shows; the codes."""
    seen: list[str] = []
    real = Terminal.visit

    def visit(terminal: Terminal, url: str, code: str, complete: str) -> None:
        real(terminal, url, code, complete)
        seen.append(code)
        threading.Thread(target=oidc.answer_device, args=(code,)).start()

    monkeypatch.setattr(Terminal, "visit", visit)
    monkeypatch.setattr("proxy.auth.device_login._PAUSE", 0.1)
    return seen


def test_a_login_a_token_and_a_logout(oidc: OidcProvider, typing: list[str], file: Path, capsys: Shown) -> None:
    write(file, by_device(oidc))
    words = ["-c", str(file)]
    assert main(["token", "mail", *words]) == 1
    assert "nobody has logged in: outrider login mail" in capsys.readouterr().out
    assert main(["login", "mail", "--no-browser", *words]) == 0
    shown = capsys.readouterr()
    assert typing[0] in shown.err
    assert "open this address" in shown.err
    assert "renews itself" in shown.out
    assert main(["token", "mail", *words]) == 0
    state = capsys.readouterr().out
    assert "state:   valid" in state
    assert "scope:   openid offline_access read" in state
    assert main(["token", "mail", "--reveal", *words]) == 0
    token = capsys.readouterr().out.strip()
    assert token == json.loads((file.parent / "state" / "mail.json").read_text())["access_token"]
    assert token not in state + shown.out + shown.err
    assert main(["logout", "mail", *words]) == 0
    assert "the server has revoked its tokens" in capsys.readouterr().out
    assert main(["token", "mail", *words]) == 1
    assert main(["token", "mail", "--reveal", *words]) == 1
    assert capsys.readouterr().out.count("state:   ended") == 1


def test_a_token_that_has_ended_is_renewed_before_it_is_shown(
    oidc: OidcProvider, typing: list[str], file: Path, capsys: Shown
) -> None:
    write(file, by_device(oidc))
    main(["login", "mail", "--no-browser", "-c", str(file)])
    path = file.parent / "state" / "mail.json"
    record = json.loads(path.read_text())
    path.write_text(json.dumps(record | {"expires_at": record["obtained_at"]}))
    capsys.readouterr()
    assert main(["token", "mail", "-c", str(file)]) == 0
    assert "renewed with the next request" in capsys.readouterr().out
    assert main(["token", "mail", "--reveal", "-c", str(file)]) == 0
    assert capsys.readouterr().out.strip() not in ("", record["access_token"])


LOCAL = {"type": "oauth2", "token_url": "http://127.0.0.1:9/t", "client_id": "c"}
DEVICE = LOCAL | {"grant": "device_code", "device_authorization_url": "http://127.0.0.1:9/d"}
CLIENT = LOCAL | {"grant": "client_credentials", "client_secret": "s3cret"}


@pytest.mark.parametrize(
    ("words", "profile", "code", "said"),
    [
        (
            ["login", "mial"],
            DEVICE,
            2,
            r"no profile mial under auth .*; there is .*mail",
        ),
        (["login", "fixed"], DEVICE, 2, "type bearer, which nobody logs in to"),
        (["login", "mail"], CLIENT, 2, "grant client_credentials, which needs nobody to log in"),
        (["login", "mail"], DEVICE, 1, "no answer from the device authorization endpoint"),
        (["logout", "fixed"], DEVICE, 2, "there is no session to end"),
        (["token", "fixed"], DEVICE, 2, "stands in the configuration"),
        (["token", "mail", "--reveal"], DEVICE, 1, "nobody has logged in yet"),
    ],
)
def test_a_stranger_is_told_what_is_wrong(
    file: Path, capsys: Shown, words: list[str], profile: dict[str, Any], code: int, said: str
) -> None:
    write(file, profile)
    assert main([*words, "-c", str(file)]) == code
    shown = capsys.readouterr()
    assert re.search(said, shown.err)
    assert shown.out == ""
    assert "s3cret" not in shown.err


@pytest.mark.parametrize("command", ["login", "logout", "token"])
def test_without_a_folder_and_without_a_daemon_there_is_no_place(file: Path, capsys: Shown, command: str) -> None:
    for admin, said in (("off", "its admin listener is off"), ("127.0.0.1:9", "there is none at 127.0.0.1:9")):
        write(file, DEVICE, state=None, admin={"listen": admin})
        assert main([command, "mail", "-c", str(file)]) == 1
        error = capsys.readouterr().err
        assert said in error
        assert "state: {dir: PATH}" in error


def test_a_file_that_is_wrong_is_a_wrong_configuration(file: Path, capsys: Shown) -> None:
    write(file, {"type": "oauth2"})
    assert main(["login", "mail", "-c", str(file)]) == 78
    assert "outrider.yaml:1:" in capsys.readouterr().err


def test_a_folder_that_cannot_be_used_is_said_before_anybody_logs_in(file: Path, capsys: Shown) -> None:
    write(file, DEVICE)
    (file.parent / "state").write_text("")
    assert main(["login", "mail", "-c", str(file)]) == 1
    assert "a session could not be kept: " in capsys.readouterr().err


class Admin(BaseHTTPRequestHandler):
    """What a daemon's admin listener hears."""

    heard: list[tuple[str, str, dict[str, str], str]]

    def _answer(self, content: str) -> None:
        self.heard.append((self.command, self.path, dict(self.headers.items()), content))
        profiles = [{"name": "mail", "state": "valid", "expires_at": 1_700_000_000, "unusable": None}]
        body = json.dumps({"profiles": profiles}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self) -> None:
        self._answer("")

    def do_POST(self) -> None:
        self._answer(self.rfile.read(int(self.headers.get("Content-Length", "0"))).decode())

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        return


@pytest.fixture
def admin(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    Admin.heard = []
    with HTTPServer(("127.0.0.1", 0), Admin) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def test_without_a_folder_the_running_daemon_is_given_the_session(
    oidc: OidcProvider, typing: list[str], file: Path, capsys: Shown, admin: str
) -> None:
    write(file, by_device(oidc), state=None, admin={"listen": admin, "token": "adm1n"})
    for words in (["login", "mail", "--no-browser"], ["token", "mail"], ["logout", "mail"]):
        assert main([*words, "-c", str(file)]) == 0
    told = [heard for heard in Admin.heard if heard[0] == "POST"]
    assert [path for _, path, _, _ in told] == ["/api/profiles/mail/session", "/api/profiles/mail/terminate"]
    assert {heard[2]["Outrider-Admin"] for heard in told} == {"1"}
    assert {heard[2]["Authorization"] for heard in told} == {"Bearer adm1n"}
    assert set(json.loads(told[0][3])) == {"access_token", "expires_in", "refresh_token"}
    assert "expires: 2023-11-14" in capsys.readouterr().out


def test_an_exchange_whose_answer_is_not_known_is_told(file: Path, capsys: Shown) -> None:
    write(file, DEVICE)

    async def keep() -> None:
        store = FolderStore(file.parent / "state")
        async with store.exclusive("mail"):
            await store.save("mail", Record("s", refresh=Secret("r"), pending=1_700_000_000.0))

    asyncio.run(keep())
    assert main(["token", "mail", "-c", str(file)]) == 0
    assert "its answer is not known" in capsys.readouterr().out


@pytest.mark.parametrize("command", ["login", "logout", "token"])
def test_mistakes_of_the_file_are_told_as_check_tells_them(command: str, file: Path, capsys: Shown) -> None:
    file.write_text("listen: 1\nupstreams: {a: {url: ftp://x}}\n")
    assert main(["check", "-c", str(file)]) == 78
    told = capsys.readouterr().err
    assert told.count(f"{file}:") == 2
    assert main([command, "mail", "-c", str(file)]) == 78
    assert capsys.readouterr().err == told
