"""Where the daemon of a configuration file listens for its administrator.

Apart from `healthcheck`, because reading a file needs most of the package. What must not live here: asking it.
"""

import sys
from collections.abc import Mapping
from pathlib import Path

from proxy.config.load import load_file
from proxy.config.problem import ConfigInvalid

__all__ = ["admin_address"]


def admin_address(file: str, environ: Mapping[str, str]) -> str | None:
    """The first admin address of `file`; None, after a line to the user, when there is none."""
    try:
        addresses = load_file(Path(file), environ).config.admin_addresses
    except ConfigInvalid as invalid:
        sys.stderr.write(f"{invalid}\n")
        return None
    if not addresses:
        sys.stderr.write(f"outrider: {file} turns the admin listener off, so there is nothing to ask\n")
        return None
    return addresses[0]
