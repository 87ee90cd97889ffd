"""The real kustomize, as it comes with kubectl: what `kubectl apply --kustomize FOLDER` would send to a cluster."""

import functools
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import yaml

__all__ = ["kustomize_missing", "kustomized"]

_COMPONENTS_SINCE = (3, 7)


@functools.cache
def kustomize_missing() -> str | None:
    """Why it cannot be run here; None where it can."""
    if shutil.which("kubectl") is None:
        return "kubectl is not installed"
    said = subprocess.run(["kubectl", "version", "--client"], capture_output=True, text=True, timeout=60, check=False)
    version = re.search(r"Kustomize Version: v(\d+)\.(\d+)", said.stdout)
    if version is None or (int(version[1]), int(version[2])) < _COMPONENTS_SINCE:
        return "kubectl is too old for components of kustomize"
    return None


def kustomized(folder: Path) -> list[dict[str, Any]]:
    """The objects of the kustomization in `folder`."""
    done = subprocess.run(
        ["kubectl", "kustomize", str(folder)], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    return list(yaml.safe_load_all(done.stdout))
