"""The Dockerfile, really built: buildah in a chroot, on a small Debian that stands in for the official Python image.

Needs root, buildah and mmdebstrap. What must not live here: what the image is tested for.
"""

import json
import os
import re
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from tests.peers.debian import bare_debian, release, ways_to_packages

__all__ = ["BASE", "Image", "built_image", "image_missing"]

ROOT = Path(__file__).resolve().parent.parent.parent
BASE = "docker.io/library/python:3.13-slim"
_PACKAGES = ("python3", "python3-venv", "python3-pip", "ca-certificates")


def image_missing() -> str | None:
    """Why no image can be built here; None when it can."""
    missing = [program for program in ("buildah", "mmdebstrap") if shutil.which(program) is None]
    if missing:
        return f"{' and '.join(missing)} not installed"
    return None if os.geteuid() == 0 else "building an image in a chroot needs root"


class Image:
    """`name` in a storage of its own, `storage`."""

    def __init__(self, name: str, storage: Path) -> None:
        self.name = name
        self.storage = storage
        self._buildah = ["buildah", "--root", str(storage / "root"), "--runroot", str(storage / "run")]

    def buildah(self, *arguments: str, timeout: float = 300, folder: Path = ROOT) -> str:
        """Raises AssertionError with what it printed when it fails."""
        command = [*self._buildah, *arguments]
        done = subprocess.run(command, capture_output=True, text=True, timeout=timeout, check=False, cwd=folder)
        assert done.returncode == 0, f"{' '.join(arguments)}: {done.stdout}{done.stderr}"
        return done.stdout

    def build(self, *options: str, folder: Path = ROOT) -> None:
        """By the words of the README, which name the image and say from where it is built, said in `folder`."""
        command = re.search("^docker build (.*)$", (ROOT / "README.md").read_text(encoding="utf-8"), re.MULTILINE)
        assert command, "the README does not say how an image is built"
        ways = ways_to_packages(self.storage)
        volumes = [word for source, target in ways.items() for word in ("--volume", f"{source}:{target}:ro")]
        fixed = ["--isolation", "chroot", "--format", "docker", "--network", "host", "--timestamp", "0", *volumes]
        self.buildah("build", *fixed, *options, *command[1].split(), timeout=900, folder=folder)

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

    def layers(self) -> list[str]:
        """The digests of their contents, from the lowest up."""
        form = "{{range .OCIv1.RootFS.DiffIDs}}{{.}} {{end}}"
        return self.buildah("inspect", "--type", "image", "--format", form, self.name).split()

    def size(self, name: str) -> int:
        """In bytes, of its layers as they are stored: not compressed."""
        manifest = json.loads(self.buildah("inspect", "--type", "image", "--format", "{{.Manifest}}", name))
        return sum(int(layer["size"]) for layer in manifest["layers"])


@contextmanager
def built_image(storage: Path) -> Iterator[Image]:
    image = Image("localhost/outrider", storage)
    try:
        container = image.buildah("from", "scratch").strip()
        image.buildah("add", "--quiet", container, str(bare_debian("minbase", _PACKAGES, release())), "/")
        image.buildah("commit", "--quiet", container, BASE)
        image.buildah("rm", container)
        image.build()
        yield image
    finally:
        subprocess.run([*image._buildah, "rmi", "--all", "--force"], capture_output=True, check=False, timeout=120)
        shutil.rmtree(storage, ignore_errors=True)
