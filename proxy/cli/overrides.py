"""Settings that a flag or the environment puts in the place of the file's.

They obey the file's rules: what could not be written into the file cannot be given from outside either. What must not
live here: the rules themselves (`proxy.config`), and how a daemon is run.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from proxy.config.load import LoadedConfig, load_text
from proxy.config.model import Config
from proxy.config.problem import ConfigInvalid, Problem

__all__ = ["VARIABLES", "Override", "apply_overrides", "choose_overrides"]

VARIABLES = {
    "listen": "OUTRIDER_LISTEN",
    "admin": "OUTRIDER_ADMIN_LISTEN",
    "log.level": "OUTRIDER_LOG_LEVEL",
    "log.format": "OUTRIDER_LOG_FORMAT",
}
"""Environment variables by what they set."""


@dataclass(frozen=True, slots=True)
class Override:
    """A value, and the name of the flag or the variable that it came from."""

    source: str
    value: str

    @property
    def addresses(self) -> str | list[str]:
        """One address, or several between commas."""
        parts = [part.strip() for part in self.value.split(",")]
        return parts if len(parts) > 1 else parts[0]


def choose_overrides(flags: Mapping[str, str | None], environ: Mapping[str, str]) -> dict[str, Override]:
    """What was given, by what it sets; a flag wins over the environment, and an empty variable says nothing."""
    chosen: dict[str, Override] = {}
    for key, variable in VARIABLES.items():
        if (flag := flags.get(key)) is not None:
            chosen[key] = Override(f"--{key}", flag)
        elif environ.get(variable):
            chosen[key] = Override(variable, environ[variable])
    return chosen


def apply_overrides(loaded: LoadedConfig, given: Mapping[str, Override]) -> LoadedConfig:
    """The same configuration with these settings. Raises ConfigInvalid, which names their sources."""
    if not given:
        return loaded
    config = loaded.config
    try:
        checked = load_text(json.dumps(_stand_in(config, given)), "overrides", {}, loaded.base).config
    except ConfigInvalid as invalid:
        raise ConfigInvalid(_blame(problem, given) for problem in invalid.problems) from None
    update = {
        "listen": checked.listen,
        "admin": config.admin.model_copy(update={"listen": checked.admin.listen}),
        "log": checked.log,
    }
    return replace(loaded, config=config.model_copy(update=update))


def _stand_in(config: Config, given: Mapping[str, Override]) -> dict[str, Any]:
    """A configuration that the rules of these settings cannot tell from the real one; its secrets are placeholders."""
    admin: dict[str, Any] = {"listen": given["admin"].addresses if "admin" in given else config.admin.listen}
    if config.admin.token is not None:
        admin["token"] = "placeholder"
    log = {name: given[f"log.{name}"].value for name in ("level", "format") if f"log.{name}" in given}
    return {
        "listen": given["listen"].addresses if "listen" in given else config.listen,
        "admin": admin,
        "access": {
            "allow_remote": config.access.allow_remote,
            "callers": {name: {"token": f"placeholder of {name}"} for name in config.access.callers},
        },
        "log": config.log.model_dump(mode="json") | log,
        "upstreams": {"placeholder": {"url": "http://localhost"}},
    }


def _blame(problem: Problem, given: Mapping[str, Override]) -> Problem:
    option, colon, message = problem.message.partition(": ")
    for key, override in given.items():
        if colon and option.startswith(key):
            return replace(problem, file=override.source, line=0, column=0, message=message)
    sources = ", ".join(override.source for override in given.values())
    return replace(problem, file=sources, line=0, column=0)
