"""The admin token in the file of a running daemon, for a command that was given none.

Reads no more of the file than that, so that a daemon can be asked while its file is wrong elsewhere. Imported only once
a daemon wants a token: this takes longer than to ask it. What must not live here: asking the daemon.
"""

import argparse
import asyncio
from collections.abc import Mapping
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from proxy.auth.secret_reader import SecretUnavailable, open_secret
from proxy.cli.admin_token import HOW_TO_GIVE, AdminToken, NoToken
from proxy.clock import monotonic
from proxy.config.document import parse_document
from proxy.config.find import first_config, read_config
from proxy.config.problem import ConfigInvalid
from proxy.config.secret_model import SecretRef

__all__ = ["configured_token"]


def configured_token(arguments: argparse.Namespace, environ: Mapping[str, str]) -> AdminToken | None:
    """`admin.token` of the file that was named or found. Raises NoToken.

    None for an address that came from elsewhere and no file that was named with it: a token goes to nobody else.
    """
    if not arguments.config and (arguments.url or environ.get("OUTRIDER_ADMIN")):
        return None
    file = first_config(arguments.config, environ)
    if file is None:
        return None
    try:
        document, _ = parse_document(read_config(file), str(file), environ)
        admin = None if document.is_broken(()) else document.data.get("admin")
        token = admin.get("token") if isinstance(admin, dict) else None
        if token is None:
            return None
        reference = TypeAdapter[SecretRef](SecretRef).validate_python(token)
    except (ConfigInvalid, ValidationError):
        raise NoToken(f"admin.token of {file} cannot be used; `outrider check -c {file}` says more") from None
    return AdminToken(asyncio.run(_value(reference, file, file.absolute().parent, environ)), f"admin.token of {file}")


async def _value(reference: SecretRef, file: Path, base: Path, environ: Mapping[str, str]) -> str:
    reader = open_secret(reference, base, environ, monotonic)
    try:
        return (await reader.read()).reveal()
    except SecretUnavailable as unavailable:
        raise NoToken(f"admin.token of {file}: {unavailable.detail}; {HOW_TO_GIVE}") from None
    finally:
        await reader.close()
