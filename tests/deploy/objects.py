"""The objects for Kubernetes as they stand in `deploy/kubernetes`, and what the strict schema says of them."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import yaml

__all__ = ["FOLDER", "read", "validate"]

FOLDER = Path(__file__).resolve().parent.parent.parent / "deploy" / "kubernetes"


def read(name: str) -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load((FOLDER / name).read_text())
    return found


def validate(*paths: Path) -> str:
    """What is wrong with the objects in these files."""
    command = [str(Path(sys.executable).with_name("kubernetes-validate")), "--strict", *map(str, paths)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    return "" if done.returncode == 0 else done.stdout + done.stderr
