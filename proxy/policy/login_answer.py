"""What a step of a login takes out of its answer for the next one, and the hidden fields of an HTML form.

Pure. What must not live here: the calls.
"""

from html.parser import HTMLParser

from proxy.config.login_model import Taken
from proxy.message.call import Reply
from proxy.policy.cookie_jar import CookieJar
from proxy.policy.expression import Expression, document

__all__ = ["form_field", "taken"]

_LONGEST = 8192


def taken(how: Taken, reply: Reply, jar: CookieJar) -> str | None:
    """A text of the answer, or of what it has set; None where there is none."""
    found: object = None
    if how.json_ is not None:
        found = Expression(how.json_).find(document(reply.content))
    elif how.input is not None:
        found = form_field(reply.content, how.input)
    elif how.cookie is not None:
        found = jar.value(how.cookie)
    elif how.field is not None:
        value = reply.get(how.field.lower().encode())
        found = None if value is None else value.decode("latin-1")
    if isinstance(found, int) and not isinstance(found, bool):
        found = str(found)
    return found if isinstance(found, str) and 0 < len(found) <= _LONGEST else None


def form_field(content: bytes, name: str) -> str | None:
    """The value of the first `input` or `meta` of this name."""
    page = _Page(name)
    page.feed(content.decode("utf-8", "replace"))
    return page.value


class _Page(HTMLParser):
    def __init__(self, name: str) -> None:
        super().__init__()
        self._name = name
        self.value: str | None = None

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = dict(attrs)
        if self.value is None and tag in ("input", "meta") and found.get("name") == self._name:
            self.value = found.get("value" if tag == "input" else "content")
