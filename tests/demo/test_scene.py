from proxy.demo.peer import Seen
from proxy.demo.scene import Reply, Scene, Step


def reply(status: int = 200, content: bytes = b"", seen: Seen | None = None, **fields: str) -> Reply:
    return Reply("GET /x", status, {name.replace("_", "-"): value for name, value in fields.items()}, content, seen)


def test_an_expectation_that_did_not_hold_is_unmet() -> None:
    step = Step("title", "asked", "seen", "answer", {"one": True, "two": False})
    assert step.unmet == ["two"]


def test_a_problem_document_meets_every_expectation() -> None:
    made = reply(
        404,
        b'{"code": "route_not_found"}',
        Content_Type="application/problem+json",
        Proxy_Status="outrider; error=destination_not_found",
    )
    assert all(made.problem(404, "route_not_found").values())


def test_a_plain_error_page_meets_none_but_its_status() -> None:
    expected = reply(404, b"<html>not found</html>", Content_Type="text/html").problem(404, "route_not_found")
    assert list(expected.values()) == [True, False, False]


def test_what_never_arrived_is_described_as_nothing(direct: Scene) -> None:
    assert direct.describe_seen(None) == "nothing"


def test_no_secret_is_described_in_full(direct: Scene) -> None:
    made_up = direct.made_up
    seen = Seen("GET", f"/maps?key={made_up.key}", {"authorization": f"Bearer {made_up.token}"})
    described = direct.describe_seen(seen)
    assert "Bearer demo-" in described
    assert not any(value in described for value in made_up.values())


async def test_a_reply_knows_only_its_own_request(direct: Scene) -> None:
    first = await direct.ask("GET", "/v1/one")
    second = await direct.ask("GET", "/v1/two")
    assert [one.seen.target for one in (first, second) if one.seen] == ["/v1/one", "/v1/two"]
