"""Who takes part: what each contestant is called, whether it is here, and the command that starts it.

What must not live here: running and measuring them.
"""

import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from tests.benchmark import settings_files
from tests.ports import free_port

__all__ = [
    "CONTESTANTS",
    "GO",
    "OUTRIDER_OFF",
    "OUTRIDER_ON",
    "OUTRIDER_POLICIES",
    "USUAL",
    "Contestant",
    "Launch",
    "Place",
]

OUTRIDER_OFF = "outrider-off"
OUTRIDER_ON = "outrider-on"
OUTRIDER_POLICIES = "outrider-policies"
USUAL = "usual"
GO = "go"

_HERE = Path(__file__).resolve().parent
_CHECKOUT = _HERE.parents[1]
_GO_BUILD_SECONDS = 120


@dataclass(frozen=True, slots=True)
class Place:
    """Where one start happens: its folder for files, the port it listens on, the port of its upstream."""

    folder: Path
    port: int
    upstream: int

    @property
    def common(self) -> Path:
        """The folder of what is made once for all starts."""
        return self.folder.parent

    @property
    def upstream_url(self) -> str:
        return f"http://127.0.0.1:{self.upstream}"

    def write(self, name: str, text: str) -> str:
        path = self.folder / name
        path.write_text(text)
        path.chmod(0o600)
        return str(path)


@dataclass(frozen=True, slots=True)
class Launch:
    """The command that starts a contestant, and what it needs in its environment."""

    command: list[str]
    environment: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Contestant:
    """One proxy. `program` is the executable that must be installed; `prefix` stands before every path asked for."""

    name: str
    title: str
    program: str | None
    launch: Callable[[Place], Launch]
    prefix: str = ""

    @property
    def installed(self) -> bool:
        return self.program is None or shutil.which(self.program) is not None


def _python(place: Place, *arguments: str) -> Launch:
    # An installed program starts from compiled bytecode. A checkout may not have any, and gets none by being measured.
    bytecode = {"PYTHONDONTWRITEBYTECODE": "", "PYTHONPYCACHEPREFIX": str(place.common / "bytecode")}
    return Launch([sys.executable, *arguments], {**bytecode, "PYTHONPATH": str(_CHECKOUT)})


def _outrider_off(place: Place) -> Launch:
    text = settings_files.outrider_off(place.port, place.upstream)
    return _python(place, "-m", "proxy", "run", "-c", place.write("outrider.yaml", text))


def _outrider_on(place: Place) -> Launch:
    return _outrider(place, "")


def _outrider_policies(place: Place) -> Launch:
    return _outrider(place, settings_files.POLICIES)


def _outrider(place: Place, policies: str) -> Launch:
    token = place.write("token", "benchmark-token\n")
    text = settings_files.outrider(place.port, free_port(), place.upstream, token, policies)
    return _python(place, "-m", "proxy", "run", "-c", place.write("outrider.yaml", text))


def _usual(place: Place) -> Launch:
    return _python(place, str(_HERE / "usual_proxy.py"), str(place.port), place.upstream_url)


def _go(place: Place) -> Launch:
    program = place.common / "reverse_proxy"
    if not program.exists():
        environment = {"GO111MODULE": "off", "GOTOOLCHAIN": "local", "CGO_ENABLED": "0"}
        _build([_program("go"), "build", "-o", str(program), str(_HERE / "reverse_proxy.go")], environment)
    return Launch([str(program), f"127.0.0.1:{place.port}", place.upstream_url], {"GOMAXPROCS": "1"})


def _build(command: list[str], environment: Mapping[str, str]) -> None:
    assignments = [f"{name}={value}" for name, value in environment.items()]
    built = subprocess.run(
        ["env", *assignments, *command], capture_output=True, text=True, timeout=_GO_BUILD_SECONDS, check=False
    )
    if built.returncode:
        raise RuntimeError(f"the build failed: {built.stderr.strip()[-200:]}")


def _nginx(place: Place) -> Launch:
    text = settings_files.nginx_proxy(str(place.folder), place.port, place.upstream)
    return Launch([_program("nginx"), "-p", str(place.folder), "-c", place.write("nginx.conf", text)])


def _haproxy(place: Place) -> Launch:
    text = settings_files.haproxy(place.port, place.upstream)
    return Launch([_program("haproxy"), "-db", "-q", "-f", place.write("haproxy.cfg", text)])


def _caddy(place: Place) -> Launch:
    path = place.write("Caddyfile", settings_files.caddy(place.port, place.upstream))
    home = str(place.folder)
    environment = {"GOMAXPROCS": "1", "HOME": home, "XDG_DATA_HOME": home, "XDG_CONFIG_HOME": home}
    return Launch([_program("caddy"), "run", "--config", path, "--adapter", "caddyfile"], environment)


def _mitmproxy(place: Place) -> Launch:
    listen = ["--listen-host", "127.0.0.1", "--listen-port", str(place.port)]
    options = [
        "--set",
        "stream_large_bodies=1m",
        "--set",
        f"confdir={place.folder}",
        "--set",
        "termlog_verbosity=error",
    ]
    credential = ["--modify-headers", "/~q/Authorization/Bearer benchmark-token"]
    mode = ["--mode", f"reverse:{place.upstream_url}", "--quiet"]
    return Launch([_program("mitmdump"), *mode, *listen, *options, *credential])


def _program(name: str) -> str:
    path = shutil.which(name)
    if path is None:
        raise FileNotFoundError(f"{name} is not installed")
    return path


CONTESTANTS = (
    Contestant(OUTRIDER_OFF, "Outrider, everything off", None, _outrider_off),
    Contestant(OUTRIDER_ON, "Outrider, everything on", None, _outrider_on, prefix="/api"),
    Contestant(OUTRIDER_POLICIES, "Outrider, every policy too", None, _outrider_policies, prefix="/api"),
    Contestant(USUAL, "the usual aiohttp proxy", None, _usual),
    Contestant(GO, "Go httputil.ReverseProxy", "go", _go),
    Contestant("nginx", "nginx", "nginx", _nginx),
    Contestant("haproxy", "HAProxy", "haproxy", _haproxy),
    Contestant("caddy", "Caddy", "caddy", _caddy),
    Contestant("mitmproxy", "mitmproxy", "mitmdump", _mitmproxy),
)
"""In the order of the table, which is also the order inside a round."""
