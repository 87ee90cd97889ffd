"""The one door to secrets: from a reference in the configuration to something that hands out its value.

What must not live here: how each kind is read (a module each), or what a secret is used for.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import assert_never

from proxy.auth.command import Command
from proxy.auth.exec_secret import ExecReader
from proxy.auth.file_secret import FileReader
from proxy.auth.fixed_secret import environment_reader, literal_reader
from proxy.auth.secret_rules import SecretReader, SecretUnavailable
from proxy.clock import Clock
from proxy.config.auth_model import CredentialSecret, EnvSecret, ExecSecret, FileSecret, LiteralSecret, SecretRef

__all__ = ["SecretReader", "SecretUnavailable", "credential_path", "open_secret"]

_PLATFORM_SECRETS = Path("/run/secrets")


def open_secret(
    ref: SecretRef, base: Path, environ: Mapping[str, str], clock: Clock, *, lines: bool = False
) -> SecretReader:
    """A reader of `ref`; nothing is awaited or run yet, and a missing value shows when it is read.

    `base` is the folder of the configuration file: relative paths begin there, and commands run there. `clock` is
    monotonic. `lines` accepts a secret of several lines, such as a key in PEM.
    """
    match ref:
        case LiteralSecret():
            return literal_reader(ref.literal)
        case EnvSecret():
            return environment_reader(ref.env, environ, lines=lines)
        case FileSecret():
            return FileReader(base / ref.file, clock, lenient=ref.insecure, lines=lines)
        case CredentialSecret():
            # Put there read-only by the platform, often for a group or as links: the checks of mode would refuse it.
            return FileReader(credential_path(ref.credential, environ), clock, lenient=True, lines=lines)
        case ExecSecret():
            return ExecReader(Command(ref.exec, base, environ, ref.timeout), ref.ttl, clock, lines=lines)
        case _:
            assert_never(ref)


def credential_path(name: str, environ: Mapping[str, str], platform: Path = _PLATFORM_SECRETS) -> Path:
    """Where a platform's credential stands: systemd's folder, unless only the containers' folder has it."""
    folder = environ.get("CREDENTIALS_DIRECTORY")
    if not folder:
        return platform / name
    of_unit = Path(folder) / name
    return platform / name if not of_unit.exists() and (platform / name).exists() else of_unit
