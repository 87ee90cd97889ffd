"""`check --online` with a real OpenID provider behind."""

import json
from pathlib import Path
from typing import Any

import pytest

from proxy.cli import main
from tests.peers.oidc_provider import OidcProvider

Shown = pytest.CaptureFixture[str]


def write(file: Path, **auth: dict[str, Any]) -> Path:
    upstreams = {name: {"url": "http://127.0.0.1:9/", "auth": name, "match": {"prefix": f"/{name}"}} for name in auth}
    document = {"auth": auth, "upstreams": upstreams}
    file.write_text(json.dumps(document))
    return file


def with_folder(file: Path) -> None:
    file.write_text(json.dumps(json.loads(file.read_text()) | {"state": {"dir": "state"}}))


def test_every_profile_is_tried_and_told(oidc: OidcProvider, tmp_path: Path, capsys: Shown) -> None:
    client = oidc.client()
    fine = oidc.profile(client)
    wrong = oidc.profile(client, client_secret="s3cret-wrong")
    file = write(
        tmp_path / "f.yaml", fine=fine, wrong=wrong, fixed={"type": "bearer", "token": "t"}, no={"type": "none"}
    )
    assert main(["check", "--online", "-c", str(file)]) == 1
    shown = capsys.readouterr()
    lines = shown.out.splitlines()[1:]
    assert lines == ["fine: credential obtained", "fixed: credential obtained", "no: has no credential"]
    assert "wrong: no credential: " in shown.err
    assert "s3cret" not in shown.err + shown.out


def test_a_kept_session_is_used_and_not_renewed(oidc: OidcProvider, tmp_path: Path, capsys: Shown) -> None:
    client = oidc.client()
    token = oidc.tokens(client)["refresh_token"]
    file = write(tmp_path / "f.yaml", person=oidc.profile(client, grant="refresh_token", refresh_token=token))
    with_folder(file)
    for _ in range(3):
        assert main(["check", "--online", "-c", str(file)]) == 0
    assert len([fact for fact in oidc.facts(client) if "granted" in fact]) == 1


def test_a_token_that_could_be_used_up_is_not_tried_without_a_folder(
    oidc: OidcProvider, tmp_path: Path, capsys: Shown
) -> None:
    client = oidc.client()
    token = oidc.tokens(client)["refresh_token"]
    file = write(tmp_path / "f.yaml", person=oidc.profile(client, grant="refresh_token", refresh_token=token))
    assert main(["check", "--online", "-c", str(file)]) == 0
    assert "person: not tried: without state.dir" in capsys.readouterr().out
    assert oidc.facts(client) == []
