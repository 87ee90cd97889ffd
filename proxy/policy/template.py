"""The templates of field values: text with `{{ name }}` and filters, `{{ name | base64 }}`.

A template is compiled once into its parts; there are no expressions, and nothing but named values can be reached. What
must not live here: where the values come from.
"""

import base64
import difflib
import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from urllib.parse import quote

__all__ = ["ANY_BYTES", "FILTERS", "Template", "TemplateError", "check_template", "compile_template", "template_names"]

ANY_BYTES = "surrogateescape"
"""How bytes that are no UTF-8 pass through a template: the `errors` of decoding and encoding."""

_PLACE = re.compile(r"\{\{(.*?)\}\}", re.DOTALL)
_NAME = re.compile(r"[A-Za-z0-9_.-]+")


def _base64(text: str) -> str:
    return base64.b64encode(text.encode(errors=ANY_BYTES)).decode()


def _urlencode(text: str) -> str:
    return quote(text, safe="", errors=ANY_BYTES)


FILTERS: Mapping[str, Callable[[str], str]] = {
    "base64": _base64,
    "lower": str.lower,
    "upper": str.upper,
    "urlencode": _urlencode,
}


class TemplateError(ValueError):
    """A template that cannot be read; the message says what would be right."""


@dataclass(frozen=True, slots=True)
class _Place:
    name: str
    filters: tuple[Callable[[str], str], ...]

    def render(self, values: Mapping[str, str]) -> str:
        text = values[self.name]
        for change in self.filters:
            text = change(text)
        return text


@dataclass(frozen=True, slots=True)
class Template:
    """A compiled template: literal texts and places, in order."""

    parts: tuple[str | _Place, ...]

    @property
    def names(self) -> tuple[str, ...]:
        """The names that it uses, each once, in order."""
        return tuple(dict.fromkeys(part.name for part in self.parts if isinstance(part, _Place)))

    def render(self, values: Mapping[str, str]) -> str:
        return "".join(part if isinstance(part, str) else part.render(values) for part in self.parts)


def compile_template(text: str) -> Template:
    """Raises TemplateError."""
    parts: list[str | _Place] = []
    end = 0
    for match in _PLACE.finditer(text):
        parts += [_literal(text[end : match.start()]), _place(match[1])]
        end = match.end()
    parts.append(_literal(text[end:]))
    return Template(tuple(part for part in parts if part != ""))


def template_names(text: str) -> tuple[str, ...]:
    """The names that the template uses, each once, in order. Raises TemplateError."""
    return compile_template(text).names


def check_template(text: str, known: Collection[str]) -> str | None:
    """What is wrong with the template where `known` names can be used, or None."""
    try:
        names = template_names(text)
    except TemplateError as error:
        return str(error)
    return next((_unknown("name", name, known) for name in names if name not in known), None)


def _literal(text: str) -> str:
    if "{{" in text:
        raise TemplateError("`{{` without `}}`")
    return text


def _place(inside: str) -> _Place:
    name, *filters = (part.strip() for part in inside.split("|"))
    if not _NAME.fullmatch(name):
        raise TemplateError(
            f"`{{{{{inside}}}}}` does not name a value; write `{{{{ name }}}}` or `{{{{ name | base64 }}}}`"
        )
    for word in filters:
        if word not in FILTERS:
            raise TemplateError(_unknown("filter", word, FILTERS))
    return _Place(name, tuple(FILTERS[word] for word in filters))


def _unknown(kind: str, word: str, known: Collection[str]) -> str:
    near = difflib.get_close_matches(word, known, 1)
    if near:
        return f"unknown {kind} `{word}`; did you mean `{near[0]}`?"
    return f"unknown {kind} `{word}`; there is {', '.join(f'`{one}`' for one in sorted(known)) or 'none'}"
