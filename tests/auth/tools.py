"""A clock that tests move, small Python programs as commands, and profiles from their written form."""

import sys
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter

from proxy.auth import CredentialSource, Means, SecretReader, build_source, open_secret
from proxy.config.auth_model import AuthProfile, SecretRef
from proxy.errors import CredentialUnavailable, SessionExpired
from proxy.message.call import Call, Reply

_REFERENCE: TypeAdapter[Any] = TypeAdapter(SecretRef)
_PROFILE: TypeAdapter[Any] = TypeAdapter(AuthProfile)

Open = Callable[..., CredentialSource]
"""`open_(options, store)` builds a source; a fixture."""


class FakeClock:
    def __init__(self, now: float = 1000.0) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now


def python(code: str) -> list[str]:
    return [sys.executable, "-I", "-c", code]


def counted(runs: Path, code: str) -> list[str]:
    """A command that adds a line to `runs` each time; `code` knows how many there are as `n`."""
    count = f"f = open({str(runs)!r}, 'a+'); f.write('run\\n'); f.flush(); f.seek(0); n = len(f.readlines())"
    return python(f"import sys, os, time\n{count}\n{code}")


def runs_of(runs: Path) -> int:
    return len(runs.read_text().splitlines()) if runs.exists() else 0


def write_secret(path: Path, text: str) -> Path:
    """Written beside and renamed into place, as rotation does it."""
    beside = path.with_name(path.name + ".new")
    beside.write_bytes(text.encode())
    beside.chmod(0o600)
    beside.rename(path)
    return path


def reader(written: object, base: Path, clock: FakeClock, **environ: str) -> SecretReader:
    return open_secret(reference(written), base, environ, clock)


def reference(written: object) -> SecretRef:
    parsed: SecretRef = _REFERENCE.validate_python(written)
    return parsed


def profile(**written: object) -> AuthProfile:
    parsed: AuthProfile = _PROFILE.validate_python(written)
    return parsed


async def no_fetch(call: Call, ready: Callable[[], Awaitable[None]] | None = None) -> Reply:
    raise AssertionError("nothing here may be called")


def means(base: Path, clock: FakeClock, environ: Mapping[str, str] | None = None, **more: Any) -> Means:
    """Renewals in the middle of their spread, wall time that stands at zero, and no network unless it is given."""
    given: dict[str, Any] = {"fetch": no_fetch, "wall": FakeClock(0.0), "spread": lambda: 0.5} | more
    return Means(base, environ or {}, clock=clock, **given)


def source(
    base: Path, clock: FakeClock, environ: Mapping[str, str] | None = None, /, **written: object
) -> CredentialSource:
    built = build_source("p", profile(**written), means(base, clock, environ))
    assert built is not None
    return built


async def refuses(source: CredentialSource) -> CredentialUnavailable | SessionExpired:
    """Why there is no credential."""
    try:
        await source.current()
    except (CredentialUnavailable, SessionExpired) as error:
        return error
    raise AssertionError("there was a credential")
