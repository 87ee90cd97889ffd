"""The JSON Schema of the configuration file, from which editors complete and check.

It is made from the models, so that both say the same; here it is only put into the form that people read. What must not
live here: any option.
"""

from collections.abc import Callable
from typing import Any

from proxy.config.model import Config
from proxy.config.units import format_duration, format_ratio, format_size

__all__ = ["json_schema"]

_DIALECT = "https://json-schema.org/draft/2020-12/schema"
_VARIABLE = {
    "type": "string",
    "pattern": r"\$\{",
    "description": "Text with ${VAR} or ${VAR:-default}, taken from the environment.",
}

_NULL = {"type": "null"}
"""What Python has for an option that is left out; a file leaves it out."""
_VARIABLE_REF = {"$ref": "#/$defs/Variable"}


def json_schema() -> dict[str, Any]:
    """Of the whole file, by draft 2020-12."""
    made = Config.model_json_schema(by_alias=True, mode="validation")
    definitions = made.pop("$defs")
    definitions["Variable"] = _VARIABLE
    schema = {
        "$schema": _DIALECT,
        "title": "Outrider's configuration",
        "description": "The file that `outrider run -c` reads.",
        **{key: value for key, value in made.items() if key not in ("title", "description")},
        "$defs": definitions,
    }
    without_titles: dict[str, Any] = _tidy(schema)
    without_titles["title"] = schema["title"]
    return without_titles


def _tidy(node: Any) -> Any:
    """Without the titles that only repeat names, and with variables where a value is more than any text."""
    if isinstance(node, list):
        return [_tidy(item) for item in node]
    if not isinstance(node, dict):
        return node
    tidy = {key: value if key in _DATA else _tidy(value) for key, value in node.items() if not _is_title(key, node)}
    if tidy.get("default", ...) is None:
        del tidy["default"]
    unit = tidy.pop("x-unit", None)
    if isinstance(unit, str) and "default" in tidy:
        tidy["default"] = _FORMATS[unit](tidy["default"])
    if "anyOf" in tidy:
        members = _flat(tidy.pop("anyOf"))
        tidy |= {"anyOf": members} if len(members) > 1 else members[0]
    if not _is_narrow(tidy):
        return tidy
    outer = {key: tidy.pop(key) for key in ("description", "default") if key in tidy}
    return {**outer, "anyOf": [tidy, _VARIABLE_REF]}


_DATA = ("default", "enum", "const", "examples", "required")
"""Keywords whose value is data, not a schema."""

_FORMATS: dict[str, Callable[[Any], str]] = {
    "duration": format_duration,
    "ratio": format_ratio,
    "size": format_size,
}


def _is_title(key: str, node: dict[str, Any]) -> bool:
    return key == "title" and isinstance(node["title"], str)


def _is_narrow(node: dict[str, Any]) -> bool:
    """Whether the text of a variable would not pass by itself."""
    if node.get("pattern") == _VARIABLE["pattern"]:
        return False
    return node.get("type") in ("integer", "boolean") or (
        node.get("type") == "string" and ("enum" in node or "pattern" in node)
    )


def _flat(members: list[Any]) -> list[Any]:
    """The members, those of members that are only such a list themselves included, each once, without null."""
    found: list[Any] = []
    for member in members:
        for one in member["anyOf"] if set(member) == {"anyOf"} else [member]:
            if one not in found and one != _NULL:
                found.append(one)
    return found
