"""Which options stand at a place of the configuration, and what each is for, read from the models.

What must not live here: any list of options of its own.
"""

from types import UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel, Tag
from pydantic.fields import FieldInfo

from proxy.config.auth_model import AuthProfile
from proxy.config.model import Config

__all__ = ["fields_at", "profile_types"]

Location = tuple[int | str, ...]
"""As pydantic gives it: keys, indexes, and the tags of unions where it went through one."""


def fields_at(location: Location) -> dict[str, FieldInfo]:
    """The options there by the name they have in the file; none when nothing with options stands there."""
    kind: Any = Config
    for part in location:
        kind = _step(kind, part)
    kind = _bare(kind)
    return _fields(kind) if isinstance(kind, type) and issubclass(kind, BaseModel) else {}


def profile_types() -> list[str]:
    """The known values of a profile's `type`."""
    union = get_args(AuthProfile)[0]
    return [name for member in get_args(union) for name in get_args(member.model_fields["type"].annotation)]


def _fields(model: type[BaseModel]) -> dict[str, FieldInfo]:
    return {info.alias or name: info for name, info in model.model_fields.items()}


def _bare(kind: Any) -> Any:
    """Without annotations, and without `None` beside a single kind."""
    while True:
        origin = get_origin(kind)
        if origin is Annotated:
            kind = get_args(kind)[0]
            continue
        if origin in (Union, UnionType):
            members = [member for member in get_args(kind) if member is not type(None)]
            if len(members) == 1:
                kind = members[0]
                continue
        return kind


def _step(kind: Any, part: int | str) -> Any:
    kind = _bare(kind)
    origin = get_origin(kind)
    if origin in (dict, list):
        return get_args(kind)[-1]
    if origin in (Union, UnionType):
        return next((member for member in get_args(kind) if part in _tags(member)), None)
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        found = _fields(kind).get(str(part))
        return found.annotation if found else None
    return None


def _tags(member: Any) -> list[str]:
    """The tags by which a union knows this member."""
    if get_origin(member) is Annotated:
        return [extra.tag for extra in get_args(member) if isinstance(extra, Tag)]
    kind = member.model_fields["type"].annotation if hasattr(member, "model_fields") else None
    return list(get_args(kind)) if get_origin(kind) is Literal else []
