"""The admin token that a command is given to show to a running daemon.

What must not live here: asking the daemon; the token in the daemon's own file (`proxy.cli.configured_token`).
"""

import argparse
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

__all__ = ["HOW_TO_GIVE", "TOKEN_VARIABLE", "AdminToken", "NoToken", "given_token"]

TOKEN_VARIABLE = "OUTRIDER_ADMIN_TOKEN"
HOW_TO_GIVE = f"set ${TOKEN_VARIABLE} or name a --token-file"


class NoToken(Exception):
    """There should be one, and it cannot be read. The message is one line for a user."""


@dataclass(frozen=True, slots=True)
class AdminToken:
    """`place` tells a user where it came from."""

    value: str = field(repr=False)
    place: str


def given_token(arguments: argparse.Namespace, environ: Mapping[str, str]) -> AdminToken | None:
    """That of the flag or of the environment. Raises NoToken."""
    if arguments.token_file:
        try:
            return AdminToken(Path(arguments.token_file).read_text().rstrip("\r\n"), arguments.token_file)
        except (OSError, UnicodeDecodeError) as error:
            why = error.strerror if isinstance(error, OSError) else "it is not text"
            raise NoToken(f"{arguments.token_file}: {why}") from error
    value = environ.get(TOKEN_VARIABLE, "")
    return AdminToken(value, f"${TOKEN_VARIABLE}") if value else None
