import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import pytest

from proxy.admin import AdminAnswer, AdminApi, Health
from proxy.admin.answer import SECURITY_FIELDS, document
from proxy.admin.looks import look_routes
from proxy.admin.probes import probe_routes
from proxy.admin.routes import Ask, Route
from proxy.auth import SecretUnavailable
from proxy.config.base import Model
from proxy.observe import LoopLag, Tallies
from proxy.observe.exposition import Exposition, Facts
from proxy.secret import Secret


@dataclass(frozen=True)
class Request:
    method: str
    path: str
    query: str
    headers: Mapping[str, str]
    content: bytes = b""
    request_id: bytes = b"a-1"


class Wanted(Model):
    level: Literal["low", "high"]
    secret: str | None = None


HEALTH_PATHS = ["/livez", "/readyz", "/startupz"]
GUARDED_PATHS = ["/metrics", "/api/config", "/no/such/path"]


@pytest.fixture
def exposition() -> Exposition:
    loop = asyncio.new_event_loop()
    loop.close()
    return Exposition(Tallies(["api"]), LoopLag(loop), Facts({"version": "0.1.0"}))


@pytest.fixture
def health() -> Health:
    return Health()


async def take(ask: Ask) -> AdminAnswer:
    return document(200, {"took": ask.content.level, "of": ask.params["name"]})


async def end(ask: Ask) -> AdminAnswer:
    return document(200, {"ended": ask.params["name"]})


def routes(health: Health, exposition: Exposition) -> list[Route]:
    return [
        *probe_routes(health),
        *look_routes(exposition, lambda: {"listen": "127.0.0.1:8080"}),
        Route("POST", "/things/{name}/level", take, "Sets a level.", takes=Wanted),
        Route("DELETE", "/things/{name}", end, "Ends a thing."),
    ]


async def secret() -> Secret:
    return Secret("s3cret")


@pytest.fixture
def api(health: Health, exposition: Exposition) -> AdminApi:
    return AdminApi(routes(health, exposition))


@pytest.fixture
def guarded(health: Health, exposition: Exposition) -> AdminApi:
    return AdminApi(routes(health, exposition), secret)


async def ask(api: AdminApi, path: str, method: str = "GET", content: bytes = b"", **headers: str) -> AdminAnswer:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return await api.answer(Request(method, path, "", named, content))


async def put_in(api: AdminApi, content: bytes, media: str = "application/json") -> AdminAnswer:
    return await ask(api, "/things/lamp/level", "POST", content, outrider_admin="1", content_type=media)


async def test_livez_answers_while_starting(api: AdminApi) -> None:
    answer = await ask(api, "/livez")
    assert (answer.status, answer.body) == (200, b"live\n")


@pytest.mark.parametrize(
    ("phase", "status", "body"),
    [
        ("starting", 503, b"not ready: starting\n"),
        ("ready", 200, b"ready\n"),
        ("draining", 503, b"not ready: draining\n"),
    ],
)
async def test_readyz_follows_the_phase(api: AdminApi, health: Health, phase, status: int, body: bytes) -> None:
    health.phase = phase
    answer = await ask(api, "/readyz")
    assert (answer.status, answer.body) == (status, body)


@pytest.mark.parametrize(("phase", "status"), [("starting", 503), ("ready", 200), ("draining", 200)])
async def test_startupz_stays_good_once_started(api: AdminApi, health: Health, phase, status: int) -> None:
    health.phase = phase
    assert (await ask(api, "/startupz")).status == status


async def test_readyz_names_the_problem_of_a_credential(exposition: Exposition) -> None:
    health = Health(lambda: ["profile key: no such file"])
    health.phase = "ready"
    answer = await ask(AdminApi(routes(health, exposition)), "/readyz", accept="application/json")
    assert answer.status == 503
    assert json.loads(answer.body) == {"status": "not ready", "reasons": ["profile key: no such file"]}


async def test_health_is_json_for_who_accepts_it(api: AdminApi) -> None:
    answer = await ask(api, "/livez", accept="application/json")
    assert (answer.content_type, json.loads(answer.body)) == ("application/json", {"status": "live", "reasons": []})


async def test_metrics_are_shown_in_the_form_that_is_accepted(api: AdminApi) -> None:
    text = await ask(api, "/metrics")
    assert text.content_type.startswith("text/plain")
    assert b"outrider_requests_in_flight" in text.body
    assert (await ask(api, "/metrics", accept="application/openmetrics-text")).body.endswith(b"# EOF\n")


async def test_the_configuration_is_shown(api: AdminApi) -> None:
    answer = await ask(api, "/api/config")
    assert (answer.status, json.loads(answer.body)) == (200, {"listen": "127.0.0.1:8080"})


@pytest.mark.parametrize("path", ["/", "/metrics/", "/LIVEZ", "//livez", "", "/api/state"])
async def test_an_unknown_path_is_a_404_problem(api: AdminApi, path: str) -> None:
    answer = await ask(api, path)
    assert (answer.status, answer.content_type) == (404, "application/problem+json")


@pytest.mark.parametrize("path", [*HEALTH_PATHS, "/metrics", "/api/config"])
@pytest.mark.parametrize("method", ["POST", "DELETE", "OPTIONS", "get"])
async def test_a_wrong_method_is_a_405_problem_with_allow(api: AdminApi, path: str, method: str) -> None:
    answer = await ask(api, path, method)
    assert (answer.status, answer.content_type) == (405, "application/problem+json")
    assert answer.headers["Allow"] == "GET, HEAD"


@pytest.mark.parametrize("path", ["/livez", "/api/config", "/none"])
async def test_head_is_answered_like_get(api: AdminApi, path: str) -> None:
    assert await ask(api, path, "HEAD") == await ask(api, path)


@pytest.mark.parametrize("path", ["/things/lamp", "/things/a%2Fb"])
async def test_a_segment_of_a_path_is_a_parameter(api: AdminApi, path: str) -> None:
    answer = await ask(api, path, "DELETE", outrider_admin="1")
    assert json.loads(answer.body) == {"ended": "a/b" if "%" in path else "lamp"}


@pytest.mark.parametrize("path", ["/things/", "/things", "/things/a/b", "/things/a/level/", "//things/a"])
async def test_a_path_that_only_resembles_a_pattern_is_a_404(api: AdminApi, path: str) -> None:
    assert (await ask(api, path, "DELETE", outrider_admin="1")).status == 404


@pytest.mark.parametrize("given", ["", "0", "true", "1 ", "1, 1"])
@pytest.mark.parametrize(("method", "path"), [("DELETE", "/things/lamp"), ("POST", "/things/lamp/level")])
async def test_a_state_change_without_its_field_is_403(api: AdminApi, method: str, path: str, given: str) -> None:
    answer = await ask(api, path, method, b'{"level": "low"}', outrider_admin=given)
    assert (answer.status, json.loads(answer.body)["code"]) == (403, "confirmation_missing")


async def test_a_path_of_state_changes_says_which_methods_it_answers(api: AdminApi) -> None:
    answer = await ask(api, "/things/lamp")
    assert (answer.status, answer.headers["Allow"]) == (405, "DELETE")


async def test_content_is_parsed_by_the_routes_model(api: AdminApi) -> None:
    answer = await put_in(api, b'{"level": "low"}', "Application/JSON; charset=utf-8")
    assert json.loads(answer.body) == {"took": "low", "of": "lamp"}


@pytest.mark.parametrize(
    ("content", "named"),
    [
        (b"", "Invalid JSON"),
        (b"{", "Invalid JSON"),
        (b"[]", "object"),
        (b"{}", "level"),
        (b'{"level": "s3cret"}', "level"),
        (b'{"level": "low", "s3cret": 1}', "unknown key"),
        (b'{"level": "low", "secret": 5}', "secret"),
        (b'{"level": "low", "secret": "\xff"}', "Invalid JSON"),
    ],
)
async def test_wrong_content_is_refused_with_its_place_and_without_its_value(
    api: AdminApi, content: bytes, named: str
) -> None:
    answer = await put_in(api, content)
    assert (answer.status, json.loads(answer.body)["code"]) == (422, "content_not_valid")
    assert named in json.loads(answer.body)["detail"]
    assert b"s3cret" not in answer.body


@pytest.mark.parametrize("media", ["", "text/plain", "application/x-www-form-urlencoded"])
async def test_content_that_is_not_declared_as_json_is_refused(api: AdminApi, media: str) -> None:
    assert (await put_in(api, b'{"level": "low"}', media)).status == 415


async def test_content_where_none_is_wanted_is_refused(api: AdminApi) -> None:
    assert (await ask(api, "/things/lamp", "DELETE", b'{"a": 1}', outrider_admin="1")).status == 422


async def test_who_has_no_token_does_not_learn_which_paths_there_are(guarded: AdminApi) -> None:
    found = [await ask(guarded, path, "DELETE") for path in ("/things/lamp", "/things", "/nothing")]
    assert [answer.status for answer in found] == [401, 401, 401]


@pytest.mark.parametrize("path", [*HEALTH_PATHS, *GUARDED_PATHS, "/things/lamp"])
@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "DELETE"])
async def test_every_answer_carries_the_security_fields(guarded: AdminApi, path: str, method: str) -> None:
    assert SECURITY_FIELDS.items() <= (await ask(guarded, path, method)).headers.items()


@pytest.mark.parametrize("path", HEALTH_PATHS)
async def test_health_wants_no_token(guarded: AdminApi, health: Health, path: str) -> None:
    health.phase = "ready"
    assert (await ask(guarded, path)).status == 200


@pytest.mark.parametrize("path", GUARDED_PATHS)
@pytest.mark.parametrize(
    "given", ["", "Bearer", "Bearer ", "Bearer wrong", "Basic s3cret", "s3cret", "Bearer s3cret2", "Bearer \udcff"]
)
async def test_everything_else_wants_the_token(guarded: AdminApi, path: str, given: str) -> None:
    answer = await ask(guarded, path, authorization=given)
    assert answer.status == 401
    assert answer.headers["WWW-Authenticate"].startswith("Bearer")
    assert b"s3cret" not in answer.body


@pytest.mark.parametrize("given", ["Bearer s3cret", "bearer s3cret", "Bearer  s3cret"])
async def test_the_token_opens(guarded: AdminApi, given: str) -> None:
    assert (await ask(guarded, "/metrics", authorization=given)).status == 200


async def test_an_empty_token_opens_nothing(health: Health, exposition: Exposition) -> None:
    async def token() -> Secret:
        return Secret("")

    api = AdminApi(routes(health, exposition), token)
    assert (await ask(api, "/metrics", authorization="Bearer ")).status == 401


async def test_a_token_that_cannot_be_read_closes_the_plane_but_not_health(
    health: Health, exposition: Exposition
) -> None:
    async def token() -> Secret:
        raise SecretUnavailable("the admin token's file is gone")

    api = AdminApi(routes(health, exposition), token)
    assert (await ask(api, "/metrics", authorization="Bearer x")).status == 503
    assert (await ask(api, "/livez")).status == 200
