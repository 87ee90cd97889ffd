import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass

import pytest

from proxy.admin import AdminAnswer, AdminApi, Health
from proxy.admin.answer import SECURITY_FIELDS
from proxy.auth import SecretUnavailable
from proxy.observe import LoopLag, Tallies
from proxy.observe.exposition import Exposition, Facts
from proxy.secret import Secret


@dataclass(frozen=True)
class Request:
    method: str
    path: str
    query: str
    headers: Mapping[str, str]


HEALTH_PATHS = ["/livez", "/readyz", "/startupz"]
GUARDED_PATHS = ["/metrics", "/api/config", "/no/such/path"]


@pytest.fixture
def exposition() -> Exposition:
    loop = asyncio.new_event_loop()
    loop.close()
    return Exposition(Tallies(["api"]), LoopLag(loop), Facts(0.0, {"version": "0.1.0"}))


@pytest.fixture
def health() -> Health:
    return Health()


@pytest.fixture
def api(health: Health, exposition: Exposition) -> AdminApi:
    return AdminApi(health, exposition, lambda: {"listen": "127.0.0.1:8080"})


@pytest.fixture
def guarded(health: Health, exposition: Exposition) -> AdminApi:
    async def token() -> Secret:
        return Secret("s3cret")

    return AdminApi(health, exposition, dict, token)


async def ask(api: AdminApi, path: str, method: str = "GET", **headers: str) -> AdminAnswer:
    return await api.answer(Request(method, path, "", headers))


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
    answer = await ask(AdminApi(health, exposition, dict), "/readyz", accept="application/json")
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


@pytest.mark.parametrize("path", [*HEALTH_PATHS, *GUARDED_PATHS])
@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT"])
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

    api = AdminApi(health, exposition, dict, token)
    assert (await ask(api, "/metrics", authorization="Bearer ")).status == 401


async def test_a_token_that_cannot_be_read_closes_the_plane_but_not_health(
    health: Health, exposition: Exposition
) -> None:
    async def token() -> Secret:
        raise SecretUnavailable("the admin token's file is gone")

    api = AdminApi(health, exposition, dict, token)
    assert (await ask(api, "/metrics", authorization="Bearer x")).status == 503
    assert (await ask(api, "/livez")).status == 200
