"""The command line: `outrider COMMAND`.

Here live the list of commands and what all of them share: help, exit codes, and that nothing prints a traceback at a
user who did nothing wrong. A command's module is imported only when that command was asked for, because `healthcheck`
starts many times a minute. What must not live here: what a command does (a module each).
"""

import argparse
import gc
import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib import import_module
from types import ModuleType
from typing import cast

from proxy import __version__

__all__ = ["COMMANDS", "main"]

_CODES = "exit codes: 0 done, 1 failed, 2 wrong usage, 78 wrong configuration"


@dataclass(frozen=True, slots=True)
class Command:
    """`proxy.cli.NAME` has `add_arguments(parser)` and `run(arguments) -> int`."""

    name: str
    summary: str
    examples: tuple[str, ...]
    codes: str = _CODES


COMMANDS = (
    Command(
        "run",
        "run the daemon, from a file or from flags alone",
        (
            "outrider run -c outrider.yaml",
            "outrider run --upstream https://api.example.com --bearer-env API_TOKEN",
            "outrider run --upstream http://127.0.0.1:9000 --listen 127.0.0.1:8081 --admin off",
        ),
    ),
    Command(
        "check",
        "check a configuration and name every mistake with its line",
        (
            "outrider check -c outrider.yaml",
            "outrider check -c outrider.yaml --online",
            "outrider check -c outrider.yaml --explain GET http://localhost:8080/api/x",
        ),
    ),
    Command(
        "login",
        "log in to a profile, with a code or a browser",
        ("outrider login mail -c outrider.yaml", "outrider login mail --no-browser --timeout 10m"),
    ),
    Command("logout", "end a profile's session everywhere", ("outrider logout mail -c outrider.yaml",)),
    Command(
        "token",
        "tell the state of a profile's session",
        (
            "outrider token mail",
            'curl -H "Authorization: Bearer $(outrider token mail --reveal)" https://api.example.com',
        ),
        "exit codes: 0 done, 1 failed or a login is needed, 2 wrong usage, 78 wrong configuration",
    ),
    Command(
        "schema", "print the JSON Schema of the configuration, for editors", ("outrider schema > outrider.schema.json",)
    ),
    Command("demo", "show every main feature, with no network and no file", ("outrider demo", "outrider demo --keep")),
    Command(
        "status",
        "show what a running daemon does, once or live",
        ("outrider status", "outrider status --watch", "outrider status --json --url http://127.0.0.1:9901"),
    ),
    Command(
        "healthcheck",
        "ask a running daemon once whether it is ready",
        (
            "outrider healthcheck",
            "outrider healthcheck --live",
            "outrider healthcheck --url http://127.0.0.1:9901",
        ),
    ),
    Command(
        "wait",
        "wait until a daemon is ready",
        ("outrider wait && ./start-my-application", "outrider wait --timeout 2m --url http://127.0.0.1:9901"),
    ),
    Command(
        "reload",
        "have a running daemon read its configuration again",
        ("outrider reload", "outrider reload --url http://127.0.0.1:9901"),
    ),
    Command(
        "drain",
        "have a running daemon let its requests end, and end itself",
        ("outrider drain", "outrider drain --wait --timeout 2m"),
    ),
    Command(
        "exec",
        "run a command beside an Outrider of its own, and end with it",
        (
            "outrider exec -c outrider.yaml -- ./job --verbose",
            "outrider exec --upstream https://api.example.com --bearer-env API_TOKEN -- "
            "sh -c 'curl $OUTRIDER_URL/orders'",
        ),
        "exit codes: the command's own, 128 and the number of a signal that ended it, 127 when it is not found; else\n"
        "1 failed, 2 wrong usage, 78 wrong configuration",
    ),
    Command("version", "print the version", ("outrider version", "outrider version --verbose")),
)


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and give its exit code. Wrong usage ends in SystemExit(2), as argparse does it."""
    _open_what_is_closed()
    words = list(sys.argv[1:] if argv is None else argv)
    parser, run = _parser(words)
    arguments = parser.parse_args(words)
    if run is None:
        parser.print_help(sys.stderr)
        return 2
    try:
        return run(arguments)
    except KeyboardInterrupt:
        return 1
    except BrokenPipeError:
        # Whoever read our output has left; what Python would still flush at its end has nowhere to go.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except Exception as error:
        # A defect of ours. Python's own traceback would show the error's message, which may hold a secret.
        sys.stderr.write(_imported("proxy.observe.uncaught").crash_report(error))
        return 1


def _open_what_is_closed() -> None:
    """Standard input, output and error lead nowhere where they were closed (`2>&-`).

    Their numbers would be given to connections, into which whatever writes to standard error would write.
    """
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            # The least number that is free.
            os.set_inheritable(os.open(os.devnull, os.O_RDWR), True)
    sys.stdout = sys.stdout or os.fdopen(1, "w", closefd=False)
    sys.stderr = sys.stderr or os.fdopen(2, "w", closefd=False)


_Run = Callable[[argparse.Namespace], int]


def _parser(words: Sequence[str]) -> tuple[argparse.ArgumentParser, _Run | None]:
    """A parser that knows the arguments of the command in `words` and the names of all."""
    parser = argparse.ArgumentParser(
        prog="outrider",
        description="A daemon beside your application that makes its API calls authenticated and reliable.",
        epilog=f"`outrider COMMAND --help` says more about each.\n\n{_CODES}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"outrider {__version__}")
    group = parser.add_subparsers(metavar="COMMAND", title="commands")
    chosen = next((word for word in words if not word.startswith("-")), None)
    run: _Run | None = None
    for command in COMMANDS:
        sub = group.add_parser(
            command.name,
            help=command.summary,
            description=f"{command.summary[0].upper()}{command.summary[1:]}.",
            epilog="\n".join(["examples:", *(f"  {line}" for line in command.examples), "", command.codes]),
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        if command.name == chosen:
            module = _imported(f"proxy.cli.{command.name}")
            module.add_arguments(sub)
            run = cast(_Run, module.run)
    return parser, run


def _imported(name: str) -> ModuleType:
    """Without collections meanwhile: an import makes much that stays and next to nothing to collect, and to look for it
    again and again takes a quarter of the time of a start. To look for it once, afterwards, would still take a
    twentieth, so all of it is kept out of every collection."""
    gc.disable()
    try:
        return import_module(name)
    finally:
        gc.freeze()
        gc.enable()
