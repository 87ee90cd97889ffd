"""`outrider reload`: has a running daemon read its configuration again, and says what came of it."""

import argparse
import json
import sys

from proxy.cli.command_admin import add_arguments, command_admin

__all__ = ["add_arguments", "run"]


def run(arguments: argparse.Namespace) -> int:
    answered = command_admin(arguments, "/api/reload", {200, 409})
    if isinstance(answered, int):
        return answered
    outcome = json.loads(answered)
    if outcome["problems"]:
        sys.stderr.write("".join(f"{problem}\n" for problem in outcome["problems"]))
        sys.stderr.write("outrider: nothing was changed\n")
        return 78 if outcome["invalid"] else 1
    sys.stdout.write(f"reloaded; changed: {', '.join(outcome['changed']) or 'nothing'}\n")
    return 0
