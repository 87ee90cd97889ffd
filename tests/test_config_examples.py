"""Every file under config/ is one that the loader accepts, and together they show every kind of profile."""

import re
import shutil
from pathlib import Path
from typing import get_args

import pytest
import trustme

from proxy.config.auth_model import AuthProfile
from proxy.config.load import load_text
from proxy.config.oauth2_rules import CLIENT_PROOFS, GRANTS

FOLDER = Path(__file__).resolve().parent.parent / "config"
EXAMPLES = sorted(FOLDER.glob("*.yaml"))


def environment(text: str) -> dict[str, str]:
    """A value for every variable that the file names as a secret's place."""
    return dict.fromkeys(re.findall(r"env: ([A-Z_]+)", text), "made-up")


def put_certificates(text: str, base: Path) -> None:
    """What the file names as its client certificate and key: without them TLS would have nothing to load."""
    issued = trustme.CA().issue_cert("client.example")
    for cert, key in re.findall(r"cert: (\S+\.pem), key: (\S+\.pem)", text):
        (base / cert).parent.mkdir(exist_ok=True)
        issued.cert_chain_pems[0].write_to_path(str(base / cert))
        issued.private_key_pem.write_to_path(str(base / key))


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.name)
def test_an_example_is_accepted(path: Path, tmp_path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    base = Path(shutil.copytree(FOLDER, tmp_path / "config"))
    put_certificates(text, base)
    loaded = load_text(text, path.name, environment(text), base)
    assert loaded.config.upstreams


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.name)
def test_an_example_says_what_it_is_for(path: Path) -> None:
    assert re.match(r"# \S.{30,}", path.read_text(encoding="utf-8"))


def test_every_type_of_profile_has_an_example() -> None:
    models = get_args(get_args(AuthProfile)[0])
    types = {value for model in models for value in get_args(model.model_fields["type"].annotation)}
    shown = {found for path in EXAMPLES for found in re.findall(r"type: (\w+)", path.read_text(encoding="utf-8"))}
    assert types - shown - {"none"} == set()
    assert (FOLDER / "none.yaml").exists()


@pytest.mark.parametrize(("option", "table"), [("grant", GRANTS), ("client_auth", CLIENT_PROOFS)])
def test_the_readme_tells_of_every_way_of_oauth(option: str, table: dict[str, object]) -> None:
    readme = (FOLDER.parent / "README.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `(\w+)` \|", readme.split(f"\n| `{option}` |")[1].split("\n\n")[0], re.MULTILINE)
    assert sorted(rows) == sorted(table)


@pytest.mark.parametrize("grant", GRANTS)
def test_every_grant_has_an_example(grant: str) -> None:
    assert any(f"grant: {grant}\n" in path.read_text(encoding="utf-8") for path in EXAMPLES)
