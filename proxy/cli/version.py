"""`outrider version`: the version alone, or with what it runs on."""

import argparse
import json
import sys

from proxy import __version__

__all__ = ["add_arguments", "run"]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--verbose", action="store_true", help="also print the versions of what it runs on")
    parser.add_argument("--json", action="store_true", help="print all of that as a JSON object")


def run(arguments: argparse.Namespace) -> int:
    if not arguments.verbose and not arguments.json:
        sys.stdout.write(f"outrider {__version__}\n")
        return 0
    # Only here: importing aiohttp takes longer than everything else that this command does.
    from proxy.observe.build import build_facts

    facts = build_facts()
    if arguments.json:
        sys.stdout.write(f"{json.dumps(facts)}\n")
    else:
        sys.stdout.writelines(f"{name} {value}\n" for name, value in facts.items())
    return 0
