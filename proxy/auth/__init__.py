"""Credentials: reading secrets, and turning profiles into what goes into a request. No sockets to upstreams here."""

from proxy.auth.build import build_source
from proxy.auth.folder_store import FolderStore
from proxy.auth.means import Means
from proxy.auth.secret_reader import SecretReader, SecretUnavailable, open_secret
from proxy.auth.source import CredentialSource, NotASession, PreparedInjection, SessionFault, Tokens
from proxy.auth.store import MemoryStore, SessionStore, StoreFailed

__all__ = [
    "CredentialSource",
    "FolderStore",
    "Means",
    "MemoryStore",
    "NotASession",
    "PreparedInjection",
    "SecretReader",
    "SecretUnavailable",
    "SessionFault",
    "SessionStore",
    "StoreFailed",
    "Tokens",
    "build_source",
    "open_secret",
]
