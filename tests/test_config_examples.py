"""Every file under config/ is one that the loader and the schema accept; together they show every kind of profile, and
one of them every other option.
"""

import json
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

import jsonschema
import pytest
import trustme
import yaml
from pydantic import BaseModel

from proxy.config.auth_model import AuthProfile
from proxy.config.load import LoadedConfig, load_text
from proxy.config.oauth2_rules import CLIENT_PROOFS, GRANTS
from proxy.config.schema import json_schema

FOLDER = Path(__file__).resolve().parent.parent / "config"
EXAMPLES = sorted(FOLDER.glob("*.yaml"))
MODELINE = "# yaml-language-server: $schema=outrider.schema.json"
SCHEMA = json.loads((FOLDER / "outrider.schema.json").read_text(encoding="utf-8"))
BY_FILE = pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.name)


def environment(text: str) -> dict[str, str]:
    """A value for every variable that the file names as a secret's place."""
    return dict.fromkeys(re.findall(r"env: ([A-Z_]+)", text), "made-up")


def put_certificates(text: str, base: Path) -> None:
    """What the file names as authority, client certificate and key: without them TLS would have nothing to load."""
    authority = trustme.CA()
    issued = authority.issue_cert("client.example")
    made = {"ca": authority.cert_pem, "cert": issued.cert_chain_pems[0], "key": issued.private_key_pem}
    for option, file in re.findall(r"\b(ca|cert|key): (\./\S+\.pem)", text):
        (base / file).parent.mkdir(exist_ok=True)
        made[option].write_to_path(str(base / file))


def loaded(path: Path, folder: Path) -> LoadedConfig:
    text = path.read_text(encoding="utf-8")
    base = Path(shutil.copytree(FOLDER, folder / "config"))
    put_certificates(text, base)
    return load_text(text, path.name, environment(text), base)


@BY_FILE
def test_an_example_is_accepted_without_a_warning_but_for_keys_that_are_not_here(path: Path, tmp_path: Path) -> None:
    found = loaded(path, tmp_path)
    assert found.config.upstreams
    assert [warning for warning in found.warnings if "No such file" not in warning.message] == []


@BY_FILE
def test_an_example_tells_editors_its_schema_and_readers_what_it_is_for(path: Path) -> None:
    first, second, *_ = path.read_text(encoding="utf-8").splitlines()
    assert first == MODELINE
    assert re.match(r"# \S.{30,}", second)


def test_the_schema_beside_the_examples_is_the_one_that_is_printed() -> None:
    assert json_schema() == SCHEMA, "outrider schema > config/outrider.schema.json writes it anew"


@BY_FILE
def test_the_schema_accepts_an_example_and_refuses_it_with_a_mistake_anywhere(path: Path) -> None:
    data = yaml.safe_load(path.read_text(encoding="utf-8"))
    judge = jsonschema.Draft202012Validator(SCHEMA)
    assert [error.message for error in judge.iter_errors(data)] == []
    for section in sections(data):
        section["no_such_option"] = 1
        assert not judge.is_valid(data), section
        del section["no_such_option"]


NAMES = {"auth", "callers", "default", "env", "headers", "interceptors", "rename", "secrets", "set", "upstreams"}
"""Under these stand names that the user chooses."""
ANYTHING = {"form", "json", "options", "parameters", "query"}
"""Under these stands whatever somebody else wants."""


def sections(node: Any, free: bool = False) -> Iterator[dict[str, Any]]:
    """Every mapping of options in the file."""
    if isinstance(node, dict):
        if not free:
            yield node
        for key, value in list(node.items()):
            if key not in ANYTHING:
                yield from sections(value, not free and key in NAMES)
    elif isinstance(node, list):
        for value in node:
            yield from sections(value, free)


def test_one_example_sets_every_option_outside_of_the_profiles(tmp_path: Path) -> None:
    config = loaded(FOLDER / "complete.yaml", tmp_path).config
    there, shown = set[str](), set[str]()
    for section in models(config.model_copy(update={"auth": {}})):
        there |= {named(section, option) for option in type(section).model_fields}
        shown |= {named(section, option) for option in section.model_fields_set}
    assert there - shown == set()


def named(section: BaseModel, option: str) -> str:
    """By the class that the option is written in: one that inherits it need not show it again."""
    owners = [one for one in type(section).__mro__ if issubclass(one, BaseModel) and option in one.model_fields]
    return f"{owners[-1].__name__}.{option}"


def models(value: Any) -> Iterator[BaseModel]:
    if isinstance(value, BaseModel):
        yield value
        for name in value.model_fields_set:
            yield from models(getattr(value, name))
    elif isinstance(value, dict | list | tuple):
        for item in value.values() if isinstance(value, dict) else value:
            yield from models(item)


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
