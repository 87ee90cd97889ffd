"""Patterns and expressions in the configuration: regular expressions, and JMESPath over JSON.

Both are tried when the file is read, so that a mistake shows at once. What must not live here: applying them
(`proxy.policy`).
"""

import re
from typing import Annotated

from pydantic import AfterValidator

from proxy.config.base import wrong

__all__ = ["Expression", "Pattern"]


def _pattern(text: str) -> str:
    try:
        re.compile(text.encode())
    except re.error as error:
        raise wrong(f"not a regular expression: {error.msg}", "write one such as ^/login, in single quotes") from None
    return text


def _expression(text: str) -> str:
    # Imported here: only a file that has an expression pays for the library.
    import jmespath
    from jmespath.exceptions import JMESPathError, JMESPathTypeError, UnknownFunctionError

    right = "write a path such as data.token; literals stand in backquotes: code == `401`"
    try:
        jmespath.compile(text).search({})
    except JMESPathTypeError:
        # A function that finds nothing to work on here finds something in an answer.
        return text
    except UnknownFunctionError:
        raise wrong("this JMESPath calls a function that there is not", right) from None
    except JMESPathError as error:
        where = getattr(error, "lex_position", None)
        at = "" if where is None else f" at character {where + 1}"
        raise wrong(f"not a JMESPath expression{at}", right) from None
    return text


Pattern = Annotated[str, AfterValidator(_pattern)]
"""A regular expression, searched for."""
Expression = Annotated[str, AfterValidator(_expression)]
"""A JMESPath expression over a JSON document."""
