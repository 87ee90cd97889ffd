"""From a file, or from flags, to a checked configuration: every problem at once, or none.

The way is text, nodes, plain data with places, models, rules between options. What must not live here: reading a
secret's value; any single rule.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from proxy.config import (
    app_checks,
    call_checks,
    cross_checks,
    interceptor_checks,
    listen_checks,
    oauth2_checks,
    retry_checks,
    route_checks,
    session_checks,
    signing_checks,
    tls_checks,
    tracing_checks,
)
from proxy.config.document import Document, KeyPath, parse_document
from proxy.config.find import read_config
from proxy.config.model import Config
from proxy.config.model_errors import file_path, model_problems
from proxy.config.problem import ConfigInvalid, Problem
from proxy.config.redact import redacted

__all__ = [
    "LoadedConfig",
    "config_from_flags",
    "load_file",
    "load_text",
    "redacted",
]

_RULES: tuple[cross_checks.Rule, ...] = (
    cross_checks.unknown_profiles,
    cross_checks.reserved_profile,
    cross_checks.unused_profiles,
    cross_checks.origins_of_users,
    cross_checks.same_match,
    cross_checks.callers_upstreams,
    cross_checks.same_token,
    cross_checks.header_templates,
    tls_checks.tls_files,
    tls_checks.tls_content,
    tls_checks.unverified,
    oauth2_checks.signing_keys,
    oauth2_checks.key_of_login,
    session_checks.forgotten_rotation,
    session_checks.key_without_folder,
    session_checks.open_token_url,
    session_checks.useless_signs,
    signing_checks.hmac_templates,
    signing_checks.open_content,
    app_checks.app_keys,
    call_checks.homeless_paths,
    call_checks.unknown_names,
    call_checks.open_call_urls,
    tracing_checks.tracing_extra,
    tracing_checks.port_of_grpc,
    retry_checks.replay_folders,
    route_checks.named_segments,
    interceptor_checks.interceptor_names,
    interceptor_checks.interceptor_classes,
    listen_checks.same_address,
    listen_checks.without_guard,
)


@dataclass(frozen=True, slots=True)
class LoadedConfig:
    """`path` is None for flags and texts; relative paths in the configuration start at `base`."""

    config: Config
    path: Path | None
    base: Path
    warnings: list[Problem]


def load_file(path: Path, environ: Mapping[str, str]) -> LoadedConfig:
    """Raises ConfigInvalid, also when the file cannot be read."""
    return _load(read_config(path), str(path), environ, path, path.absolute().parent)


def load_text(text: str, name: str, environ: Mapping[str, str], base: Path | None = None) -> LoadedConfig:
    """Raises ConfigInvalid; `name` stands for the file in its problems."""
    return _load(text, name, environ, None, base or Path.cwd())


def config_from_flags(
    upstream_url: str, bearer_env: str | None, listen: str | None, admin: str | None = None
) -> LoadedConfig:
    """The configuration of `outrider run --upstream URL`. Raises ConfigInvalid, which names the flags."""
    data: dict[str, Any] = {"upstreams": {"api": {"url": upstream_url}}}
    if bearer_env is not None:
        data["auth"] = {"token": {"type": "bearer", "token": {"env": bearer_env}}}
        data["upstreams"]["api"]["auth"] = "token"
    if listen is not None:
        data["listen"] = listen
    if admin is not None:
        data["admin"] = {"listen": admin}
    try:
        return _check(Document("flags", data), [], None, Path.cwd())
    except ConfigInvalid as invalid:
        raise ConfigInvalid(_about_flags(problem) for problem in invalid.problems) from None


_FLAGS = {"upstreams": "--upstream", "auth": "--bearer-env", "listen": "--listen", "admin": "--admin"}


def _about_flags(problem: Problem) -> Problem:
    option, colon, message = problem.message.partition(": ")
    flag = _FLAGS.get(option.partition(".")[0]) if colon else None
    return Problem(flag or "flags", 0, 0, message if flag else problem.message, problem.hint)


def _load(text: str, name: str, environ: Mapping[str, str], path: Path | None, base: Path) -> LoadedConfig:
    document, problems = parse_document(text, name, environ)
    return _check(document, problems, path, base)


def _check(document: Document, problems: list[Problem], path: Path | None, base: Path) -> LoadedConfig:
    if document.is_broken(()):
        raise ConfigInvalid(problems)
    config, errors = _validate(document)
    found = [*problems, *model_problems(errors, document), *cross_checks.cross_checks(document, base, _RULES)]
    wrong = [problem for problem in found if problem.severity == "error"]
    if wrong or config is None:
        raise ConfigInvalid(wrong)
    return LoadedConfig(config, path, base, sorted(set(found)))


def _validate(document: Document) -> tuple[Config | None, list[ErrorDetails]]:
    """What came from the environment is typed like a plain scalar, and is text again where only text fits."""
    config, errors = _try(document.data)
    retyped = [at for error in errors if (at := file_path(error["loc"])) in document.texts]
    if not retyped:
        return config, errors
    for at in retyped:
        _put(document.data, at, document.texts[at])
    return _try(document.data)


def _try(data: dict[str, Any]) -> tuple[Config | None, list[ErrorDetails]]:
    try:
        return Config.model_validate(data), []
    except ValidationError as error:
        return None, error.errors(include_url=False)


def _put(data: Any, path: KeyPath, value: str) -> None:
    for part in path[:-1]:
        data = data[part]
    data[path[-1]] = value
