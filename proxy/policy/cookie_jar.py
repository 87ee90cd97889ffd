"""The cookies of one login: what an answer sets (RFC 6265 §5), and which of them go to an address.

Pure. Domains are matched by their labels; there is no list of public suffixes, so a domain of one label is nobody's.
What must not live here: whose cookies they are, where they are kept.
"""

import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from email.utils import parsedate_to_datetime
from ipaddress import ip_address
from urllib.parse import urlsplit

__all__ = ["Cookie", "CookieJar", "is_safe", "rolled", "sent_to"]

_NAME = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
_VALUE = re.compile(r"[!#-+\--:<-\[\]-~ \"]*")
_MOST = 50
_LONGEST = 8192


@dataclass(frozen=True, slots=True, repr=False)
class Cookie:
    """`domain` is a host alone where `host_only`, else everything below it too. `expires` is wall time, None for the
    length of the session."""

    name: str
    value: str
    domain: str
    host_only: bool
    path: str
    secure: bool
    expires: float | None


class CookieJar:
    """Cookies by name, domain and path."""

    __slots__ = ("_cookies",)

    def __init__(self) -> None:
        self._cookies: dict[tuple[str, str, str], Cookie] = {}

    def take(self, lines: Iterable[bytes], url: str, now: float) -> None:
        """What an answer from `url` sets, at wall time `now`; what cannot be is left out."""
        for line in lines:
            field, _, value = line.partition(b":")
            if field.lower() != b"set-cookie":
                continue
            cookie = _parsed(value.decode("latin-1"), url, now)
            if cookie is None:
                continue
            key = (cookie.name, cookie.domain, cookie.path)
            self._cookies.pop(key, None)
            if (cookie.expires is None or cookie.expires > now) and len(self._cookies) < _MOST:
                self._cookies[key] = cookie

    def value(self, name: str) -> str | None:
        return next((cookie.value for cookie in self._cookies.values() if cookie.name == name), None)

    def only(self, names: Iterable[str]) -> list[Cookie]:
        """Those of these names, all without any."""
        wanted = set(names)
        return [cookie for cookie in self._cookies.values() if not wanted or cookie.name in wanted]

    def header(self, url: str) -> str:
        """The value of `Cookie` for a call to `url`, empty for none."""
        parts = urlsplit(url)
        found = sent_to(self.only(()), parts.hostname or "", parts.path or "/", secure=is_safe(url))
        return "; ".join(f"{cookie.name}={cookie.value}" for cookie in found)

    @staticmethod
    def dump(cookies: Iterable[Cookie]) -> str:
        return json.dumps([asdict(cookie) for cookie in cookies])

    @staticmethod
    def load(text: str) -> list[Cookie]:
        """Raises ValueError, without a word of the text."""
        try:
            return [Cookie(**entry) for entry in json.loads(text)]
        except (ValueError, TypeError, RecursionError):
            raise ValueError("these are not cookies of a login") from None


def sent_to(cookies: Iterable[Cookie], host: str, path: str, *, secure: bool) -> list[Cookie]:
    """Those that go there, the longest path first (RFC 6265 §5.4)."""
    host = host.lower()
    found = [
        cookie
        for cookie in cookies
        if (secure or not cookie.secure) and _domain_matches(host, cookie) and _path_matches(path, cookie.path)
    ]
    return sorted(found, key=lambda cookie: -len(cookie.path))


def _parsed(text: str, url: str, now: float) -> Cookie | None:
    name, value, attributes = _taken_apart(text)
    if value is None:
        return None
    parts = urlsplit(url)
    host = (parts.hostname or "").lower()
    domain = attributes.get("domain", "").lower().removeprefix(".")
    path = attributes.get("path", "")
    if not path.startswith("/"):
        path = (parts.path or "/").rpartition("/")[0] or "/"
    secure = "secure" in attributes
    if (secure and not is_safe(url)) or (domain and not _may_set(host, domain)):
        return None
    if name.startswith(("__Host-", "__Secure-")) and not secure:
        return None
    if name.startswith("__Host-") and (domain or path != "/"):
        return None
    return Cookie(name, value, domain or host, not domain or (domain == host and _is_address(host)), path, secure,
                  _expiry(attributes, now))  # fmt: skip


def _taken_apart(text: str) -> tuple[str, str | None, dict[str, str]]:
    """Name, value and attributes of a cookie that is set; no value where the name or it cannot be one."""
    first, *rest = text.split(";")
    name, equals, value = (part.strip() for part in first.partition("="))
    fits = equals and _NAME.fullmatch(name) and _VALUE.fullmatch(value) and len(first) <= _LONGEST
    attributes = {}
    for part in rest:
        key, _, told = part.partition("=")
        attributes[key.strip().lower()] = told.strip()
    return name, value if fits else None, attributes


def rolled(
    cookies: Sequence[Cookie], lines: Sequence[bytes], now: float
) -> tuple[list[bytes], tuple[Cookie, ...]] | None:
    """What is left of an answer's lines without those that set one of `cookies`, and the cookies as they set them.

    They stay where they are at home: only values and ends change. None where no line sets one.
    """
    names, left = {cookie.name for cookie in cookies}, []
    for line in lines:
        if line[:11].lower() == b"set-cookie:":
            name, value, attributes = _taken_apart(line[11:].decode("latin-1"))
            if name in names:
                cookies = _replaced(cookies, name, value, _expiry(attributes, now), now)
                continue
        left.append(line)
    return (left, tuple(cookies)) if len(left) < len(lines) else None


def _replaced(
    cookies: Iterable[Cookie], name: str, value: str | None, expires: float | None, now: float
) -> list[Cookie]:
    """With another value under this name, without it where that has ended, and as they were without a value."""
    if value is None:
        return list(cookies)
    ended = expires is not None and expires <= now
    return [
        replace(cookie, value=value, expires=expires) if cookie.name == name else cookie
        for cookie in cookies
        if not (ended and cookie.name == name)
    ]


def _expiry(attributes: dict[str, str], now: float) -> float | None:
    age = attributes.get("max-age", "")
    if re.fullmatch(r"-?\d{1,12}", age):
        return now + int(age)
    try:
        return parsedate_to_datetime(attributes["expires"]).timestamp() if "expires" in attributes else None
    except (ValueError, OverflowError):
        return None


def _may_set(host: str, domain: str) -> bool:
    """Whether an answer of `host` may set cookies for `domain`."""
    if host == domain:
        return True
    return "." in domain and not _is_address(host) and host.endswith(f".{domain}")


def _domain_matches(host: str, cookie: Cookie) -> bool:
    if host == cookie.domain:
        return True
    return not cookie.host_only and not _is_address(host) and host.endswith(f".{cookie.domain}")


def _path_matches(path: str, own: str) -> bool:
    return path == own or (path.startswith(own) and (own.endswith("/") or path[len(own)] in "/?"))


def _is_address(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return True


def is_safe(url: str) -> bool:
    """TLS; or this very machine, where nobody listens in between."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    if parts.scheme == "https" or host == "localhost" or host.endswith(".localhost"):
        return True
    return _is_address(host) and ip_address(host).is_loopback
