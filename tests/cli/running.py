"""Running `outrider` as users do: as a process, with an environment of its own."""

import os
import subprocess
import sys
from pathlib import Path

__all__ = ["command", "environment", "outrider"]


def environment(**variables: str) -> dict[str, str]:
    """This process's environment without Outrider's own variables, and with these."""
    return {name: value for name, value in os.environ.items() if not name.startswith("OUTRIDER_")} | variables


def command(*words: str) -> list[str]:
    return [sys.executable, "-m", "proxy", *words]


def outrider(*words: str, cwd: Path | None = None, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run to the end. The package is found from this checkout even in another folder."""
    root = str(Path(__file__).resolve().parents[2])
    variables.setdefault("PYTHONPATH", root)
    return subprocess.run(
        command(*words), capture_output=True, text=True, timeout=60, cwd=cwd, env=environment(**variables), check=False
    )
