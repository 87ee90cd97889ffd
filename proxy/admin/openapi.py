"""The OpenAPI 3.1 document of the admin plane, made from the same table that answers.

What must not live here: anything that the table does not say.
"""

from collections.abc import Callable, Iterator, Sequence
from functools import cache
from http import HTTPStatus
from typing import Any

from proxy import __version__
from proxy.admin.answer import AdminAnswer, adapter, document
from proxy.admin.routes import Ask, Route

__all__ = ["openapi", "openapi_route"]

_PROBLEM = "#/components/schemas/Problem"
_PROBLEM_SCHEMA = {
    "type": "object",
    "description": "What went wrong (RFC 9457).",
    "required": ["type", "title", "status", "detail", "code", "stage", "retryable", "request_id"],
    "properties": {
        "type": {"type": "string", "pattern": "^urn:outrider:error:"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "code": {"type": "string"},
        "stage": {"type": "string"},
        "upstream": {"type": ["string", "null"]},
        "attempts": {"type": "integer"},
        "retryable": {"type": "boolean"},
        "request_id": {"type": "string"},
    },
}
_REFUSED = {"application/problem+json": {"schema": {"$ref": _PROBLEM}}}
_CONFIRMATION = {
    "name": "Outrider-Admin",
    "in": "header",
    "required": True,
    "description": "What changes state must carry it, so that no web page can do it by accident.",
    "schema": {"type": "string", "const": "1"},
}


def openapi_route(table: Callable[[], Sequence[Route]]) -> Route:
    """`table` gives every route of the plane, this one included."""
    made = cache(lambda: openapi(table()))

    async def show(_: Ask) -> AdminAnswer:
        return document(200, made())

    return Route("GET", "/api/openapi.json", show, "This document.", gives=dict[str, Any])


def openapi(routes: Sequence[Route]) -> dict[str, Any]:
    schemas: dict[str, Any] = {"Problem": _PROBLEM_SCHEMA}
    paths: dict[str, Any] = {}
    for route in routes:
        operation = _operation(route, schemas)
        paths.setdefault(route.path, {})[route.method.lower()] = operation
    return {
        "openapi": "3.1.0",
        "info": {"title": "Outrider's admin listener", "version": __version__},
        "paths": paths,
        "components": {
            "schemas": dict(sorted(schemas.items())),
            "securitySchemes": {
                "token": {"type": "http", "scheme": "bearer", "description": "`admin.token`, where it is set."}
            },
        },
    }


def _operation(route: Route, schemas: dict[str, Any]) -> dict[str, Any]:
    operation: dict[str, Any] = {
        "summary": route.summary,
        "operationId": f"{route.method.lower()}_{_words(route.path)}",
        "security": [] if route.open else [{}, {"token": []}],
        "responses": dict(_responses(route, schemas)),
    }
    if parameters := list(_parameters(route)):
        operation["parameters"] = parameters
    if route.takes is not None:
        content = {"application/json": {"schema": _schema(route.takes, schemas, "validation")}}
        operation["requestBody"] = {"required": True, "content": content}
    return operation


def _words(path: str) -> str:
    return "_".join(part.strip("{}").replace("-", "_").replace(".", "_") for part in path.split("/") if part)


def _parameters(route: Route) -> Iterator[dict[str, Any]]:
    for part in route.path.split("/"):
        if part[:1] == "{":
            schema = {"type": "string", "minLength": 1}
            yield {"name": part[1:-1], "in": "path", "required": True, "schema": schema}
    for name, description in route.fields.items():
        yield {"name": name, "in": "header", "description": description, "schema": {"type": "string"}}
    if route.changes_state:
        yield _CONFIRMATION


def _responses(route: Route, schemas: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    media: dict[str, Any] = {}
    if route.media != "application/json":
        media[route.media] = {"schema": {"type": "string"}}
    if route.gives is not None:
        media["application/json"] = {"schema": _schema(route.gives, schemas, "serialization")}
    yield str(route.status), {"description": HTTPStatus(route.status).phrase, "content": media}
    statuses = dict(route.statuses)
    if route.open:
        # The probes answer in their own words whatever the status.
        for status, when in statuses.items():
            yield str(status), {"description": when, "content": _REFUSED if route.gives is None else media}
        return
    statuses.setdefault(401, "`admin.token` is set, and was not shown.")
    statuses.setdefault(503, "The admin token cannot be read.")
    if route.changes_state:
        statuses.setdefault(403, "The field Outrider-Admin is missing.")
        statuses.setdefault(422, "The content is not what is wanted.")
        statuses.setdefault(400, "The message is not acceptable.")
    if route.takes is not None:
        statuses.setdefault(413, "The content is too large.")
        statuses.setdefault(415, "The content is not declared as JSON.")
    for status, when in sorted(statuses.items()):
        yield str(status), {"description": when, "content": _REFUSED}


def _schema(kind: Any, schemas: dict[str, Any], mode: Any) -> dict[str, Any]:
    made: dict[str, Any] = adapter(kind).json_schema(mode=mode, ref_template="#/components/schemas/{model}")
    schemas |= made.pop("$defs", {})
    if "title" not in made:
        return made
    schemas[made["title"]] = made
    return {"$ref": f"#/components/schemas/{made['title']}"}
