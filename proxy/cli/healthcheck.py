"""`outrider healthcheck`: one question to a running daemon, one line, 0 or 1."""

import argparse
import os
import sys

from proxy.cli.admin_client import DEFAULT, Unreachable, admin_url, ask

__all__ = ["add_address_arguments", "add_arguments", "address", "run"]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_address_arguments(parser)
    parser.add_argument(
        "--live", action="store_true", help="ask whether it turns at all, ready or not: for what starts it again if not"
    )


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


def run(arguments: argparse.Namespace) -> int:
    url = address(arguments)
    if url is None:
        return 78
    try:
        status, text = ask(url, "/livez" if arguments.live else "/readyz")
    except Unreachable as error:
        sys.stderr.write(f"outrider: no daemon at {url}: {error}\n")
        return 1
    except ValueError as error:
        sys.stderr.write(f"outrider: {url}: {error}\n")
        return 2
    line = text.splitlines()[0] if text else f"status {status}"
    sys.stdout.write(f"{line}\n")
    return 0 if status == 200 else 1
