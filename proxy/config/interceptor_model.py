"""The options of `interceptors`: Python classes of one's own, and edits that need no code.

What must not live here: finding and making a class (`proxy.config.interceptor_class`), what an edit does
(`proxy.intercept.edits`).
"""

import re
from typing import Annotated, Any, Self

from pydantic import AfterValidator, Field, PlainSerializer, model_validator

from proxy.config.base import Model, wrong
from proxy.config.units import Duration, Size
from proxy.config.values import FieldName, FieldValue, Hidden, unique_fields
from proxy.secret import REDACTED

__all__ = ["FieldChanges", "InterceptorEntry", "JsonChanges", "QueryChanges"]

_PATH = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*:[A-Za-z_]\w*")


def _import_path(text: str) -> str:
    if not _PATH.fullmatch(text):
        raise wrong("not the import path of a class", "write module:Class, such as audit:Audit for a class in audit.py")
    return text


def _parameter(name: str) -> str:
    if not name:
        raise wrong("a parameter without a name", "write its name")
    return name


ImportPath = Annotated[str, AfterValidator(_import_path)]
HiddenValues = Annotated[
    dict[str, Any], PlainSerializer(lambda values: dict.fromkeys(values, REDACTED), return_type=dict[str, str])
]
Parameter = Annotated[str, AfterValidator(_parameter)]
Named = Annotated[dict[FieldName, FieldName], AfterValidator(unique_fields)]


class FieldChanges(Model):
    """Fields by their names; `headers` of an upstream sets and removes."""

    rename: Named = Field({}, description="Old names and new ones; what already has the new name is replaced.")
    default: Annotated[dict[FieldName, FieldValue], AfterValidator(unique_fields)] = Field(
        {}, repr=False, description="Fields for messages that do not have them."
    )


class QueryChanges(Model):
    """Parameters of the query, in this order: removed, renamed, set, added where there is none."""

    remove: list[Parameter] = Field([], description="Parameters to remove.")
    rename: dict[Parameter, Parameter] = Field({}, description="Old names and new ones.")
    set: dict[Parameter, Hidden] = Field({}, repr=False, description="Parameters to set; the caller's are replaced.")
    default: dict[Parameter, Hidden] = Field(
        {}, repr=False, description="Parameters for requests that do not have them."
    )


class JsonChanges(Model):
    """Members of a JSON object that is a request's content."""

    default: HiddenValues = Field(
        {}, repr=False, description="Members for objects that do not have them; the rest stays byte for byte."
    )


_EDITS = ("fields", "query", "json_", "response")


class InterceptorEntry(Model):
    """A class, or edits; not both."""

    class_: ImportPath | None = Field(
        None, alias="class", description="`module:Class`: installed, or in module.py beside this file."
    )
    options: HiddenValues = Field({}, repr=False, description="What the class is made with; it says what there is.")
    fields: FieldChanges | None = Field(None, description="Changes of a request's fields.")
    query: QueryChanges | None = Field(None, description="Changes of a request's query.")
    json_: JsonChanges | None = Field(None, alias="json", description="Changes of a request's JSON content.")
    response: FieldChanges | None = Field(None, description="Changes of an answer's fields.")
    max_content: Size = Field(2**20, description="Bytes of a content that are read as a whole; larger is refused.")
    timeout: Duration = Field(30.0, description="The longest that one call of it may wait.")

    @model_validator(mode="after")
    def _one_of_both(self) -> Self:
        edits = [name for name in _EDITS if getattr(self, name) is not None]
        if self.class_ is None and not edits:
            raise wrong("it does nothing", "add class: module:Class, or one of fields, query, json and response")
        if self.class_ is not None and edits:
            raise wrong("a class and edits in one entry", "make two entries of it, in the order in which they act")
        if self.class_ is None and self.options:
            raise wrong("options without a class", "add class: module:Class, or remove options")
        return self
