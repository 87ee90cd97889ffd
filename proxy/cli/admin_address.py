"""Where the daemon of a configuration file listens for its administrator.

Reads no more of the file than that: a health check comes every few seconds, and to judge the whole file takes several
times as long. What must not live here: asking it.
"""

import sys
from collections.abc import Mapping
from pathlib import Path

from proxy.config.document import parse_document
from proxy.config.find import read_config
from proxy.config.problem import ConfigInvalid

__all__ = ["admin_address"]


def admin_address(file: Path, default: str, environ: Mapping[str, str]) -> str | None:
    """The first admin address of `file`, or the default one; None, after a line to the user, when there is none."""
    try:
        document, problems = parse_document(read_config(file), str(file), environ)
    except ConfigInvalid as invalid:
        sys.stderr.write(f"{invalid}\n")
        return None
    if document.is_broken(()):
        sys.stderr.write(f"{ConfigInvalid(problems)}\n")
        return None
    admin = document.data.get("admin")
    listen = admin.get("listen", default) if isinstance(admin, dict) else default
    first = listen[0] if isinstance(listen, list) and listen else listen
    if first in ("off", False):
        sys.stderr.write(f"outrider: {file} turns the admin listener off, so there is nothing to ask\n")
        return None
    if not isinstance(first, str):
        sys.stderr.write(f"outrider: {file}: admin.listen is no address; `outrider check -c {file}` says more\n")
        return None
    return first
