"""Which file is the configuration, and its text.

Light, because a health check asks every few seconds. What must not live here: what a file means
(`proxy.config.document`, `proxy.config.load`).
"""

from collections.abc import Mapping
from pathlib import Path

from proxy.config.problem import ConfigInvalid, Problem

__all__ = ["FALLBACKS", "VARIABLE", "find_config", "first_config", "read_config"]

VARIABLE = "OUTRIDER_CONFIG"
FALLBACKS = (Path("outrider.yaml"), Path("/etc/outrider/outrider.yaml"))
"""Where a configuration is looked for when nothing names one."""

_LARGEST = 2**20


def first_config(flag: str | None, environ: Mapping[str, str]) -> Path | None:
    """The flag, the environment, or the first fallback that exists."""
    named = flag or environ.get(VARIABLE)
    if named:
        return Path(named)
    return next((path for path in FALLBACKS if path.is_file()), None)


def find_config(flag: str | None, environ: Mapping[str, str]) -> Path:
    """As `first_config`. Raises ConfigInvalid when there is none."""
    path = first_config(flag, environ)
    if path is not None:
        return path
    hint = f"write one, or name it with --config FILE or ${VARIABLE}; --upstream URL runs without"
    raise ConfigInvalid(
        [Problem("configuration", 0, 0, f"there is no {FALLBACKS[0]} here and no {FALLBACKS[1]}", hint)]
    )


def read_config(path: Path) -> str:
    def unreadable(message: str, hint: str) -> ConfigInvalid:
        return ConfigInvalid([Problem(str(path), 0, 0, message, hint)])

    try:
        with path.open("rb") as file:
            content = file.read(_LARGEST + 1)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else "not a path"
        raise unreadable(f"the file cannot be read: {reason}", "name a file that can be read") from None
    if len(content) > _LARGEST:
        raise unreadable("the file is too large", "1 MiB is the most for a configuration")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        column = error.start - content.rfind(b"\n", 0, error.start)
        raise ConfigInvalid(
            [Problem(str(path), line, column, "a byte that is not UTF-8", "save the file as UTF-8")]
        ) from None
