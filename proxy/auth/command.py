"""Running a command for what it prints: no shell, a deadline, a cap, and no process left over when it is given up.

What must not live here: what the output means.
"""

import asyncio
import contextlib
import os
import signal
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from proxy.auth.secret_rules import SecretUnavailable

__all__ = ["OUTPUT_CAP", "Command", "run"]

OUTPUT_CAP = 64 * 1024
"""Bytes of standard output past which a command is killed."""

_SAID_CHARACTERS = 200
_REAP_TIMEOUT = 5.0


@dataclass(frozen=True, slots=True)
class Command:
    """`argv` is run in `folder` with `environ` and nothing else; `timeout` is in seconds. `given` is its standard
    input."""

    argv: Sequence[str]
    folder: Path
    environ: Mapping[str, str]
    timeout: float
    given: bytes = b""

    @property
    def name(self) -> str:
        """The program alone: arguments may hold what should not be printed."""
        return f"command {self.argv[0]!r}"


async def run(command: Command) -> bytes:
    """Standard output of a command that exited with 0; raises SecretUnavailable."""
    process = await _spawn(command)
    finished = False
    try:
        async with asyncio.timeout(command.timeout):
            output, said, status, _ = await asyncio.gather(
                _output(process), _said(process), process.wait(), _give(process, command.given)
            )
        finished = True
    except TimeoutError:
        raise SecretUnavailable(f"{command.name} took longer than {command.timeout:g} s") from None
    finally:
        if not finished:
            await _end(process)
    if output is None:
        raise SecretUnavailable(f"{command.name} printed more than {OUTPUT_CAP} bytes")
    if status < 0:
        raise SecretUnavailable(f"{command.name} was ended by signal {-status}", said=said)
    if status:
        raise SecretUnavailable(f"{command.name} exited with {status}", said=said)
    return output


async def _spawn(command: Command) -> Process:
    try:
        return await asyncio.create_subprocess_exec(
            *command.argv,
            stdin=PIPE if command.given else DEVNULL,
            stdout=PIPE,
            stderr=PIPE,
            cwd=command.folder,
            env=dict(command.environ),
            start_new_session=True,
        )
    except OSError as error:
        raise SecretUnavailable(f"{command.name} cannot be started: {error.strerror or 'refused'}") from None
    except ValueError:
        raise SecretUnavailable(f"{command.name} cannot be started: it has a NUL in it") from None


async def _give(process: Process, given: bytes) -> None:
    """All of it, or as much as the command reads."""
    if process.stdin is not None:
        with contextlib.suppress(ConnectionError):
            process.stdin.write(given)
            await process.stdin.drain()
        process.stdin.close()


async def _output(process: Process) -> bytes | None:
    """All of it, or None when it is past the cap; then the process is killed, so that its status comes."""
    assert process.stdout is not None
    output = bytearray()
    while piece := await process.stdout.read(OUTPUT_CAP):
        output += piece
        if len(output) > OUTPUT_CAP:
            _kill(process)
            return None
    return bytes(output)


async def _said(process: Process) -> str:
    """The beginning of standard error as one printable line; the rest is drained."""
    assert process.stderr is not None
    kept = b""
    while piece := await process.stderr.read(OUTPUT_CAP):
        kept = (kept + piece)[: 4 * _SAID_CHARACTERS]
    line = " ".join(kept.decode(errors="replace").split())
    return "".join(character for character in line if character.isprintable())[:_SAID_CHARACTERS]


def _kill(process: Process) -> None:
    # The group and not the process alone: a child that was left behind holds the pipe open and would outlive us.
    # (macOS answers "not permitted" for a group whose members have all ended.)
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)


async def _end(process: Process) -> None:
    """Leave nothing of the group, also when the caller was cancelled; a process that cannot die is not waited for."""
    _kill(process)
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(process.wait(), _REAP_TIMEOUT)
