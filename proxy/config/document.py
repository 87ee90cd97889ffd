"""A configuration file as plain data that remembers where everything stood.

YAML nodes become dictionaries, lists and scalars; variables are filled in; every key and value keeps its place. What is
wrong on the way is collected, so that the rest of the file is still judged. What must not live here: which options
exist.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple

from yaml import MappingNode, Node, ScalarNode, SequenceNode

from proxy.config.interpolate import interpolate
from proxy.config.problem import Problem, quoted
from proxy.config.yaml_nodes import (
    MERGE,
    STRING,
    NotYaml,
    compose,
    is_plain_collection,
    plain_value,
    scalar_value,
)

__all__ = ["Document", "KeyPath", "Place", "parse_document"]

KeyPath = tuple[str | int, ...]
"""Keys and indexes from the root."""

_MOST_VALUES = 20_000
"""Values in one file, aliases followed: far above any configuration, far below a bomb of aliases."""


class Place(NamedTuple):
    """Counted from 1; a line of 0 is no place in a file."""

    line: int
    column: int


@dataclass(slots=True)
class Document:
    """`texts` has the text of every value that was interpolated; `broken` the paths whose value is already reported."""

    name: str
    data: dict[str, Any] = field(default_factory=dict)
    keys: dict[KeyPath, Place] = field(default_factory=dict)
    values: dict[KeyPath, Place] = field(default_factory=dict)
    texts: dict[KeyPath, str] = field(default_factory=dict)
    broken: set[KeyPath] = field(default_factory=set)

    def is_broken(self, path: KeyPath) -> bool:
        return any(path[:length] in self.broken for length in range(len(path) + 1))

    def shown(self, path: KeyPath, text: str) -> str:
        """`text` for a message: what came from the environment is not shown."""
        return "the value from the environment" if path in self.texts else quoted(text)

    def problem(
        self,
        path: KeyPath,
        message: str,
        hint: str,
        *,
        at_key: bool = False,
        severity: Literal["error", "warning"] = "error",
    ) -> Problem:
        place = self._place(path, at_key=at_key)
        return Problem(self.name, place.line, place.column, message, hint, severity)

    def _place(self, path: KeyPath, *, at_key: bool) -> Place:
        """Of the value (or key) at `path`, or of the key of the nearest thing around it."""
        if not at_key and path in self.values:
            return self.values[path]
        for length in range(len(path), 0, -1):
            place = self.keys.get(path[:length]) or self.values.get(path[:length])
            if place is not None:
                return place
        return self.values.get((), Place(0, 0))


def parse_document(text: str, name: str, environ: Mapping[str, str]) -> tuple[Document, list[Problem]]:
    """The data in `text`, as far as it can be read, and what is wrong with it. Raises nothing."""
    builder = _Builder(Document(name), environ)
    try:
        root = compose(text)
        if root is None:
            builder.document.broken.add(())
            builder.report(Place(1, 1), "the file is empty", "write at least upstreams: and one upstream")
        else:
            builder.build_root(root)
    except NotYaml as error:
        # What was built until then says nothing about the rest of the file.
        builder.document.broken.add(())
        builder.report(Place(error.line, error.column), error.message, error.hint)
    return builder.document, builder.problems


def _start(node: Node) -> Place:
    mark = node.start_mark
    return Place(mark.line + 1, mark.column + 1) if mark is not None else Place(1, 1)


class _Builder:
    """Walks the nodes once."""

    def __init__(self, document: Document, environ: Mapping[str, str]) -> None:
        self.document = document
        self.problems: list[Problem] = []
        self._environ = environ
        self._open: set[int] = set()
        self._count = 0

    def report(self, place: Place, message: str, hint: str) -> None:
        self.problems.append(Problem(self.document.name, *place, message, hint))

    def build_root(self, root: Node) -> None:
        if isinstance(root, MappingNode):
            self.document.data = self._value(root, ())
            return
        self.document.broken.add(())
        self.report(_start(root), "a configuration is made of sections", "write lines such as listen: 127.0.0.1:8080")

    def _value(self, node: Node, path: KeyPath) -> Any:
        self.document.values[path] = _start(node)
        self._spend(node)
        if isinstance(node, ScalarNode):
            return self._scalar(node, path)
        if id(node) in self._open:
            return self._broken(node, path, "an anchor that holds itself", "remove the alias inside it")
        if not is_plain_collection(node):
            self._broken(node, path, "a tag is not understood here", "remove the word that begins with !")
        self._open.add(id(node))
        try:
            if isinstance(node, SequenceNode):
                return [self._value(item, (*path, index)) for index, item in enumerate(node.value)]
            return self._mapping(node, path)
        finally:
            self._open.discard(id(node))

    def _spend(self, node: Node) -> None:
        self._count += 1
        if self._count > _MOST_VALUES:
            raise NotYaml(*_start(node), "too many values, aliases followed", f"{_MOST_VALUES} are the most")

    def _broken(self, node: Node, path: KeyPath, message: str, hint: str) -> None:
        self.document.broken.add(path)
        self.report(_start(node), message, hint)

    def _mapping(self, node: Node, path: KeyPath) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for key_node, value_node in self._entries(node, path):
            key = str(key_node.value)
            at = (*path, key)
            self.document.keys[at] = _start(key_node)
            found[key] = self._value(value_node, at)
        return found

    def _entries(self, node: Node, path: KeyPath) -> Iterator[tuple[ScalarNode, Node]]:
        """The node's own entries, each key once, then what is merged in and not there yet."""
        seen: dict[str, Place] = {}
        merged: list[Node] = []
        for key_node, value_node in node.value:
            self._spend(key_node)
            if key_node.tag == MERGE:
                merged += value_node.value if isinstance(value_node, SequenceNode) else [value_node]
            elif self._is_key(key_node, path):
                key = str(key_node.value)
                if key in seen:
                    first = f"remove one; the first is on line {seen[key].line}"
                    self.report(_start(key_node), f"the key {quoted(key)} is here twice", first)
                    continue
                seen[key] = _start(key_node)
                yield key_node, value_node
        for source in merged:
            yield from self._merged(source, path, seen)

    def _merged(self, source: Node, path: KeyPath, seen: dict[str, Place]) -> Iterator[tuple[ScalarNode, Node]]:
        if not isinstance(source, MappingNode):
            self.report(_start(source), "only a section can be merged", "write <<: *name, or <<: [*one, *two]")
            return
        if id(source) in self._open:
            self._broken(source, path, "an anchor that holds itself", "remove the alias inside it")
            return
        self._open.add(id(source))
        try:
            for key_node, value_node in self._entries(source, path):
                if key_node.value not in seen:
                    seen[str(key_node.value)] = _start(key_node)
                    yield key_node, value_node
        finally:
            self._open.discard(id(source))

    def _is_key(self, node: Node, path: KeyPath) -> bool:
        if isinstance(node, ScalarNode) and node.tag == STRING and _is_text(node.value):
            return True
        self._broken(node, path, "a key here is text", "put it in quotes; {{ }} belongs in quotes too")
        return False

    def _scalar(self, node: ScalarNode, path: KeyPath) -> Any:
        try:
            value = scalar_value(node)
        except ValueError:
            return self._broken(node, path, "a tag is not understood here", "remove the word that begins with !")
        if value is None:
            # A token that is there but empty must not mean that none is wanted.
            return self._broken(node, path, "nothing is written here", "write its value, or remove the line")
        if not isinstance(value, str):
            return value
        if not _is_text(value):
            return self._broken(node, path, "half a character", r"write it whole instead of as \ud… escapes")
        outcome = interpolate(value, self._environ)
        for reference in outcome.bad:
            self.document.broken.add(path)
            self._report_reference(node, reference.offset, reference.name)
        if not outcome.used:
            return outcome.text
        self.document.texts[path] = outcome.text
        typed = plain_value(outcome.text)
        return outcome.text if typed is None else typed

    def _report_reference(self, node: ScalarNode, offset: int, name: str | None) -> None:
        line, column = _start(node)
        quotes = 1 if node.style in ("'", '"') else 0
        end = node.end_mark
        # Only where the text stands in the file as it is, its offset is a place in the file.
        if end is not None and end.line + 1 == line and end.column + 1 - column == len(node.value) + 2 * quotes:
            column += offset + quotes
        if name is None:
            hint = "write ${NAME} or ${NAME:-default}, and $${ for a literal ${"
            self.report(Place(line, column), "${ does not begin a variable here", hint)
        else:
            hint = f"set it, or write ${{{name}:-default}}"
            self.report(Place(line, column), f"the environment variable {name} is not set", hint)


def _is_text(value: str) -> bool:
    """Whether `value` can be encoded: YAML's escapes can name half a surrogate pair."""
    return not any("\ud800" <= char <= "\udfff" for char in value)
