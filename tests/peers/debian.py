"""Bare Debian systems to build and boot on, and how what is inside reaches Python packages.

A system is made once and kept in the cache folder; a run that was cut while it made one leaves no half of it. What must
not live here: what is done with them.
"""

import fcntl
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

__all__ = ["bare_debian", "release", "ways_to_packages"]

_AUTHORITIES = "/etc/ssl/certs/ca-certificates.crt"
_OF_PIP = ("cert", "index-url", "extra-index-url", "find-links", "timeout", "trusted-host", "proxy")


def bare_debian(variant: str, packages: Sequence[str], suite: str) -> Path:
    """A tar archive of it, which belongs to all runs of this machine. Needs root and mmdebstrap."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "outrider-tests"
    cache.mkdir(parents=True, exist_ok=True)
    made = cache / f"{suite}-{variant}-{'-'.join(packages)}.tar"
    with made.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not made.exists():
            part = made.with_suffix(".part.tar")
            command = ["mmdebstrap", "--quiet", f"--variant={variant}", f"--include={','.join(packages)}", suite]
            subprocess.run([*command, str(part)], check=True, timeout=600)
            part.rename(made)
    return made


def release() -> str:
    """That of this machine."""
    facts = dict(line.split("=", 1) for line in Path("/etc/os-release").read_text().splitlines() if "=" in line)
    return facts.get("VERSION_CODENAME", "stable").strip('"')


def ways_to_packages(folder: Path) -> dict[str, str]:
    """What is to be mounted, and where, so that pip inside goes where pip outside does; `folder` takes a file."""
    settings = _pip_settings()
    configuration = folder / "pip.conf"
    configuration.write_text("[global]\n" + "".join(f"{key} = {value}\n" for key, value in settings.items()))
    ways = {str(configuration): "/etc/pip.conf"}
    if Path(_AUTHORITIES).exists():
        ways[_AUTHORITIES] = _AUTHORITIES
    for value in settings.values():
        for word in value.split():
            place = Path(word.removeprefix("file://"))
            if place.is_absolute() and place.is_dir():
                top = str(Path(*place.parts[:3]))
                ways[top] = top
    return ways


def _pip_settings() -> dict[str, str]:
    command = [sys.executable, "-m", "pip", "config", "list"]
    listed = subprocess.run(command, capture_output=True, text=True, check=False).stdout
    settings = {}
    for line in listed.splitlines():
        key, _, value = line.partition("=")
        name = key.rpartition(".")[2]
        if name in _OF_PIP:
            settings[name] = value.strip("'\"").replace("\\n", " ")
    return settings
