"""What `outrider check` says of GitHub's and Google's keys and of what is asked for with them."""

import json
from pathlib import Path

import pytest

from tests.config.loading import said
from tests.peers.key_desks import new_key

GITHUB = "auth: {p: {type: github_app, app_id: 1, installation_id: 2, private_key: {file: key}%s}}\n"
GOOGLE = "auth: {p: {type: google_service_account, key: {file: key}, %s}}\n"
USED = "upstreams: {api: {url: https://api.example.com, auth: p}}\n"
SCOPES = "scopes: [https://www.googleapis.com/auth/cloud-platform]"


def key(folder: Path, text: str) -> Path:
    file = folder / "key"
    file.touch(mode=0o600)
    file.write_text(text)
    return folder


def test_good_keys_are_accepted(tmp_path: Path) -> None:
    pem = new_key()[0]
    assert said(GITHUB % ", permissions: {contents: read}" + USED, base=key(tmp_path, pem)) == []
    account = json.dumps({"type": "service_account", "client_email": "a@b", "private_key": pem})
    assert said(GOOGLE % SCOPES + USED, base=key(tmp_path, account)) == []


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (GITHUB % "", "no private key"),
        (GITHUB % ", api_url: http://github.example", "in the clear"),
        (GITHUB % ", permissions: {contents: all}", "not one of the words"),
        (GITHUB.replace("app_id: 1", "app_id: a/b") % "", "not an id"),
        (GOOGLE % SCOPES, "no service account's key"),
        (GOOGLE % "prewarm: false", "neither scopes nor audience"),
        (GOOGLE % (SCOPES + ", audience: x"), "both scopes and audience"),
        (GOOGLE % "audience: x, subject: y", "no other subject"),
    ],
)
def test_what_cannot_work_is_told(tmp_path: Path, text: str, words: str) -> None:
    found = said(text + USED, base=key(tmp_path, "canary"))
    assert any(words in line for line in found)
    assert not any("canary" in line for line in found)
