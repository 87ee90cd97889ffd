"""A real Prometheus scrapes a running Outrider: every query of the dashboard and of the rules finds something."""

import asyncio
import contextlib
import itertools
import json
import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import yaml

from tests import dashboard
from tests.peers.prometheus import Prometheus, prometheus_missing
from tests.peers.raw_upstream import Connection, RawUpstream
from tests.peers.running import OutriderProcess
from tests.peers.scripts import OK, answers, closes_unanswered
from tests.peers.token_server import TokenServer, answer

BLOCKING = """
import time

class Blocking:
    def on_request(self, request):
        time.sleep(0.9)
"""
"""Longer than the pause between two looks at the lag, and by more than the alert asks for: it shows in every phase."""
VARIABLES = {"job": ".*", "instance": ".*", "upstream": ".*", "__rate_interval": "1m", "__interval": "1m"}
UNTIL = 60


def panel_queries(*, raw: bool = False) -> dict[str, str]:
    """What Grafana would ask, by the panel that it is for: the variables in their places, unless it is to be raw."""
    made = dashboard.dashboard()
    queries = {
        f"{panel['title']}, {target['refId']}": target["expr"]
        for panel in made["panels"]
        for target in panel.get("targets", [])
    }
    queries |= {f"annotation {one['name']}": one["expr"] for one in made["annotations"]["list"]}
    for variable in made["templating"]["list"]:
        if variable["type"] == "query":
            series, label = re.fullmatch(r"label_values\((.*), (\w+)\)", variable["query"]["query"]).groups()
            queries[f"variable {variable['name']}"] = f"count by ({label}) ({series})"
    if raw:
        return queries
    return {name: re.sub(r"\$(\w+)", lambda found: VARIABLES[found[1]], query) for name, query in queries.items()}


def rule_queries() -> dict[str, str]:
    files = sorted((Path(dashboard.FILE).parents[2] / "prometheus/rules").glob("*.yml"))
    rules = [rule for file in files for group in yaml.safe_load(file.read_text())["groups"] for rule in group["rules"]]
    return {rule.get("alert") or rule["record"]: rule["expr"] for rule in rules}


def test_the_committed_dashboard_is_the_one_that_is_described() -> None:
    assert dashboard.FILE.read_text(encoding="utf-8") == dashboard.written()


def test_no_two_panels_lie_on_each_other() -> None:
    taken = [
        (place["x"] + x, place["y"] + y)
        for place in (panel["gridPos"] for panel in dashboard.dashboard()["panels"])
        for x, y in itertools.product(range(place["w"]), range(place["h"]))
    ]
    assert len(taken) == len(set(taken))
    assert all(x < 24 for x, _ in taken)


def test_every_panel_and_row_has_a_number_and_every_panel_a_sentence() -> None:
    panels = dashboard.dashboard()["panels"]
    numbers = [panel["id"] for panel in panels]
    assert len(numbers) == len(set(numbers))
    assert [panel["title"] for panel in panels if panel["type"] != "row" and len(panel["description"]) < 10] == []


def test_a_rate_spans_two_scrapes_at_least() -> None:
    """Over Grafana's `$__interval`, which may be one scrape long, it would find nothing."""
    assert [name for name, query in panel_queries(raw=True).items() if "[$__interval]" in query] == []


def test_the_dashboards_source_is_the_one_that_is_provisioned() -> None:
    folder = dashboard.FILE.parents[1]
    (source,) = yaml.safe_load((folder / "provisioning/datasources/outrider.yaml").read_text())["datasources"]
    variable = dashboard.dashboard()["templating"]["list"][0]
    assert (variable["name"], variable["current"]["value"]) == ("datasource", source["uid"])


@pytest.mark.skipif(prometheus_missing() is not None, reason=str(prometheus_missing()))
@pytest.mark.timeout(180)
async def test_every_query_finds_what_a_busy_outrider_shows(outrider_process: Any, tmp_path: Path) -> None:
    async with busy(tmp_path, outrider_process) as (running, load, folder):
        target = f"localhost:{running.admin_port}"
        async with Prometheus(folder, target) as prometheus:
            await until(prometheus, {"the build": "outrider_build_info", "two scrapes": "count_over_time(up[1m]) > 2"})
            wanted = panel_queries() | rule_queries()
            gone = {name: wanted.pop(name) for name in ("OutriderDown", "OutriderAbsent")}
            under_load = asyncio.create_task(load(running))
            try:
                await until(prometheus, wanted)
                exemplars = await prometheus.exemplars("outrider_request_duration_seconds_bucket")
                assert any(one["labels"].get("request_id") for one in exemplars)
                rules = await prometheus.rules()
            finally:
                under_load.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await under_load
            await running.stop()
            await until(prometheus, {"OutriderDown": gone["OutriderDown"]})
            await prometheus.watch_nothing()
            await until(prometheus, {"OutriderAbsent": gone["OutriderAbsent"]})
    assert [rule for rule in rules if rule["health"] != "ok"] == []
    assert len(rules) == len(wanted | gone) - len(panel_queries())


async def until(prometheus: Prometheus, queries: dict[str, str]) -> None:
    """Ask again and again until each of these has found something once."""
    empty = dict(queries)
    try:
        async with asyncio.timeout(UNTIL):
            while empty:
                for name, query in list(empty.items()):
                    if await prometheus.query(query):
                        del empty[name]
                await asyncio.sleep(0.2)
    except TimeoutError:
        pytest.fail(f"nothing was found by {json.dumps(empty, indent=1)}")


@contextlib.asynccontextmanager
async def busy(folder: Path, start: Any) -> AsyncIterator[Any]:
    """An Outrider before upstreams and token endpoints of every temper, and what keeps all of it busy."""
    left = itertools.chain([100], itertools.repeat(3))

    async def scarce(connection: Connection) -> None:
        while True:
            await connection.request()
            quota = b"RateLimit-Limit: 100\r\nRateLimit-Remaining: %d\r\nRateLimit-Reset: 3600\r\n" % next(left)
            await connection.send(OK.replace(b"content-type", quota + b"content-type"))

    async def slow(connection: Connection) -> None:
        await connection.request()
        await connection.gone()

    (folder / "watching").mkdir()
    async with (
        RawUpstream(answers()) as good,
        RawUpstream(closes_unanswered()) as bad,
        RawUpstream(scarce) as quota,
        RawUpstream(slow) as hanging,
        TokenServer() as tokens,
        TokenServer() as failing,
    ):
        tokens.lifetime = 30
        failing.lifetime = 60
        receiver = {"webhook": good.url, "attempts": 1}
        config = {
            "log": {"requests": "none"},
            "hooks": {"on_refresh": receiver, "on_error": {"webhook": bad.url, "attempts": 1, "every": "1s"}},
            "auth": {
                "machine": tokens.profile(),
                "person": tokens.person("never-given"),
                "shaky": failing.profile(),
            },
            "interceptors": {"blocking": {"class": "blocking:Blocking"}},
            "upstreams": {
                "good": {
                    "url": good.url,
                    "match": {"prefix": "/good"},
                    "dedup": {"ttl": "1s"},
                    "breaker": {},
                    "routes": [{"match": "GET /block", "interceptors": ["blocking"]}],
                },
                "bad": {
                    "url": bad.url,
                    "match": {"prefix": "/bad"},
                    "retry": {"budget": {"ratio": "0%", "min": 1}, "backoff": {"base": "50ms"}},
                },
                "broken": {
                    "url": bad.url,
                    "match": {"prefix": "/broken"},
                    "breaker": {"min_calls": 2, "open": "60s"},
                },
                "quota": {"url": quota.url, "match": {"prefix": "/quota"}},
                "paced": {
                    "url": good.url,
                    "match": {"prefix": "/paced"},
                    "rate_limit": {"rate": "1/2s", "burst": 1, "max_wait": "4s"},
                },
                "narrow": {
                    "url": hanging.url,
                    "match": {"prefix": "/narrow"},
                    "concurrency": {"limit": 1, "queue": 0},
                },
                "machine": {"url": tokens.url, "match": {"prefix": "/machine"}, "auth": "machine"},
                "person": {"url": tokens.url, "match": {"prefix": "/person"}, "auth": "person"},
                "shaky": {"url": failing.url, "match": {"prefix": "/shaky"}, "auth": "shaky"},
            },
        }

        async def unavailable(connection: Connection) -> None:
            await connection.request()
            await connection.send(answer(503, {"error": "temporarily_unavailable"}))

        async def load(running: OutriderProcess) -> None:
            admin = aiohttp.ClientSession(running.admin_url, headers={"Outrider-Admin": "1"})
            file = next(folder.glob("outrider-*/outrider.yaml"))
            whole = file.read_text()
            callers = [
                keep_asking(running, 0.1, b"/good/a", b"/good/a", b"/elsewhere", b"/machine/x", b"/quota/x"),
                keep_asking(running, 0.3, b"/bad/1", b"/bad/2", b"/bad/3", b"/broken/1", b"/person/x"),
                keep_asking(running, 0.5, b"/paced/1", b"/paced/2", b"/paced/3", b"/paced/4"),
                keep_asking(running, 0.5, b"/narrow/1", b"/narrow/2"),
                keep_asking(running, 1.5, b"/good/block"),
                renew(admin, failing, unavailable, running),
                reload(admin, file, whole),
            ]
            async with admin, asyncio.TaskGroup() as group:
                for caller in callers:
                    group.create_task(caller)

        yield await start(config, files={"blocking.py": BLOCKING}), load, folder / "watching"


async def keep_asking(running: OutriderProcess, pause: float, *targets: bytes) -> None:
    """All of them at once, again and again."""
    while True:
        asked = [running.request(b"GET", target, timeout=6) for target in targets]
        await asyncio.gather(*asked, return_exceptions=True)
        await asyncio.sleep(pause)


async def renew(admin: aiohttp.ClientSession, failing: TokenServer, unavailable: Any, running: OutriderProcess) -> None:
    """One token is got, and none after it."""
    assert (await running.request(b"GET", b"/shaky/x")).status == 200
    while True:
        failing.next.append(unavailable)
        async with admin.post("/api/profiles/shaky/refresh"), admin.post("/api/profiles/machine/refresh"):
            await asyncio.sleep(0.5)


async def reload(admin: aiohttp.ClientSession, file: Path, whole: str) -> None:
    """One that works, and one of a file with a mistake."""
    async with admin.post("/api/reload") as done:
        assert done.status == 200, await done.text()
    # For as long as an interval of Prometheus, so that it sees both.
    await asyncio.sleep(1)
    file.write_text(f"{whole}\nmistake: 1\n")
    async with admin.post("/api/reload") as done:
        assert done.status == 409, await done.text()
