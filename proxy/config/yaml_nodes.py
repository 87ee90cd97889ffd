"""YAML text to nodes, strictly: plain scalars are what they look like, and nothing can grow without bound.

`on`, `yes` and `22:22` are text, as in YAML 1.2; only true and false, whole and decimal numbers and null have a type of
their own. What must not live here: what the nodes mean to the configuration.
"""

import re

from yaml import MappingNode, Node, ScalarNode, SequenceNode, YAMLError
from yaml.composer import Composer
from yaml.error import Mark, MarkedYAMLError
from yaml.parser import Parser
from yaml.reader import Reader, ReaderError
from yaml.resolver import BaseResolver
from yaml.scanner import Scanner

__all__ = ["MERGE", "STRING", "NotYaml", "Scalar", "compose", "is_plain_collection", "plain_value", "scalar_value"]

Scalar = str | int | float | bool | None

_TAG = "tag:yaml.org,2002:"
STRING, MERGE = f"{_TAG}str", f"{_TAG}merge"
_BOOL, _INT, _FLOAT, _NULL = f"{_TAG}bool", f"{_TAG}int", f"{_TAG}float", f"{_TAG}null"
_COLLECTIONS = {f"{_TAG}map": MappingNode, f"{_TAG}seq": SequenceNode}
_PLAIN = {
    _BOOL: (re.compile(r"^(?:true|True|TRUE|false|False|FALSE)\Z"), "tTfF"),
    # Numbers longer than this are no option's value, and a leading zero may be an octal number or part of a code.
    _INT: (re.compile(r"^[-+]?(?:0|[1-9][0-9]{0,17})\Z"), "-+0123456789"),
    _FLOAT: (re.compile(r"^[-+]?[0-9]{1,17}\.[0-9]{1,17}\Z"), "-+0123456789"),
    _NULL: (re.compile(r"^(?:~|null|Null|NULL|)\Z"), "~nN"),
    MERGE: (re.compile(r"^<<\Z"), "<"),
}
_DEEPEST = 50


class NotYaml(Exception):
    """The text cannot be read. `line` and `column` count from 1."""

    def __init__(self, line: int, column: int, message: str, hint: str) -> None:
        super().__init__(message)
        self.line = line
        self.column = column
        self.message = message
        self.hint = hint


class _Resolver(BaseResolver):
    """Knows the plain scalars of `_PLAIN` and no others."""


for _tag, (_regex, _first) in _PLAIN.items():
    _Resolver.add_implicit_resolver(_tag, _regex, [*_first, *([""] if _tag == _NULL else [])])


class _Composer(Reader, Scanner, Parser, Composer, _Resolver):
    def __init__(self, text: str) -> None:
        Reader.__init__(self, text)
        Scanner.__init__(self)
        Parser.__init__(self)
        Composer.__init__(self)
        _Resolver.__init__(self)
        self._depth = 0

    def compose_node(self, parent: Node | None, index: int) -> Node | None:
        self._depth += 1
        if self._depth > _DEEPEST:
            raise NotYaml(
                self.line + 1, self.column + 1, "too many levels inside each other", f"{_DEEPEST} are the most"
            )
        try:
            return super().compose_node(parent, index)
        finally:
            self._depth -= 1


def compose(text: str) -> Node | None:
    """The one document in `text`; None when it is empty. Raises NotYaml."""
    try:
        return _Composer(text).get_single_node()
    except MarkedYAMLError as error:
        raise _translated(error) from None
    except ReaderError as error:
        line = text.count("\n", 0, error.position)
        column = error.position - (text.rfind("\n", 0, error.position) + 1)
        raise NotYaml(line + 1, column + 1, "a character that YAML does not allow", "remove it or escape it") from None
    except (YAMLError, ValueError, OverflowError):
        # Escapes and directives with numbers beyond any character or version end in these, without a place.
        raise NotYaml(1, 1, "an escape or a directive that cannot be read", "write the text plainly") from None


def plain_value(text: str) -> Scalar:
    """What `text` would be as a plain scalar."""
    for tag in (_BOOL, _INT, _FLOAT, _NULL):
        if _PLAIN[tag][0].match(text):
            return _convert(tag, text)
    return text


def scalar_value(node: ScalarNode) -> Scalar:
    """The node's value. Raises ValueError when its tag is not one of the types here, or does not fit the text."""
    tag: str = node.tag
    if tag in (STRING, MERGE):
        return str(node.value)
    if tag not in _PLAIN or not _PLAIN[tag][0].match(node.value):
        raise ValueError("the tag does not fit")
    return _convert(tag, node.value)


def is_plain_collection(node: Node) -> bool:
    """Whether a mapping or sequence has no tag but its own."""
    expected = _COLLECTIONS.get(node.tag)
    return expected is not None and isinstance(node, expected)


def _convert(tag: str, text: str) -> Scalar:
    if tag == _BOOL:
        return text.lower() == "true"
    if tag == _INT:
        return int(text)
    return float(text) if tag == _FLOAT else None


_SAYINGS: tuple[tuple[str, bool, str, str], ...] = (
    (
        "mapping values are not allowed",
        False,
        "a colon where no key can stand",
        "indent as the lines around it, or put text that holds ': ' in quotes",
    ),
    ("could not find expected ':'", False, "a key without its colon", "write key: value"),
    ("expected <block end>", False, "this line does not fit the ones above", "indent keys of one section alike"),
    ("character '\\t'", False, "a tab", "indent with spaces"),
    ("that cannot start any token", False, "text that begins with a sign of YAML's own", "put it in quotes"),
    ("undefined alias", False, "an alias with no anchor before it", "put text that begins with * in quotes"),
    ("duplicate anchor", False, "an anchor that is there already", "give each its own name"),
    ("unexpected end of stream", True, "a quote that does not end", "close it"),
    ("expected ',' or", True, "a bracket or brace that does not end", "close it, and put a comma between entries"),
    ("expected a single document", False, "a second document", "one file is one document; remove the --- line"),
    ("expected the node content", False, "a value is missing here", "write it, or remove the key"),
    ("unknown escape character", False, "an escape that is not one", r"write \\ for a backslash, or use single quotes"),
)
"""What PyYAML says, whether the place is where the construct began, and what to say instead.

Its own words may quote the text, and text may be a secret, so they are never shown.
"""


def _translated(error: MarkedYAMLError) -> NotYaml:
    said = f"{error.problem} {error.context}"
    for part, at_start, message, hint in _SAYINGS:
        if part in said:
            marks = (error.context_mark, error.problem_mark)
            return _at(next(filter(None, marks if at_start else reversed(marks)), None), message, hint)
    return _at(
        error.problem_mark or error.context_mark, "this is not YAML", "check quotes, brackets and indentation here"
    )


def _at(mark: Mark | None, message: str, hint: str) -> NotYaml:
    return NotYaml(mark.line + 1 if mark else 1, mark.column + 1 if mark else 1, message, hint)
