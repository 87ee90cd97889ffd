"""Whatever the README shows as configuration is one: the loader takes it, and the schema that editors use."""

import json
import re
from pathlib import Path

import jsonschema
import pytest
import yaml

from proxy.config.load import load_text

ROOT = Path(__file__).resolve().parent.parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
SHOWN = re.findall(r"^```yaml\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)
CODE = re.findall(r"^```python\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)
SCHEMA = json.loads((ROOT / "config" / "outrider.schema.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize("text", SHOWN, ids=lambda text: text.split(":")[0].splitlines()[-1])
def test_what_the_readme_shows_is_accepted_without_a_warning(text: str, tmp_path: Path) -> None:
    for module, class_ in re.findall(r'class: "(\w+):(\w+)"', text):
        (shown,) = [code for code in CODE if f"class {class_}" in code]
        (tmp_path / f"{module}.py").write_text(shown, encoding="utf-8")
    environ = dict.fromkeys(re.findall(r"env: ([A-Z_]+)", text), "made-up")
    found = load_text(text, "outrider.yaml", environ, tmp_path)
    assert found.config.upstreams
    assert [warning.message for warning in found.warnings if "No such file" not in warning.message] == []
    jsonschema.Draft202012Validator(SCHEMA).validate(yaml.safe_load(text))
