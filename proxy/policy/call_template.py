"""A call as it is configured, made into one that can be sent: its templates filled in.

Pure. Texts within JSON become JSON texts whatever they hold, in a query and a form they are encoded; numbers and truth
values stay what they are. What must not live here: where the values come from, sending.
"""

import json
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import urlencode

from proxy.config.call_model import CallOptions, texts_of
from proxy.message.call import Call
from proxy.policy.template import Template, check_template, compile_template, template_names

__all__ = ["ENVIRONMENT", "CallTemplate", "call_problem"]

ENVIRONMENT = "env."
"""What the names of environment variables begin with in a template."""


class CallTemplate:
    """The call of `options` to `url`. `names` are those that its templates use."""

    __slots__ = ("_form", "_headers", "_json", "_method", "_query", "_timeout", "_url", "names")

    def __init__(self, options: CallOptions, url: str) -> None:
        """Raises TemplateError."""
        self._method = options.method
        self._url = url
        self._timeout = options.timeout
        self._query = _compiled(options.query)
        self._headers = _compiled(options.headers)
        self._form = None if options.form is None else _compiled(options.form)
        self._json = _compiled_json(options.json_)
        self.names = frozenset(name for _, text in texts_of(options) for name in template_names(text))

    @property
    def is_complete(self) -> bool:
        """Whether it is known where the call goes."""
        return self._url != ""

    def call(self, values: Mapping[str, str], more: tuple[tuple[str, str], ...] = ()) -> Call:
        """The call with `values` for all of its names, and further fields."""
        fields = [("Accept", "application/json, */*;q=0.5"), *more]
        fields += _filled(self._headers, values)
        content = b""
        if self._form is not None:
            fields.append(("Content-Type", "application/x-www-form-urlencoded"))
            content = urlencode(_filled(self._form, values)).encode()
        elif self._json is not None:
            fields.append(("Content-Type", "application/json"))
            content = json.dumps(_filled_json(self._json, values)).encode()
        return Call(self._method, self._target(values), _last_of_each(fields), content, self._timeout)

    def _target(self, values: Mapping[str, str]) -> str:
        if not self._query:
            return self._url
        return self._url + ("&" if "?" in self._url else "?") + urlencode(_filled(self._query, values))


def call_problem(options: CallOptions, known: frozenset[str]) -> tuple[tuple[str | int, ...], str] | None:
    """Where a template of the call names what is not `known` or cannot be read, and what is wrong with it."""
    for at, text in texts_of(options):
        names = known | {name for name in _names(text) if name.startswith(ENVIRONMENT) and name != ENVIRONMENT}
        if problem := check_template(text, names):
            return at, problem
    return None


def _names(text: str) -> Iterator[str]:
    try:
        yield from template_names(text)
    except ValueError:
        return


def _compiled(texts: Mapping[str, str]) -> list[tuple[str, Template]]:
    return [(name, compile_template(text)) for name, text in texts.items()]


def _filled(templates: list[tuple[str, Template]], values: Mapping[str, str]) -> list[tuple[str, str]]:
    return [(name, template.render(values)) for name, template in templates]


def _compiled_json(value: Any) -> Any:
    if isinstance(value, str):
        return compile_template(value)
    if isinstance(value, dict):
        return {key: _compiled_json(inner) for key, inner in value.items()}
    return [_compiled_json(inner) for inner in value] if isinstance(value, list) else value


def _filled_json(value: Any, values: Mapping[str, str]) -> Any:
    if isinstance(value, Template):
        return value.render(values)
    if isinstance(value, dict):
        return {key: _filled_json(inner, values) for key, inner in value.items()}
    return [_filled_json(inner, values) for inner in value] if isinstance(value, list) else value


def _last_of_each(fields: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """A configured field wins over one of ours; the media type that belongs to the content is ours unless told."""
    configured: dict[str, tuple[str, str]] = {}
    for name, value in fields:
        if name != "Content-Type" or "content-type" not in configured:
            configured[name.lower()] = (name, value)
    return list(configured.values())
