"""The spans of a running Outrider, as a collector gets them."""

import asyncio
import subprocess
import sys

from tests.peers.otlp_collector import OtlpCollector
from tests.peers.raw_upstream import RawUpstream
from tests.peers.running import TOKEN, facing
from tests.peers.scripts import answers, closes_unanswered
from tests.peers.token_server import TokenServer

TRACE, PARENT = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
SAMPLED = f"traceparent: 00-{TRACE}-{PARENT}-01".encode()
UNSAMPLED = f"traceparent: 00-{TRACE}-{PARENT}-00".encode()


def traced(collector: OtlpCollector, url: str, **sections):
    return facing(url, tracing={"endpoint": collector.url, **sections.pop("tracing", {})}, **sections)


def sent(upstream: RawUpstream, name: bytes) -> list[bytes]:
    return [value for head in upstream.heads for field, value in head.fields if field.lower() == name]


async def test_a_request_and_its_attempt_are_spans_of_the_callers_trace(outrider):
    with OtlpCollector() as collector:
        async with RawUpstream(answers()) as upstream:
            running = await outrider(traced(collector, upstream.url + "/base"))
            answer = await running.request(b"GET", b"/a?k=canary-query", SAMPLED, b"tracestate: vendor=1")
            assert answer.status == 200
            await running.stop()
            (passed,), state = sent(upstream, b"traceparent"), sent(upstream, b"tracestate")
            port = upstream.port
    (request,), (attempt,) = collector.named("server"), collector.named("client")
    assert (request.trace_id, request.parent, attempt.parent) == (TRACE, PARENT, request.span_id)
    assert passed.decode() == f"00-{TRACE}-{attempt.span_id}-01"
    assert state == [b"vendor=1"]
    assert request.attributes == {
        "http.request.method": "GET",
        "url.scheme": "http",
        "url.path": "/a",
        "outrider.upstream": "api",
        "outrider.request_id": (answer.get(b"outrider-request-id") or b"").decode(),
        "outrider.attempts": 1,
        "http.response.status_code": 200,
    }
    assert attempt.attributes == {
        "http.request.method": "GET",
        "url.full": f"http://127.0.0.1:{port}/base/a",
        "server.address": "127.0.0.1",
        "server.port": port,
        "http.response.status_code": 200,
    }
    assert request.began <= attempt.began <= attempt.ended <= request.ended
    assert collector.resources[0]["service.name"] == "outrider"
    assert b"canary" not in collector.raw
    assert TOKEN.encode() not in collector.raw


async def test_without_a_callers_trace_one_begins_and_its_foreign_state_ends(outrider):
    with OtlpCollector() as collector:
        async with RawUpstream(answers()) as upstream:
            running = await outrider(traced(collector, upstream.url))
            await running.request(b"GET", b"/", b"traceparent: nonsense", b"tracestate: vendor=1")
            await running.stop()
            (passed,) = sent(upstream, b"traceparent")
            assert sent(upstream, b"tracestate") == []
    (request,) = collector.named("server")
    assert request.parent == ""
    assert passed.decode().split("-")[1] == request.trace_id


async def test_a_span_has_the_path_and_the_route_that_the_caller_knows(outrider):
    upstream_options = {"match": {"prefix": "/billing"}, "routes": [{"match": "GET /orders/*"}]}
    with OtlpCollector() as collector:
        async with RawUpstream(answers()) as upstream:
            running = await outrider(traced(collector, upstream.url, upstream=upstream_options))
            await running.request(b"GET", b"/billing/orders/7")
            await running.stop()
            port = upstream.port
    (request,), (attempt,) = collector.named("server"), collector.named("client")
    assert (request.name, request.attributes["http.route"]) == ("GET /billing/orders/*", "/billing/orders/*")
    assert request.attributes["url.path"] == "/billing/orders/7"
    assert attempt.attributes["url.full"] == f"http://127.0.0.1:{port}/orders/7"


async def test_a_prefix_that_is_sent_on_is_in_a_path_once(outrider):
    with OtlpCollector() as collector:
        async with RawUpstream(answers()) as upstream:
            kept = {"match": {"prefix": "/billing"}, "keep_prefix": True}
            running = await outrider(traced(collector, upstream.url, upstream=kept))
            await running.request(b"GET", b"/billing/a")
            await running.stop()
    (request,) = collector.named("server")
    assert request.attributes["url.path"] == "/billing/a"


async def test_an_unusual_method_is_named_beside_what_stands_for_it(outrider):
    with OtlpCollector() as collector:
        async with RawUpstream(answers()) as upstream:
            running = await outrider(traced(collector, upstream.url))
            await running.request(b"PROPFIND", b"/")
            await running.stop()
    (request,), (attempt,) = collector.named("server"), collector.named("client")
    assert (request.name, attempt.name) == ("HTTP", "HTTP")
    for span in (request, attempt):
        assert span.attributes["http.request.method"] == "_OTHER"
        assert span.attributes["http.request.method_original"] == "PROPFIND"


async def test_every_attempt_is_a_span_with_its_error(outrider):
    with OtlpCollector() as collector:
        async with RawUpstream(closes_unanswered()) as upstream:
            running = await outrider(traced(collector, upstream.url, upstream={"retry": {"attempts": 2}}))
            assert (await running.request(b"GET", b"/")).status == 502
            await running.stop()
    (request,), attempts = collector.named("server"), collector.named("client")
    assert [span.attributes.get("http.request.resend_count", 0) for span in attempts] == [0, 1]
    assert {span.attributes["error.type"] for span in [request, *attempts]} == {"upstream_disconnected"}
    assert all(span.failed for span in [request, *attempts])


async def test_a_caller_that_samples_nothing_is_obeyed_and_its_trace_passes_on(outrider):
    with OtlpCollector() as collector:
        async with RawUpstream(answers()) as upstream:
            running = await outrider(traced(collector, upstream.url))
            await running.request(b"GET", b"/", UNSAMPLED)
            await running.stop()
            (passed,) = sent(upstream, b"traceparent")
    assert collector.spans == []
    assert passed.decode().split("-")[1::2] == [TRACE, "00"]


async def test_the_sample_decides_for_callers_that_do_not(outrider):
    with OtlpCollector() as collector:
        async with RawUpstream(answers()) as upstream:
            running = await outrider(traced(collector, upstream.url, tracing={"sample": "0%"}))
            await running.request()
            await running.request(b"GET", b"/", SAMPLED)
            await running.stop()
    assert [span.trace_id for span in collector.named("server")] == [TRACE]


async def test_a_wait_in_line_is_a_span_between_request_and_attempt(outrider):
    with OtlpCollector() as collector:
        async with RawUpstream(answers()) as upstream:
            limit = {"rate_limit": {"rate": "10/s", "burst": 1}}
            running = await outrider(traced(collector, upstream.url, upstream=limit))
            for _ in range(2):
                assert (await running.request()).status == 200
            await running.stop()
    (wait,) = [span for span in collector.spans if span.name == "wait in line"]
    last, attempt = collector.named("server")[-1], collector.named("client")[-1]
    assert (wait.parent, attempt.parent) == (last.span_id, last.span_id)
    assert last.began <= wait.began < wait.ended <= attempt.began


async def test_a_refresh_and_the_wait_for_it_are_spans_without_a_token(outrider):
    with OtlpCollector() as collector:
        async with TokenServer() as server:
            profile = {
                "type": "oauth2", "grant": "client_credentials", "token_url": f"{server.url}/token",
                "client_id": "ma:chine", "client_secret": "s%c&ret /ü", "prewarm": False,
            }  # fmt: skip
            config = {
                "auth": {"machine": profile},
                "upstreams": {"api": {"url": server.url, "auth": "machine"}},
                "tracing": {"endpoint": collector.url},
            }
            running = await outrider(config)
            await asyncio.gather(*(running.request() for _ in range(3)))
            await running.request()
            await running.stop()
    (refresh,) = [span for span in collector.spans if span.name == "refresh"]
    assert refresh.attributes == {"outrider.profile": "machine", "outrider.refresh.result": "success"}
    waits = [span for span in collector.spans if span.name == "wait for credential"]
    assert [wait.links for wait in waits] == [[refresh.span_id]] * 3
    assert len({wait.trace_id for wait in waits} - {refresh.trace_id}) == 3
    assert b"ret /" not in collector.raw


async def test_the_log_and_the_metrics_name_the_trace(outrider, captured):
    log = captured()
    with OtlpCollector() as collector:
        async with RawUpstream(answers()) as upstream:
            running = await outrider(traced(collector, upstream.url))
            await running.request(b"GET", b"/", SAMPLED)
            exemplars = [last for last in running.daemon._pipeline.tallies["api"].exemplars if last is not None]
            await running.stop()
    (line,) = log.requests
    (request,) = collector.named("server")
    assert (line["trace_id"], line["span_id"]) == (TRACE, request.span_id)
    assert [last[2] for last in exemplars] == [TRACE]


async def test_the_collector_gets_its_fields_and_the_services_name(outrider):
    with OtlpCollector() as collector:
        async with RawUpstream(answers()) as upstream:
            options = {"headers": {"X-Key": "to-the-collector"}, "service": "sidecar"}
            running = await outrider(traced(collector, upstream.url, tracing=options))
            await running.request()
            await running.stop()
    assert collector.fields[0]["x-key"] == "to-the-collector"
    assert collector.resources[0]["service.name"] == "sidecar"


async def test_a_collectors_key_may_stand_in_a_file(outrider, tmp_path):
    key = tmp_path / "key"
    key.write_text("from-a-file\n")
    key.chmod(0o600)
    with OtlpCollector() as collector:
        async with RawUpstream(answers()) as upstream:
            options = {"headers": {"X-Key": {"file": str(key)}}}
            running = await outrider(traced(collector, upstream.url, tracing=options))
            await running.request()
            await running.stop()
    assert collector.fields[0]["x-key"] == "from-a-file"


async def test_a_collector_that_is_away_disturbs_nobody(outrider):
    async with RawUpstream(answers()) as upstream:
        running = await outrider(facing(upstream.url, tracing={"endpoint": "http://127.0.0.1:9"}))
        assert (await running.request()).status == 200
        await running.stop()


async def test_without_tracing_a_trace_passes_untouched(outrider):
    async with RawUpstream(answers()) as upstream:
        running = await outrider(facing(upstream.url))
        await running.request(b"GET", b"/", SAMPLED, b"tracestate: vendor=1")
        assert sent(upstream, b"traceparent") == [SAMPLED.partition(b": ")[2]]
        assert sent(upstream, b"tracestate") == [b"vendor=1"]


def test_without_tracing_its_libraries_are_not_imported():
    modules = "[name for name in sys.modules if name.startswith('opentelemetry')]"
    source = f"import sys, proxy.daemon, proxy.cli.run; sys.exit(len({modules}))"
    assert subprocess.run([sys.executable, "-c", source], timeout=60).returncode == 0
