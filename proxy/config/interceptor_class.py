"""From `module:Class` and its options to an instance, or to what is wrong with them.

A module is looked for where Python has its own, and then as one file beside the configuration. `sys.path` stays as it
is, so that no file there can stand in the place of a library. Options are checked against the class itself: a
dataclass, a pydantic model, or a class that takes none. What must not live here: what an instance does.
"""

import dataclasses
import importlib
import os
import stat
import sys
import traceback
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.machinery import SourceFileLoader
from importlib.util import module_from_spec, spec_from_loader
from pathlib import Path
from types import CodeType, ModuleType
from typing import Any

from pydantic import BaseModel, TypeAdapter, ValidationError
from pydantic.errors import PydanticUserError
from pydantic_core import ErrorDetails

from proxy.config.problem import listed, nearest, quoted

__all__ = ["HOOKS", "Flaw", "Unusable", "make"]

HOOKS = ("on_request", "on_response", "on_error")

_Stamp = tuple[int, int, int]
_loaded: dict[Path, tuple[_Stamp, ModuleType]] = {}


@dataclass(frozen=True, slots=True)
class Flaw:
    """`path` begins at the entry."""

    path: tuple[str | int, ...]
    message: str
    hint: str
    at_key: bool = False


class Unusable(Exception):
    """The class cannot be made; `flaws` say why."""

    def __init__(self, *flaws: Flaw) -> None:
        super().__init__("; ".join(flaw.message for flaw in flaws))
        self.flaws = flaws


def make(import_path: str, options: Mapping[str, Any], base: Path) -> object:
    """An instance of the class, with `options`. Raises Unusable."""
    module_name, _, class_name = import_path.partition(":")
    module = _module(module_name, base)
    kind = getattr(module, class_name, None)
    if not isinstance(kind, type):
        there = [name for name, value in vars(module).items() if isinstance(value, type)]
        guess = nearest(class_name, there)
        found = f"{getattr(module, '__file__', None) or module_name} is what was found"
        raise _wrong_class(
            f"there is no class {quoted(class_name)} in {quoted(module_name)}",
            f"did you mean {guess}?" if guess else f"write it there; {found}",
        )
    if not any(callable(getattr(kind, hook, None)) for hook in HOOKS):
        raise _wrong_class(f"{quoted(class_name)} has none of {listed(HOOKS)}", "write at least one of these methods")
    return _instance(kind, dict(options))


def _wrong_class(message: str, hint: str) -> Unusable:
    return Unusable(Flaw(("class",), message, hint))


def _module(name: str, base: Path) -> ModuleType:
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name is None or not f"{name}.".startswith(f"{error.name}."):
            raise _not_importable(name, error) from None
    except (Exception, SystemExit) as error:
        # Code of others may raise anything while it is imported; all of it means the same to the file.
        raise _not_importable(name, error) from None
    file = base / f"{name}.py"
    if "." in name or not file.is_file():
        beside = "" if "." in name else f", and no {name}.py beside this file"
        raise _wrong_class(f"no module {quoted(name)} is installed{beside}", "install it, or write module:Class")
    return _beside(name, file)


def _beside(name: str, file: Path) -> ModuleType:
    """The module in `file`, executed again when the file has changed."""
    found = file.stat()
    if found.st_mode & stat.S_IWOTH or found.st_uid not in (0, os.geteuid()):
        raise _wrong_class(
            f"{file.name} can be written by others", "give it to your own user, and take the right to write from others"
        )
    stamp = (found.st_mtime_ns, found.st_size, found.st_ino)
    known = _loaded.get(file)
    if known is not None and known[0] == stamp:
        return known[1]
    module = _executed(name, file)
    _loaded[file] = stamp, module
    return module


class _Source(SourceFileLoader):
    """Without compiled files: none are left in the configuration's folder, and none that is old is used."""

    def get_code(self, fullname: str) -> CodeType:
        return self.source_to_code(self.get_data(self.path), self.path)


def _executed(name: str, file: Path) -> ModuleType:
    # Under a name of its own, so that two configurations may each have an `audit.py`.
    full_name = f"outrider_interceptors_{abs(hash(file)):x}_{name}"
    spec = spec_from_loader(full_name, _Source(full_name, str(file)))
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    # Dataclasses look their module up by its name.
    sys.modules[full_name] = module
    try:
        spec.loader.exec_module(module)
    except (Exception, SystemExit) as error:
        # As above: whatever the file does wrong.
        del sys.modules[full_name]
        raise _not_importable(name, error) from None
    return module


def _not_importable(name: str, error: BaseException) -> Unusable:
    return _wrong_class(f"the module {quoted(name)} cannot be imported: {_told(error)}", "correct it there")


def _told(error: BaseException) -> str:
    """The kind and the place; the text only where it can hold nothing but names."""
    if isinstance(error, SyntaxError):
        return f"{type(error).__name__} in line {error.lineno}"
    text = f": {error}" if isinstance(error, ImportError) else ""
    frames = traceback.extract_tb(error.__traceback__)
    place = f" in line {frames[-1].lineno} of {Path(frames[-1].filename).name}" if frames and not text else ""
    return f"{type(error).__name__}{place}{text}"


def _instance(kind: type, options: dict[str, Any]) -> object:
    if issubclass(kind, BaseModel):
        names = {info.alias or name for name, info in kind.model_fields.items()}
        open_ended = kind.model_config.get("extra") == "allow"
    elif dataclasses.is_dataclass(kind):
        names, open_ended = {field.name for field in dataclasses.fields(kind) if field.init}, False
    else:
        return _plain(kind, options)
    unknown = [] if open_ended else [_unknown(name, names) for name in options if name not in names]
    if unknown:
        raise Unusable(*unknown)
    try:
        adapter: TypeAdapter[object] = TypeAdapter(kind)
    except PydanticUserError:
        raise _wrong_class(
            f"the options of {quoted(kind.__name__)} have types that no file can give",
            "annotate them with str, int, bool, list[str], dict[str, str] and the like",
        ) from None
    return _validated(adapter, kind, options)


def _unknown(name: str, names: set[str]) -> Flaw:
    guess = nearest(name, names)
    hint = f"did you mean {guess}?" if guess else f"its options are {', '.join(sorted(names)) or 'none'}"
    return Flaw(("options", name), f"the class has no option {quoted(name)}", hint, at_key=True)


def _plain(kind: type, options: dict[str, Any]) -> object:
    if options:
        hint = "remove them, or make it a dataclass with a field for each"
        raise Unusable(Flaw(("options",), f"{quoted(kind.__name__)} takes no options", hint, at_key=True))
    return _made(kind, lambda: kind())


def _validated(adapter: TypeAdapter[object], kind: type, options: dict[str, Any]) -> object:
    try:
        return _made(kind, lambda: adapter.validate_python(options))
    except ValidationError as invalid:
        errors = invalid.errors(include_url=False, include_context=False)
    # A number where text is wanted is text that looks like one.
    numbers = [error for error in errors if error["type"] == "string_type" and type(error["input"]) is int]
    if not numbers:
        raise Unusable(*map(_flaw, errors))
    for error in numbers:
        _put(options, error["loc"], str(error["input"]))
    try:
        return _made(kind, lambda: adapter.validate_python(options))
    except ValidationError as invalid:
        raise Unusable(*map(_flaw, invalid.errors(include_url=False, include_context=False))) from None


def _made(kind: type, making: Any) -> object:
    try:
        made: object = making()
    except ValidationError:
        raise
    except Exception as error:
        # The class is somebody's own, and may fail in any way.
        hint = "correct it there; what may be wrong in a file is best raised as ValueError"
        raise _wrong_class(f"{quoted(kind.__name__)} cannot be made: {_told(error)}", hint) from None
    return made


def _put(options: dict[str, Any], path: tuple[int | str, ...], value: str) -> None:
    inner: Any = options
    for part in path[:-1]:
        inner = inner[part]
    inner[path[-1]] = value


def _flaw(error: ErrorDetails) -> Flaw:
    path = ("options", *error["loc"])
    if error["type"] == "missing":
        name = str(error["loc"][-1])
        return Flaw(("options",), f"the option {quoted(name)} of the class is missing", f"add {name}: under options")
    message = error["msg"].removeprefix("Value error, ")
    return Flaw(path, f"{'.'.join(map(str, path))}: {message[:1].lower()}{message[1:]}", "correct it")
