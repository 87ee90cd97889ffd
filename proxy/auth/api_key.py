"""Scheme `api_key`: a key in a field, a query parameter or a cookie."""

from collections.abc import Callable, Sequence
from typing import assert_never
from urllib.parse import quote

from proxy.auth.field import cookie_value, field_line, owned
from proxy.auth.secret_rules import SecretReader
from proxy.auth.secret_source import SecretSource
from proxy.auth.source import PreparedInjection
from proxy.clock import Clock
from proxy.config.auth_model import ApiKeyProfile, SecretRef
from proxy.secret import Secret

__all__ = ["api_key_source"]


def api_key_source(profile: ApiKeyProfile, open_: Callable[[SecretRef], SecretReader], clock: Clock) -> SecretSource:
    readers = [open_(profile.key)]
    name = profile.name
    match profile.in_:
        case "header":
            return SecretSource(readers, _in_field(name, profile.prefix), clock, strip=owned(name))
        case "query":
            return SecretSource(readers, _in_query(name), clock, query_name=name.encode())
        case "cookie":
            return SecretSource(readers, _in_cookie(name), clock, cookie_name=name.encode())
        case _:
            assert_never(profile.in_)


def _in_field(name: str, prefix: str) -> Callable[[Sequence[Secret]], PreparedInjection]:
    return lambda values: PreparedInjection(lines=field_line(name, prefix + values[0].reveal()))


def _in_query(name: str) -> Callable[[Sequence[Secret]], PreparedInjection]:
    return lambda values: PreparedInjection(
        query=f"{quote(name, safe='')}={quote(values[0].reveal(), safe='')}".encode()
    )


def _in_cookie(name: str) -> Callable[[Sequence[Secret]], PreparedInjection]:
    return lambda values: PreparedInjection(cookie=cookie_value(name, values[0].reveal()))
