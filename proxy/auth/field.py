"""How credentials are written into fields and cookies, and which values cannot be.

Pure functions. What must not live here: which field a scheme uses, and which names are acceptable (the schema).
"""

import re

from proxy.auth.secret_rules import SecretUnavailable
from proxy.policy.fields import canonical

__all__ = ["cookie_value", "field_line", "owned", "token_line", "value_problem"]

_CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")
# RFC 6265 §4.1.1, quotes around the whole included.
_COOKIE_VALUE = re.compile(r'"[!#-+\--:<-\[\]-~]*"|[!#-+\--:<-\[\]-~]*')


def owned(*names: str) -> frozenset[bytes]:
    """The canonical names of these fields."""
    return frozenset(canonical(name.encode()) for name in names)


def value_problem(text: str) -> str | None:
    """Why a field cannot carry `text`, or None. The answer does not hold the text."""
    if _CONTROL.search(text):
        return "has a control character, which no field can carry"
    return None


def field_line(name: str, value: str) -> bytes:
    """`name: value` and CRLF in UTF-8; raises SecretUnavailable for a value that a field cannot carry."""
    if problem := value_problem(value):
        raise SecretUnavailable(f"the value for field {name} {problem}")
    return f"{name}: {value}\r\n".encode()


def token_line(name: str, scheme: str, token: str) -> bytes:
    """A field line with a token, after the word `scheme` unless that is empty."""
    return field_line(name, f"{scheme} {token}" if scheme else token)


def cookie_value(name: str, value: str) -> bytes:
    """`name=value`; raises SecretUnavailable for a value that a cookie cannot carry."""
    if not _COOKIE_VALUE.fullmatch(value):
        raise SecretUnavailable(
            f"the value for cookie {name} has a character that no cookie can carry (space, comma, semicolon, quote, "
            "backslash, control or beyond ASCII)"
        )
    return f"{name}={value}".encode()
