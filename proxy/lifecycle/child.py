"""A command beside the daemon: its environment, the signals that reach it, and the status that it ends with.

What must not live here: the daemon.
"""

import asyncio
import os
import re
import signal
import sys
from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from proxy.config.model import Config
from proxy.config.secret_model import EnvSecret

__all__ = ["CannotRun", "child_environment", "run_child", "url_variables"]

_PASSED = (signal.SIGTERM, signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2, signal.SIGCONT, signal.SIGWINCH)
_FROM_TERMINAL = (signal.SIGINT, signal.SIGQUIT)


class CannotRun(Exception):
    """The command could not be started. `status` is what a shell would end with."""

    def __init__(self, message: str, status: int) -> None:
        super().__init__(message)
        self.status = status


def url_variables(config: Config, base: str) -> dict[str, str]:
    """`OUTRIDER_URL` and one variable for each upstream. Raises ValueError where two upstreams have the same one.

    `base` is the daemon's own address. An upstream that is met by a host name is called by that name.
    """
    port = base.rpartition(":")[2]
    found = {"OUTRIDER_URL": base}
    owner: dict[str, str] = {}
    for name, upstream in config.upstreams.items():
        variable = "OUTRIDER_URL_" + re.sub(r"[^A-Z0-9]", "_", name.upper())
        if variable in owner:
            raise ValueError(f"upstreams {owner[variable]} and {name} would both be {variable}; rename one of them")
        owner[variable] = name
        origin = f"http://{upstream.match.host}:{port}" if upstream.match.host else base
        found[variable] = origin + (upstream.match.prefix or "").rstrip("/")
    return found


def child_environment(config: Config, environ: Mapping[str, str], urls: Mapping[str, str]) -> dict[str, str]:
    """The environment without the variables that hold the configuration's secrets, and with `urls`."""
    secret = set(_secret_variables(config))
    return {name: value for name, value in environ.items() if name not in secret} | dict(urls)


def _secret_variables(value: Any) -> Iterable[str]:
    if isinstance(value, EnvSecret):
        yield value.env
    elif isinstance(value, BaseModel):
        for name in type(value).model_fields:
            yield from _secret_variables(getattr(value, name))
    elif isinstance(value, dict):
        for item in value.values():
            yield from _secret_variables(item)
    elif isinstance(value, list | tuple):
        for item in value:
            yield from _secret_variables(item)


async def run_child(command: Sequence[str], environment: Mapping[str, str]) -> int:
    """Run `command` to its end, with the signals that come meanwhile; its status as shells tell it."""
    loop = asyncio.get_running_loop()
    try:
        child = await asyncio.create_subprocess_exec(*command, env=environment)
    except FileNotFoundError:
        raise _not_found(command[0]) from None
    except OSError as error:
        raise CannotRun(f"{command[0]}: {(error.strerror or 'cannot be run').lower()}", 126) from None

    def pass_on(number: signal.Signals) -> None:
        if child.returncode is None:
            child.send_signal(number)

    for number in _PASSED:
        loop.add_signal_handler(number, pass_on, number)
    terminal = _has_terminal()
    for number in _FROM_TERMINAL:
        # A terminal sends these to the command too; sent a second time they would mean something else.
        loop.add_signal_handler(number, _ignore if terminal else partial(pass_on, number))
    try:
        status = await child.wait()
    finally:
        for number in (*_PASSED, *_FROM_TERMINAL):
            loop.remove_signal_handler(number)
    return status if status >= 0 else 128 - status


def _not_found(command: str) -> CannotRun:
    if "/" in command and Path(command).exists():
        return CannotRun(f"{command}: the interpreter that it names is not found", 126)
    return CannotRun(f"{command}: command not found", 127)


def _ignore() -> None:
    return


def _has_terminal() -> bool:
    """Whether a terminal's keys reach this process's group."""
    try:
        return os.tcgetpgrp(sys.__stdin__.fileno()) == os.getpgrp() if sys.__stdin__ is not None else False
    except (OSError, ValueError):
        return False
