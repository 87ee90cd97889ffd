"""Where a command finds the daemon: by its flags, the environment or the file, in this order.

Light, because a health check asks every few seconds. What must not live here: asking the daemon
(`proxy.cli.admin_client`), reading the file (`proxy.cli.admin_address`).
"""

import argparse
import os
import sys

from proxy.cli.admin_client import DEFAULT, admin_url

__all__ = ["add_address_arguments", "address"]


def add_address_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--url", help=f"the admin listener; else $OUTRIDER_ADMIN, the file's, {DEFAULT}")
    parser.add_argument(
        "-c",
        "--config",
        metavar="FILE",
        help="the file that names the admin listener; else $OUTRIDER_CONFIG, ./outrider.yaml, "
        "/etc/outrider/outrider.yaml",
    )


def address(arguments: argparse.Namespace) -> str | None:
    """Where the admin listener is; None, after a line to the user, when the file or its listener is no help."""
    listen = None
    told = arguments.url or os.environ.get("OUTRIDER_ADMIN") or os.environ.get("OUTRIDER_ADMIN_LISTEN")
    if not arguments.url and (arguments.config or not told):
        # Only here: to read a file costs more than the rest of the check.
        from proxy.cli.admin_address import admin_address
        from proxy.config.find import first_config

        file = first_config(arguments.config, os.environ)
        if file is not None:
            listen = admin_address(file, DEFAULT, os.environ)
            if listen is None:
                return None
    url = admin_url(arguments.url, listen, os.environ)
    if url == "off":
        sys.stderr.write("outrider: $OUTRIDER_ADMIN_LISTEN turns the admin listener off, so there is nothing to ask\n")
        return None
    return url
