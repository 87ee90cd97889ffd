import pytest

from proxy.admin.answer import AdminAnswer, text
from proxy.admin.openapi import openapi
from proxy.admin.routes import Ask, Route
from proxy.config.base import Model


class Wanted(Model):
    """What is wanted."""

    level: str


async def handle(_: Ask) -> AdminAnswer:
    return text(200, "ok")


ROUTES = [
    Route("GET", "/open", handle, "Open.", media="text/plain", open=True),
    Route("GET", "/things/{id}", handle, "A thing.", gives=dict, statuses={404: "No such thing."}, fields={"X-A": "a"}),
    Route("POST", "/things/{id}/level", handle, "Sets it.", takes=Wanted, gives=Wanted),
    Route("DELETE", "/things/{id}", handle, "Ends it.", gives=dict),
]


def test_methods_of_one_path_stand_together() -> None:
    assert openapi(ROUTES)["paths"]["/things/{id}"].keys() == {"get", "delete"}


def test_a_parameter_of_a_path_and_a_field_that_is_read_are_declared() -> None:
    declared = openapi(ROUTES)["paths"]["/things/{id}"]["get"]["parameters"]
    assert [(one["name"], one["in"]) for one in declared] == [("id", "path"), ("X-A", "header")]


@pytest.mark.parametrize(("path", "method"), [("/things/{id}", "delete"), ("/things/{id}/level", "post")])
def test_a_state_change_wants_its_field(path: str, method: str) -> None:
    declared = openapi(ROUTES)["paths"][path][method]["parameters"]
    assert {"name": "Outrider-Admin", "required": True}.items() <= declared[-1].items()


def test_content_is_described_by_its_model() -> None:
    document = openapi(ROUTES)
    content = document["paths"]["/things/{id}/level"]["post"]["requestBody"]["content"]
    assert content == {"application/json": {"schema": {"$ref": "#/components/schemas/Wanted"}}}
    assert document["components"]["schemas"]["Wanted"]["required"] == ["level"]


def test_refusals_are_declared_as_problems() -> None:
    answers = openapi(ROUTES)["paths"]["/things/{id}"]["delete"]["responses"]
    assert {"401", "403", "503"} <= answers.keys()
    assert answers["403"]["content"].keys() == {"application/problem+json"}


def test_an_open_path_wants_no_token() -> None:
    paths = openapi(ROUTES)["paths"]
    assert paths["/open"]["get"]["security"] == []
    assert {"token": []} in paths["/things/{id}"]["get"]["security"]
