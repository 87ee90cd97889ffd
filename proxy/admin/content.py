"""The JSON content of a state change: parsed by a small model, or refused with what is wrong and where.

A refusal never repeats what was sent: it may be a token. What must not live here: the models themselves.
"""

from collections.abc import Iterator

from pydantic import BaseModel, ValidationError

from proxy.admin.answer import AdminRequest
from proxy.errors import ContentNotValid, UnsupportedContent

__all__ = ["read_content"]


def read_content(request: AdminRequest, model: type[BaseModel] | None) -> BaseModel | None:
    """Raises UnsupportedContent, ContentNotValid."""
    if model is None:
        if request.content.strip() not in (b"", b"{}"):
            raise ContentNotValid("This path takes no content.")
        return None
    media = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media != "application/json":
        raise UnsupportedContent("The content must be JSON, with `Content-Type: application/json`.")
    try:
        return model.model_validate_json(request.content)
    except ValidationError as error:
        # Without its context: the exception holds the content.
        raise ContentNotValid("; ".join(_said(error, model))) from None


def _said(error: ValidationError, model: type[BaseModel]) -> Iterator[str]:
    for found in error.errors(include_url=False, include_context=False, include_input=False):
        if found["type"] == "extra_forbidden":
            # Even a name may be a token in the wrong place.
            yield f"there is an unknown key; the known ones are {', '.join(model.model_fields)}"
        elif found["loc"]:
            yield f"{'.'.join(str(part) for part in found['loc'])}: {found['msg']}"
        else:
            yield found["msg"]
