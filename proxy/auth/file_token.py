"""Scheme `file`: a token that something else writes and rotates, followed as it changes."""

from collections.abc import Callable

from proxy.auth.bearer import token_source
from proxy.auth.secret_rules import SecretReader
from proxy.auth.secret_source import SecretSource
from proxy.clock import Clock
from proxy.config.auth_model import FileProfile, FileSecret, SecretRef

__all__ = ["file_source"]


def file_source(profile: FileProfile, open_: Callable[[SecretRef], SecretReader], clock: Clock) -> SecretSource:
    reader = open_(FileSecret(file=profile.path, insecure=profile.insecure))
    return token_source(reader, profile.header, profile.scheme, clock)
