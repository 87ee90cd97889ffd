"""What a running Outrider writes to its log about the requests that went through it."""

from tests.peers.raw_upstream import RawUpstream
from tests.peers.running import TOKEN, facing
from tests.peers.scripts import answers, closes_unanswered


async def test_a_request_has_one_line_with_what_became_of_it(outrider, captured):
    log = captured()
    async with RawUpstream(answers()) as upstream:
        running = await outrider(facing(upstream.url))
        answer = await running.request(
            b"POST", b"/orders/1?key=canary-query", b"X-Mine: canary-field", content=b"12345"
        )
        assert answer.status == 200
        await running.stop()
    (line,) = log.requests
    assert line["http.request.method"] == "POST"
    assert line["url.path"] == "/orders/1"
    assert line["http.response.status_code"] == 200
    assert (line["server.address"], line["server.port"]) == ("127.0.0.1", upstream.port)
    assert (line["outrider.upstream"], line["outrider.attempts"]) == ("api", 1)
    assert line["outrider.request_id"] == (answer.get(b"outrider-request-id") or b"").decode()
    assert (line["http.request.body.size"], line["http.response.body.size"]) == (5, len(answer.content))
    assert 0 < line["outrider.duration.upstream"] <= line["outrider.duration.total"]
    assert not [secret for secret in ("canary-query", "canary-field", "12345", TOKEN) if secret in log.text]


async def test_an_error_has_one_line_with_its_code_and_stage(outrider, captured):
    log = captured()
    async with RawUpstream(closes_unanswered()) as upstream:
        running = await outrider(facing(upstream.url, upstream={"retry": {"attempts": 1}}))
        assert (await running.request(b"POST", b"/x")).status == 502
        await running.stop()
    (line,) = log.requests
    assert (line["event.name"], line["severity_text"]) == ("request.failed", "WARNING")
    assert (line["error.type"], line["outrider.attempts"]) == ("upstream_disconnected", 1)
    assert line["body"].startswith("upstream_disconnected at ")


async def test_an_answer_whose_caller_left_in_the_middle_is_marked(outrider, captured):
    log = captured()
    half = b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf"

    async def stops_halfway(connection):
        await connection.request()
        await connection.send(half)
        await connection.gone()

    async with RawUpstream(stops_halfway) as upstream:
        running = await outrider(facing(upstream.url, log={"requests": "errors"}))
        async with await running.caller() as caller:
            await caller.send(running.head())
            assert (await caller.head()).status == 200
        await running.has_in_flight(lambda number: number == 0)
        await running.stop()
    (line,) = log.requests
    assert (line["http.response.status_code"], line["outrider.cut"]) == (200, True)
    assert line["http.response.body.size"] == 4


async def test_a_request_that_meets_nothing_has_a_line_too(outrider, captured):
    log = captured()
    async with RawUpstream(answers()) as upstream:
        running = await outrider(facing(upstream.url, upstream={"match": {"prefix": "/api"}}))
        assert (await running.request(b"GET", b"/elsewhere")).status == 404
        await running.stop()
    (line,) = log.requests
    assert (line["error.type"], line["url.path"]) == ("route_not_found", "/elsewhere")


async def test_none_means_none(outrider, captured):
    log = captured()
    async with RawUpstream(answers()) as upstream:
        running = await outrider(facing(upstream.url, log={"requests": "none"}))
        assert (await running.request()).status == 200
        await running.stop()
    assert log.requests == []


async def test_server_timing_says_where_the_time_went(outrider):
    async with RawUpstream(answers()) as upstream:
        running = await outrider(facing(upstream.url, upstream={"server_timing": True}))
        answer = await running.request()
        names = [entry.split(b";")[0].strip() for entry in (answer.get(b"server-timing") or b"").split(b",")]
        assert names == [b"outrider", b"upstream", b"attempts"]


async def test_server_timing_is_told_with_an_answer_of_our_own_too(outrider):
    async with RawUpstream(closes_unanswered()) as upstream:
        running = await outrider(facing(upstream.url, upstream={"server_timing": True, "retry": {"attempts": 2}}))
        answer = await running.request()
    assert answer.code == "upstream_disconnected"
    assert (answer.get(b"server-timing") or b"").endswith(b', attempts;desc="2"')


async def test_server_timing_is_not_told_unless_asked_for(outrider):
    async with RawUpstream(answers()) as upstream:
        running = await outrider(facing(upstream.url))
        assert (await running.request()).get(b"server-timing") is None


async def test_the_wire_log_shows_both_sides_and_nothing_that_may_be_secret(outrider, captured):
    log = captured()
    reply = b"HTTP/1.1 200 canary-reason\r\nSet-Cookie: canary-cookie\r\nServer: x\r\nContent-Length: 4\r\n\r\nbody"
    async with RawUpstream(answers(reply)) as upstream:
        edits = {"set": {"User-Agent": "canary-set"}}
        running = await outrider(facing(upstream.url + "/base", upstream={"headers": edits}, log={"wire": True}))
        lines = [b"Cookie: canary-mine", b"Accept: text/plain", b"X-Unknown: canary-field"]
        assert (await running.request(b"POST", b"/a?k=canary-query", *lines, content=b"canary-content")).status == 200
        await running.stop()
    assert "canary" not in log.text
    asked, sent, answered, told = [line for line in log.lines if line["event.name"].startswith("wire.")]
    assert asked["body"] == "request on the caller's side: POST /a?[redacted]"
    assert sent["body"] == "request on the upstream's side: POST /base/a?[redacted]"
    assert "Authorization: [redacted]" in sent["outrider.wire.fields"]
    assert "User-Agent: [redacted]" in sent["outrider.wire.fields"]
    assert "Accept: text/plain" in asked["outrider.wire.fields"]
    assert answered["body"] == "response on the upstream's side: 200"
    assert told["outrider.wire.fields"] == ["Set-Cookie: [redacted]", "Server: x"]


async def test_the_wire_log_is_silent_at_a_higher_level(outrider, captured):
    log = captured("warning")
    async with RawUpstream(answers()) as upstream:
        running = await outrider(facing(upstream.url, log={"wire": True}))
        assert (await running.request()).status == 200
        await running.stop()
    assert log.lines == []


async def test_what_is_no_request_has_a_line_that_repeats_nothing_of_it(outrider, captured):
    log = captured()
    async with RawUpstream(answers()) as upstream:
        running = await outrider(facing(upstream.url))
        assert (await running.raw(b"canary canary canary\r\n\r\n")).startswith(b"HTTP/1.1 400")
        await running.stop()
    (line,) = log.requests
    assert (line["error.type"], line["http.request.method"]) == ("bad_request", "_OTHER")
    assert "canary" not in log.text
