"""What can be known to be wrong with a profile before any secret is read, beyond its shape.

Pure. What must not live here: the rules of the schema, which hold for single values.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from proxy.auth.basic import user_problem
from proxy.auth.template import check_template
from proxy.config.auth_model import AuthProfile, BasicProfile, HeadersProfile, LiteralSecret

__all__ = ["Finding", "check_profile"]


@dataclass(frozen=True, slots=True)
class Finding:
    """`path` leads from the profile to the key as it is written in the file. The message holds no value."""

    path: tuple[str, ...]
    message: str


def check_profile(profile: AuthProfile) -> list[Finding]:
    """Every finding at once."""
    if isinstance(profile, BasicProfile):
        return list(_check_basic(profile))
    if isinstance(profile, HeadersProfile):
        return list(_check_headers(profile))
    return []


def _check_basic(profile: BasicProfile) -> Iterator[Finding]:
    if isinstance(profile.username, LiteralSecret):
        problem = user_problem(profile.username.literal.reveal())
        if problem is not None:
            yield Finding(("username",), problem)


def _check_headers(profile: HeadersProfile) -> Iterator[Finding]:
    for name, text in profile.set.items():
        problem = check_template(text, profile.secrets)
        if problem is not None:
            yield Finding(("set", name), problem)
