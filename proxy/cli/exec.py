"""`outrider exec`: a command, and an Outrider of its own on a free port for as long as it runs.

What must not live here: what the daemon does (`proxy.daemon`), how a command is run (`proxy.lifecycle.child`).
"""

import argparse
import asyncio
import os
import signal
import sys
from dataclasses import replace

from proxy.cli.duration import duration
from proxy.cli.run import add_source_arguments, load_source, spare_the_collector, wrong_source
from proxy.config.load import LoadedConfig
from proxy.config.problem import ConfigInvalid
from proxy.daemon import Daemon, StartFailed, forbid_core_dumps, loop_factory
from proxy.lifecycle.child import CannotRun, child_environment, run_child, url_variables
from proxy.observe import configure
from proxy.observe.uncaught import log_uncaught

__all__ = ["add_arguments", "run"]

_LISTEN = "127.0.0.1:0"
_FAREWELL = 0.5
_ENDING = (signal.SIGINT, signal.SIGTERM)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_source_arguments(parser)
    parser.add_argument(
        "--ready-timeout",
        type=duration,
        default=30.0,
        metavar="30s",
        help="how long to wait for credentials before the command is given up",
    )
    parser.add_argument("command", nargs=argparse.REMAINDER, metavar="-- CMD", help="the command and its arguments")


def run(arguments: argparse.Namespace) -> int:
    command = arguments.command[1:] if arguments.command[:1] == ["--"] else arguments.command
    if not command:
        sys.stderr.write("outrider exec: a command is wanted: outrider exec -c FILE -- CMD…\n")
        return 2
    wrong = wrong_source(arguments, "exec")
    if wrong is not None:
        return wrong
    forbid_core_dumps()
    try:
        loaded = _on_a_free_port(load_source(arguments, {}, os.environ))
    except ConfigInvalid as invalid:
        sys.stderr.write(f"{invalid}\n")
        return 78
    log = loaded.config.log
    # The terminal is the command's: what goes well needs no line, unless it was asked for.
    level = os.environ.get("OUTRIDER_LOG_LEVEL") or (log.level if "level" in log.model_fields_set else "warning")
    configure(level, log.format)
    try:
        spare_the_collector()
        with asyncio.Runner(loop_factory=loop_factory()) as runner:
            return runner.run(_beside(loaded, command, arguments.ready_timeout))
    except (StartFailed, CannotRun) as failure:
        sys.stderr.write(f"outrider exec: {failure}\n")
        return failure.exit_code if isinstance(failure, StartFailed) else failure.status


def _on_a_free_port(loaded: LoadedConfig) -> LoadedConfig:
    """Whatever the file says about listeners: the command must neither meet another daemon nor administer this one."""
    config = loaded.config
    admin = config.admin.model_copy(update={"listen": "off"})
    return replace(loaded, config=config.model_copy(update={"listen": _LISTEN, "admin": admin}))


async def _beside(loaded: LoadedConfig, command: list[str], patience: float) -> int:
    # A service manager waits for the command, not for what runs beside it.
    daemon = Daemon(loaded, {name: value for name, value in os.environ.items() if name != "NOTIFY_SOCKET"})
    log_uncaught(asyncio.get_running_loop())
    try:
        await _ready(daemon, patience)
        try:
            urls = url_variables(loaded.config, daemon.addresses[0])
        except ValueError as error:
            raise StartFailed(str(error), 78) from None
        status = await run_child(command, child_environment(loaded.config, os.environ, urls))
        await daemon.drain(_FAREWELL)
        return status
    finally:
        await daemon.close()


async def _ready(daemon: Daemon, patience: float) -> None:
    """Started, with the credentials that it wants. Raises StartFailed, also when that takes longer than `patience`,
    and CannotRun for a signal: whatever was begun, a command for a credential among it, ends before this process does.
    """
    loop = asyncio.get_running_loop()
    starting, signalled = asyncio.create_task(_start(daemon)), asyncio.Queue[signal.Signals]()
    waiting = asyncio.create_task(signalled.get())
    for number in _ENDING:
        loop.add_signal_handler(number, signalled.put_nowait, number)
    try:
        await asyncio.wait((starting, waiting), timeout=patience, return_when=asyncio.FIRST_COMPLETED)
        if waiting.done():
            number = waiting.result()
            raise CannotRun(f"ended by {number.name} before the command was run", 128 + number)
        if not starting.done():
            # Asked before it is given up, when they are forgotten.
            raise StartFailed(f"not ready after {patience:g} s: {'; '.join(daemon.reasons)}")
        starting.result()
    finally:
        for number in _ENDING:
            loop.remove_signal_handler(number)
        waiting.cancel()
        starting.cancel()
        await asyncio.wait((starting, waiting))


async def _start(daemon: Daemon) -> None:
    await daemon.start()
    await daemon.ready()
