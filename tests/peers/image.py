"""The Dockerfile, really built: buildah in a chroot, on a small Debian that stands in for the official Python image.

Needs root, buildah and mmdebstrap. What must not live here: what the image is tested for.
"""

import os
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

__all__ = ["BASE", "Image", "built_image", "image_missing"]

ROOT = Path(__file__).resolve().parent.parent.parent
BASE = "docker.io/library/python:3.13-slim"
_AUTHORITIES = "/etc/ssl/certs/ca-certificates.crt"
_PACKAGES = "python3,python3-venv,python3-pip,ca-certificates"


def image_missing() -> str | None:
    """Why no image can be built here; None when it can."""
    missing = [program for program in ("buildah", "mmdebstrap") if shutil.which(program) is None]
    if missing:
        return f"{' and '.join(missing)} not installed"
    return None if os.geteuid() == 0 else "building an image in a chroot needs root"


class Image:
    """`name` in a storage of its own below `storage`."""

    def __init__(self, name: str, storage: Path) -> None:
        self.name = name
        self._buildah = ["buildah", "--root", str(storage / "root"), "--runroot", str(storage / "run")]

    def buildah(self, *arguments: str, timeout: float = 300) -> str:
        """Raises AssertionError with what it printed when it fails."""
        command = [*self._buildah, *arguments]
        done = subprocess.run(command, capture_output=True, text=True, timeout=timeout, check=False, cwd=ROOT)
        assert done.returncode == 0, f"{' '.join(arguments)}: {done.stdout}{done.stderr}"
        return done.stdout

    @contextmanager
    def container(self) -> Iterator[str]:
        name = self.buildah("from", self.name).strip()
        try:
            yield name
        finally:
            self.buildah("rm", name)

    def command(self, container: str, arguments: Sequence[str], *options: str) -> list[str]:
        """What runs `arguments` in the container, on this machine's network, with no capability."""
        return [
            *self._buildah,
            "run",
            "--isolation",
            "chroot",
            "--cap-drop",
            "all",
            *options,
            container,
            "--",
            *arguments,
        ]

    def run(self, container: str, *arguments: str, options: Sequence[str] = ()) -> subprocess.CompletedProcess[str]:
        command = self.command(container, arguments, *options)
        return subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)

    def size(self, name: str) -> int:
        """In bytes."""
        return int(self.buildah("inspect", "--type", "image", "--format", "{{.Docker.Size}}", name) or 0)


@contextmanager
def built_image(storage: Path) -> Iterator[Image]:
    image = Image("localhost/outrider", storage)
    tree = storage / "base.tar"
    subprocess.run(
        ["mmdebstrap", "--quiet", "--variant=minbase", f"--include={_PACKAGES}", _suite(), str(tree)],
        check=True,
        timeout=600,
    )
    try:
        container = image.buildah("from", "scratch").strip()
        image.buildah("add", "--quiet", container, str(tree), "/")
        image.buildah("commit", "--quiet", container, BASE)
        image.buildah("rm", container)
        tree.unlink()
        image.buildah("build", *_options(storage), "--tag", image.name, ".", timeout=900)
        yield image
    finally:
        subprocess.run([*image._buildah, "rmi", "--all", "--force"], capture_output=True, check=False, timeout=120)
        shutil.rmtree(storage, ignore_errors=True)


def _suite() -> str:
    """The Debian release of this machine."""
    facts = dict(line.split("=", 1) for line in Path("/etc/os-release").read_text().splitlines() if "=" in line)
    return facts.get("VERSION_CODENAME", "stable").strip('"')


def _options(storage: Path) -> list[str]:
    """The build reaches packages by the ways of this machine: its pip settings, its authorities, its folders."""
    settings = _pip_settings()
    configuration = storage / "pip.conf"
    configuration.write_text("[global]\n" + "".join(f"{key} = {value}\n" for key, value in settings.items()))
    shared = {str(configuration): "/etc/pip.conf"}
    if Path(_AUTHORITIES).exists():
        shared[_AUTHORITIES] = _AUTHORITIES
    for value in settings.values():
        for word in value.split():
            folder = Path(word.removeprefix("file://"))
            if folder.is_absolute() and folder.is_dir():
                top = Path(*folder.parts[:3])
                shared[str(top)] = str(top)
    options = ["--isolation", "chroot", "--format", "docker", "--network", "host", "--timestamp", "0"]
    for source, target in shared.items():
        options += ["--volume", f"{source}:{target}:ro"]
    return options


def _pip_settings() -> dict[str, str]:
    listed = subprocess.run(["pip", "config", "list"], capture_output=True, text=True, check=False).stdout
    settings = {}
    for line in listed.splitlines():
        key, _, value = line.partition("=")
        name = key.rpartition(".")[2]
        if name in ("cert", "index-url", "extra-index-url", "find-links", "timeout", "trusted-host", "proxy"):
            settings[name] = value.strip("'\"").replace("\\n", " ")
    return settings
