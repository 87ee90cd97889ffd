"""What the models found wrong, in words for the person who wrote the file.

pydantic's errors become problems at the place of the offending key or value, with what would be right. No value is
quoted but a profile's type, because any other may be a secret in the wrong place. What must not live here: rules.
"""

import re
from collections.abc import Callable, Iterable
from typing import Any

from pydantic_core import ErrorDetails

from proxy.config.auth_model import SECRET_SHAPE, SECRET_TAG
from proxy.config.base import RULE
from proxy.config.document import Document, KeyPath
from proxy.config.options import fields_at, profile_types
from proxy.config.problem import Problem, listed, nearest, quoted
from proxy.config.rate_model import LIMIT_TAG

__all__ = ["file_path", "model_problems"]

_KEY = "[key]"
"""How pydantic marks an error of a dictionary's key."""


def model_problems(errors: Iterable[ErrorDetails], document: Document) -> list[Problem]:
    """One problem for each error that is not the consequence of one already reported."""
    found = []
    for error in errors:
        path = file_path(error["loc"])
        if not document.is_broken(path):
            found.append(_problem(error, path, document))
    return found


def file_path(location: tuple[int | str, ...]) -> KeyPath:
    """The path in the file, without the tags of unions and the mark of a key."""
    parts = list(location)
    if parts and parts[-1] == _KEY:
        parts.pop()
    if len(parts) > 2 and parts[0] == "auth":
        del parts[2]
    return tuple(part for part in parts if not str(part).startswith((SECRET_TAG, LIMIT_TAG)))


def _problem(error: ErrorDetails, path: KeyPath, document: Document) -> Problem:
    kind, location = error["type"], error["loc"]
    if kind == "extra_forbidden":
        return document.problem(path, *_unknown_option(location, path), at_key=True)
    if kind == "missing":
        message, hint = _missing(location, path)
        return document.problem(path, message, hint)
    if kind == "union_tag_invalid":
        tag = str(error["ctx"]["tag"])
        at = (*path, "type")
        return document.problem(at, f"there is no profile type {document.shown(at, tag)}", _meant(tag, profile_types()))
    message, hint = _explain(error, location)
    at_key = location[-1:] == (_KEY,)
    return document.problem(path, f"{_dotted(path)}: {message}" if path else message, hint, at_key=at_key)


def _dotted(path: KeyPath) -> str:
    parts = [str(part) if isinstance(part, int) or re.fullmatch(r"[\w.-]+", part) else quoted(part) for part in path]
    return ".".join(parts)


def _meant(text: str, known: Iterable[str]) -> str:
    known = list(known)
    guess = nearest(text, known)
    return f"did you mean {guess}?" if guess else f"write {listed(known)}"


def _unknown_option(location: tuple[int | str, ...], path: KeyPath) -> tuple[str, str]:
    if any(str(part).startswith(SECRET_TAG) for part in location):
        return f"{_dotted(path[:-1])}: an option that this kind of secret does not have", f"write {SECRET_SHAPE}"
    key = str(path[-1])
    known = list(fields_at(location[:-1]))
    where = f"{_dotted(path[:-1])} has no option" if len(path) > 1 else "there is no section"
    all_of_them = f"its options are {', '.join(known)}" if len(path) > 1 else f"the sections are {', '.join(known)}"
    guess = nearest(key, known)
    return f"{where} {quoted(key)}", f"did you mean {guess}?" if guess else all_of_them


def _missing(location: tuple[int | str, ...], path: KeyPath) -> tuple[str, str]:
    field = fields_at(location[:-1]).get(str(location[-1]))
    description = field.description if field and field.description else "an option without which this means nothing"
    return f"{_dotted(path)} is missing", f"add {path[-1]}: {description.rstrip('.')}"


def _explain(error: ErrorDetails, location: tuple[int | str, ...]) -> tuple[str, str]:
    """What is wrong, and what would be right, for an error of a value."""
    kind, value, context = error["type"], error["input"], error.get("ctx", {})
    if kind == RULE:
        return str(context["what"]), str(context["right"])
    if kind == "union_tag_not_found" and context.get("discriminator") != "'type'":
        return "not a secret", f"write {SECRET_SHAPE}" + (" (a number in quotes)" if _is_number(value) else "")
    if kind == "union_tag_not_found":
        return "a profile without a type", f"add type: {listed(profile_types())}"
    explain = _BY_TYPE.get(kind)
    if explain is not None:
        return explain(value, context)
    field = fields_at(location[:-1]).get(str(location[-1]))
    return "not a value for this option", (field.description if field and field.description else "see outrider schema")


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _kind_of(value: Any) -> str:
    if isinstance(value, bool):
        return "true or false"
    if _is_number(value):
        return "a number"
    if isinstance(value, str):
        return "text"
    return "a list" if isinstance(value, list) else "a section"


def _text(value: Any, context: dict[str, Any]) -> tuple[str, str]:
    single = not isinstance(value, (list, dict))
    return f"text is wanted, not {_kind_of(value)}", "put it in quotes" if single else "write one value"


def _boolean(value: Any, context: dict[str, Any]) -> tuple[str, str]:
    return f"true or false is wanted, not {_kind_of(value)}", "write true or false (on, off, yes and no are text)"


def _whole_number(value: Any, context: dict[str, Any]) -> tuple[str, str]:
    return f"a whole number is wanted, not {_kind_of(value)}", "write digits alone, without quotes, such as 100"


def _list(value: Any, context: dict[str, Any]) -> tuple[str, str]:
    return f"a list is wanted, not {_kind_of(value)}", "write [one, two], or a line with - for each"


def _section(value: Any, context: dict[str, Any]) -> tuple[str, str]:
    return f"a section is wanted, not {_kind_of(value)}", "write its options as key: value below it"


def _word(value: Any, context: dict[str, Any]) -> tuple[str, str]:
    words = re.findall(r"'([^']*)'", str(context.get("expected", "")))
    if not isinstance(value, str):
        return f"text is wanted, not {_kind_of(value)}", "write " + listed(f'"{word}"' for word in words)
    # Numbers are near each other without anyone having meant the other.
    right = _meant(value, words) if value.isalpha() else f"write {listed(words)}"
    return "not one of the words that this option knows", right


def _too_small(value: Any, context: dict[str, Any]) -> tuple[str, str]:
    return "the number is too small", f"write {context['ge']} or more"


def _not_above(value: Any, context: dict[str, Any]) -> tuple[str, str]:
    return "it is too small", f"write something above {context['gt']:g}"


def _empty(value: Any, context: dict[str, Any]) -> tuple[str, str]:
    return "it is empty", "write at least one entry" if isinstance(value, (list, dict)) else "write a text"


_BY_TYPE: dict[str, Callable[[Any, dict[str, Any]], tuple[str, str]]] = {
    "string_type": _text,
    "bool_type": _boolean,
    "int_type": _whole_number,
    "list_type": _list,
    "dict_type": _section,
    "model_type": _section,
    "model_attributes_type": _section,
    "literal_error": _word,
    "greater_than": _not_above,
    "greater_than_equal": _too_small,
    "too_short": _empty,
    "string_too_short": _empty,
}
