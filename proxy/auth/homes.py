"""Where profiles are at home: the upstream that uses one, for calls that are named by their path alone.

What must not live here: judging that there is only one (`proxy.config.call_checks`).
"""

from dataclasses import dataclass
from urllib.parse import urlsplit

from proxy.config.call_model import CallOptions
from proxy.config.model import Config
from proxy.config.tls_model import Tls

__all__ = ["Home", "call_tls", "call_url", "homes"]


@dataclass(frozen=True, slots=True)
class Home:
    """An upstream's base URL, and how its TLS is to be met."""

    url: str
    tls: Tls


def homes(config: Config) -> dict[str, Home]:
    """The first upstream that uses each profile."""
    found: dict[str, Home] = {}
    for upstream in config.upstreams.values():
        for name in (upstream.auth, *(route.auth for route in upstream.routes)):
            if name is not None:
                found.setdefault(name, Home(upstream.url, upstream.tls))
    return found


def call_url(options: CallOptions, home: Home | None) -> str:
    """Where the call goes; empty where it is named by its path and the profile is nowhere at home."""
    if options.url is not None:
        return options.url
    if home is None or options.path is None:
        return ""
    parts = urlsplit(home.url)
    return f"{parts.scheme}://{parts.netloc}{parts.path.rstrip('/')}{options.path}"


def call_tls(options: CallOptions, home: Home | None) -> Tls | None:
    """An upstream is met as requests meet it: with its authorities, its name, our certificate."""
    if home is None or options.path is None or not home.url.lower().startswith("https:"):
        return None
    return home.tls
