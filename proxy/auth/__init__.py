"""Credentials: reading secrets, and turning profiles into what goes into a request. No sockets to upstreams here."""

from proxy.auth.build import build_source
from proxy.auth.secret_reader import SecretReader, SecretUnavailable, open_secret
from proxy.auth.source import CredentialSource, PreparedInjection

__all__ = [
    "CredentialSource",
    "PreparedInjection",
    "SecretReader",
    "SecretUnavailable",
    "build_source",
    "open_secret",
]
