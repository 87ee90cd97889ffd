"""What single values may look like: names, URLs, origins, fields, patterns, addresses.

Each rule is a pure function that returns the value or raises with what is wrong and what would be right, and an
annotated type for the models. No message holds a value, since a secret may have been written in the wrong place.
What must not live here: rules between options (`proxy.config.cross_checks`), which options exist.
"""

import re
from collections.abc import Mapping
from ipaddress import ip_address
from typing import Annotated, Any
from urllib.parse import SplitResult, urlsplit

from pydantic import AfterValidator, BeforeValidator, Field, PlainSerializer, WithJsonSchema

from proxy.config.address import bracketed, parse_address
from proxy.config.base import wrong
from proxy.secret import REDACTED

__all__ = [
    "Addresses",
    "AdminAddresses",
    "BrowserOrigin",
    "EndpointUrl",
    "FieldName",
    "FieldValue",
    "Hidden",
    "HostName",
    "HostValue",
    "Method",
    "Name",
    "Origin",
    "PathGlob",
    "PathPrefix",
    "RoutePattern",
    "UpstreamUrl",
    "VariableName",
    "is_field_value",
    "is_loopback_url",
    "is_token",
    "only_origin",
    "origin_of",
    "unique_fields",
]

_TOKEN = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
_CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")
_HOST = r"(?:\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9_](?:[A-Za-z0-9._-]*[A-Za-z0-9_])?)"
_METHOD = r"[A-Z][A-Z0-9_-]*"
_CREDENTIALS = "a credential goes under auth, or for a collector into tracing.headers"
_NAME = r"[A-Za-z0-9_][A-Za-z0-9_.-]*"
_VARIABLE = r"[A-Za-z_][A-Za-z0-9_]*"
_DEFAULT_PORTS = {"http": 80, "https": 443}

_OWN = frozenset(
    [
        "host",
        "content-length",
        "expect",
        "connection",
        "keep-alive",
        "proxy-connection",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
        "proxy-authenticate",
        "proxy-authorization",
    ]
)
"""Fields that belong to one connection or to the message's framing: Outrider's alone to write."""


def is_token(text: str) -> bool:
    """Whether `text` is a token (RFC 9110 §5.6.2)."""
    return _TOKEN.fullmatch(text) is not None


def is_field_value(text: str) -> bool:
    """Whether `text` may be a field's value: no control character but the tab (RFC 9110 §5.5)."""
    return _CONTROL.search(text) is None


def field_name(name: str) -> str:
    if not is_token(name):
        raise wrong("not a field name", "use letters, digits and -, with no space or colon, such as X-Team")
    folded = name.lower().replace("_", "-")
    if folded in _OWN:
        raise wrong("this field belongs to the connection", "remove it; Outrider writes it itself")
    if folded.startswith("outrider-"):
        raise wrong("fields that begin with Outrider- are Outrider's own", "choose another name")
    return name


def field_value(value: str) -> str:
    if not is_field_value(value):
        raise wrong("not a field value: it holds a line break or a control character", "write it on one line")
    if value != value.strip(" \t"):
        raise wrong("not a field value: it begins or ends with a space", "remove the space")
    return value


def unique_fields(fields: Mapping[str, str]) -> Mapping[str, str]:
    if len({name.lower() for name in fields}) < len(fields):
        raise wrong("one field is written twice, in different cases", "keep one of them")
    return fields


def name(value: str) -> str:
    if not re.fullmatch(_NAME, value) or len(value) > 64:
        raise wrong("not a name", "use at most 64 letters, digits, '_', '-' and '.', such as payments-api")
    return value


def variable_name(value: str) -> str:
    if not re.fullmatch(_VARIABLE, value):
        raise wrong("not the name of an environment variable", "write its name alone, such as API_TOKEN")
    return value


def upstream_url(url: str) -> str:
    parts = _split(url)
    if parts.query or parts.fragment or "?" in url or "#" in url:
        raise wrong("a base URL has no query and no fragment", "remove what follows ? or #")
    return url


def endpoint_url(url: str) -> str:
    if "#" in url:
        raise wrong("a URL that is called has no fragment", "remove what follows #")
    _split(url)
    return url


def _shown(url: str) -> str:
    """Without the query, in which some servers want a key."""
    place, mark, _ = url.partition("?")
    return f"{place}?{REDACTED}" if mark else url


def only_origin(url: str) -> str:
    """Of an address that is itself a secret, as those of chats' webhooks are: where it leads."""
    return f"{origin_of(url)}/{REDACTED}"


def origin(value: str) -> str:
    parts = _split(value)
    if parts.path or "?" in value or "#" in value:
        raise wrong("an origin has no path", "write scheme://host or scheme://host:port")
    return value


def browser_origin(value: str) -> str:
    # Extensions have origins with schemes of their own.
    if not re.fullmatch(rf"[A-Za-z][A-Za-z0-9+.-]*://{_HOST}(:[0-9]{{1,5}})?", value):
        raise wrong("not an origin", "write it as browsers send it: scheme://host or scheme://host:port")
    return value


def _split(url: str) -> SplitResult:
    right = "write http://host or https://host, with a port and a base path where needed"
    # urlsplit drops tabs and line breaks silently, so they are looked for first.
    if not re.fullmatch(r"[!-~]+", url):
        raise wrong("a URL has only visible ASCII characters", right)
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise wrong("not a URL: its host or port is wrong", right) from None
    if parts.scheme not in _DEFAULT_PORTS or not url.lower().startswith(f"{parts.scheme}://"):
        raise wrong("the URL must begin with http:// or https://", right)
    if "@" in parts.netloc:
        raise wrong("a URL here holds no user and no password", _CREDENTIALS)
    if not re.fullmatch(rf"{_HOST}(:[0-9]{{1,5}})?", parts.netloc) or port == 0:
        raise wrong("not a URL: its host or port is wrong", right)
    return parts


def origin_of(url: str) -> str | None:
    """The origin of an http or https URL in one spelling (RFC 6454 §4); None when it is no such URL."""
    try:
        parts = _split(url)
    except ValueError:
        return None
    host = (parts.hostname or "").lower()
    host = f"[{host}]" if ":" in host else host
    return f"{parts.scheme}://{host}:{parts.port or _DEFAULT_PORTS[parts.scheme]}"


def is_loopback_url(url: str) -> bool:
    """Whether what is sent there stays on this machine."""
    try:
        host = urlsplit(url).hostname or ""
        return host == "localhost" or host.endswith(".localhost") or ip_address(host).is_loopback
    except ValueError:
        return False


def host_name(value: str) -> str:
    if not re.fullmatch(_HOST, value):
        raise wrong("not a host name", "write the name alone, without scheme, port and path, such as api.localhost")
    return value


def host_value(value: str) -> str:
    value = bracketed(value)
    if not re.fullmatch(rf"{_HOST}(:[0-9]{{1,5}})?", value):
        raise wrong("not a Host value", "write a name or name:port, without scheme and path")
    return value


def path_prefix(value: str) -> str:
    if not value.startswith("/"):
        raise wrong("a prefix begins with /", "write it such as /api")
    if value != "/" and value.endswith("/"):
        raise wrong("a prefix does not end with /", "write it such as /api; it matches whole segments")
    if not re.fullmatch(r"[!-~]+", value) or "?" in value or "#" in value:
        raise wrong("a prefix has only visible ASCII characters, and no ? or #", "write it such as /api")
    return value


def path_glob(value: str) -> str:
    right = "write it such as /orders/* or /files/**"
    if not value.startswith("/") or re.search(r"[\s?#]", value):
        raise wrong("a path pattern begins with / and has no space, ? or #", right)
    *above, last = value.split("/")
    if any("**" in segment for segment in above) or ("**" in last and last != "**"):
        raise wrong("** stands for everything below, and so only as the last segment", right)
    return value


def route_pattern(value: str) -> str:
    methods, space, path = value.partition(" ")
    if not space or not re.fullmatch(rf"\*|{_METHOD}(,{_METHOD})*", methods):
        raise wrong("a route is a method and a path", 'write it such as "GET /orders/*", "GET,HEAD /" or "* /files/**"')
    path_glob(path)
    return value


def method(value: str) -> str:
    if not re.fullmatch(_METHOD, value):
        raise wrong("not a method", "write it in capitals, such as GET")
    return value


def addresses(value: Any) -> Any:
    """One address or a list of them."""
    many = value if isinstance(value, list) else [value]
    if not many or not all(isinstance(one, str) for one in many):
        raise wrong("not an address to listen on", "write one such as 127.0.0.1:8080, or a list of them")
    for one in many:
        parse_address(one)
    return value


def admin_addresses(value: Any) -> Any:
    return value if value == "off" else addresses(value)


def _pattern(regex: str, *examples: str) -> Any:
    return Field(json_schema_extra={"pattern": f"^{regex}$", "examples": list(examples)})


_ADDRESS_SCHEMA: dict[str, Any] = {"type": "string", "examples": ["127.0.0.1:8080", "[::1]:8080", "unix:/run/o.sock"]}
_ADDRESSES_SCHEMA = {"anyOf": [_ADDRESS_SCHEMA, {"type": "array", "items": _ADDRESS_SCHEMA, "minItems": 1}]}

Addresses = Annotated[str | list[str], BeforeValidator(addresses), WithJsonSchema(_ADDRESSES_SCHEMA)]
AdminAddresses = Annotated[str | list[str], BeforeValidator(admin_addresses), WithJsonSchema(_ADDRESSES_SCHEMA)]
BrowserOrigin = Annotated[str, AfterValidator(browser_origin)]
EndpointUrl = Annotated[
    str,
    AfterValidator(endpoint_url),
    PlainSerializer(_shown, return_type=str),
    _pattern(r"https?://[^/?#@]+(/[^#]*)?", "https://login.example.com/token"),
]
FieldName = Annotated[str, AfterValidator(field_name)]
Hidden = Annotated[str, PlainSerializer(lambda _: REDACTED, return_type=str)]
"""Text that may hold a secret, and so is never shown."""
FieldValue = Annotated[Hidden, AfterValidator(field_value)]
HostName = Annotated[str, AfterValidator(host_name)]
HostValue = Annotated[str, AfterValidator(host_value)]
Method = Annotated[str, AfterValidator(method), _pattern(_METHOD, "GET")]
Name = Annotated[str, AfterValidator(name)]
Origin = Annotated[str, AfterValidator(origin), _pattern(r"https?://[^/?#@]+", "https://api.example.com")]
PathGlob = Annotated[str, AfterValidator(path_glob), _pattern(r"/[^ ?#]*", "/orders/*", "/files/**")]
PathPrefix = Annotated[str, AfterValidator(path_prefix), _pattern(r"/([^?# ]*[^/?# ])?", "/api")]
RoutePattern = Annotated[
    str,
    AfterValidator(route_pattern),
    _pattern(rf"(\*|{_METHOD}(,{_METHOD})*) /[^ ?#]*", "GET /orders/*", "* /files/**"),
]
UpstreamUrl = Annotated[
    str, AfterValidator(upstream_url), _pattern(r"https?://[^/?#@]+(/[^?#]*)?", "https://api.example.com/v1")
]
VariableName = Annotated[str, AfterValidator(variable_name), _pattern(_VARIABLE, "API_TOKEN")]
