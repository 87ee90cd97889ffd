"""JMESPath over a JSON document: finding a value, and whether a condition holds.

The library is loaded with the first expression. What must not live here: what is asked of which document.
"""

import json
from typing import Any

__all__ = ["Expression", "document"]


class Expression:
    """A compiled expression. Raises ValueError for one that cannot be read, which the configuration finds before."""

    __slots__ = ("_compiled", "_failure")

    def __init__(self, text: str) -> None:
        import jmespath
        from jmespath.exceptions import JMESPathError

        self._failure = JMESPathError
        self._compiled = jmespath.compile(text)

    def find(self, document: object) -> object:
        """What the expression gives; None too where it cannot be applied to this document."""
        try:
            found: object = self._compiled.search(document)
        except (self._failure, RecursionError):
            # Such as a function over a value of another type: then it is not the answer that was meant.
            return None
        return found

    def holds(self, document: object) -> bool:
        """By JMESPath's own idea of truth: false are nothing, `false` and whatever is empty, and no number is."""
        found = self.find(document)
        return found is not None and found is not False and found != "" and found != [] and found != {}


def document(content: bytes) -> Any:
    """The JSON document in `content`; None when it is none."""
    try:
        return json.loads(content)
    except (ValueError, RecursionError):
        return None
