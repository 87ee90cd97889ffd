import asyncio
from pathlib import Path

import pytest

from proxy.chain.context import Context
from proxy.chain.retry import retry
from proxy.message import Exchange, Response, Stage
from proxy.observe.tally import Tallies
from proxy.policy.retry import REASONS
from proxy.policy.routing import RoutingTable
from proxy.stages.retry import Retry
from tests.config.loading import config


class Wire:
    async def send(self, exchange: Exchange) -> Response:
        return Response(200, b"", [])


WIRE = Wire()


async def stages(options: str) -> tuple[list[Stage], Context]:
    """The stage of each route in the order of the file, the upstream's own last."""
    loaded = config(f"upstreams: {{api: {{url: http://127.0.0.1:9000, {options}}}}}")
    context = Context(asyncio.get_running_loop(), Tallies(["api"]), {}, {}, Path("/base"), {})
    return [retry(entry, context, WIRE) for entry in RoutingTable(loaded).routes], context


async def test_it_is_there_unless_it_is_turned_off() -> None:
    made, context = await stages('routes: [{match: "* /once", retry: {attempts: 1}}]')
    assert [type(stage) for stage in made] == [Wire, Retry]
    assert set(context.tallies["api"].retries) == set(REASONS)


async def test_a_route_with_one_attempt_may_still_make_keys() -> None:
    made, _ = await stages('routes: [{match: "* /once", retry: {attempts: 1, idempotency_key: auto}}]')
    assert isinstance(made[0], Retry)


async def test_the_routes_of_an_upstream_share_its_budget_but_for_those_with_their_own() -> None:
    routes = '{match: "* /a", retry: {attempts: 5}}, {match: "* /b", retry: {budget: {min: 9}}}'
    first, own, rest = (await stages(f"routes: [{routes}]"))[0]
    assert isinstance(first, Retry)
    assert isinstance(own, Retry)
    assert isinstance(rest, Retry)
    assert first._rules.budget is rest._rules.budget
    assert own._rules.budget is not rest._rules.budget
    assert sum(own._rules.budget.take(1) for _ in range(20)) == 9


@pytest.mark.parametrize("edit", ["set: {idempotency_key: x}", "remove: [Idempotency-Key]"])
async def test_a_key_that_the_routes_fields_replace_does_not_count(edit: str) -> None:
    (stage,), _ = await stages(f"headers: {{{edit}}}")
    assert isinstance(stage, Retry)
    assert stage._rules.keys is None


async def test_the_folder_of_kept_content_starts_at_the_files_own(tmp_path: Path) -> None:
    (stage,), _ = await stages(f"replay: {{memory: 1KiB, file: 2KiB, folder: {tmp_path}}}")
    assert isinstance(stage, Retry)
    caps = stage._rules.caps
    assert (caps.memory, caps.file, caps.folder) == (1024, 2048, tmp_path)
