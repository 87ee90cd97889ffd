import asyncio
import hashlib
import hmac
import json
import os
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from proxy.auth.fixed_secret import literal_reader
from proxy.clock import CoarseTimer
from proxy.config.hooks_model import Hook
from proxy.hooks.notice import Notice
from proxy.hooks.send import SIGNATURE, Undelivered, command_sender, signature, webhook_sender
from proxy.secret import Secret
from proxy.upstream.fetch import Fetcher
from tests.peers.raw_upstream import RawUpstream, Script
from tests.peers.scripts import answers, closes_unanswered, never_answers

NOTICE = Notice("on_error", {"kind": "request.error", "id": 7})


@pytest.fixture
async def fetch() -> AsyncIterator[Fetcher]:
    timer = CoarseTimer(asyncio.get_running_loop(), 0.05)
    fetcher = Fetcher(timer, asyncio.get_running_loop())
    yield fetcher
    await fetcher.close()
    timer.close()


def status(number: int) -> bytes:
    return b"HTTP/1.1 %d X\r\nContent-Length: 0\r\n\r\n" % number


async def test_a_webhook_is_given_the_notice_signed_with_its_moment(fetch: Fetcher) -> None:
    secret = literal_reader(Secret("made-up"))
    async with RawUpstream(answers(status(204))) as receiver:
        await webhook_sender(f"{receiver.url}/in?a=b", 5, secret, fetch, lambda: 1234.5)(NOTICE)
        (request,) = receiver.requests
    assert (request.head.method, request.head.target) == (b"POST", b"/in?a=b")
    assert json.loads(request.content) == dict(NOTICE.document)
    assert request.head.get(b"content-type") == b"application/json"
    wanted = hmac.new(b"made-up", b"1234." + request.content, hashlib.sha256).hexdigest()
    assert request.head.get(SIGNATURE.encode()) == f"t=1234,v1={wanted}".encode()


async def test_without_a_secret_nothing_is_signed(fetch: Fetcher) -> None:
    async with RawUpstream(answers(status(200))) as receiver:
        await webhook_sender(receiver.url, 5, None, fetch, lambda: 0)(NOTICE)
        assert receiver.requests[0].head.get(SIGNATURE.encode()) is None


def test_the_signature_covers_time_and_content() -> None:
    assert (
        len({signature(b"k", 1, b"a"), signature(b"k", 2, b"a"), signature(b"k", 1, b"b"), signature(b"l", 1, b"a")})
        == 4
    )


@pytest.mark.parametrize(
    ("number", "again"), [(302, False), (400, False), (404, False), (408, True), (429, True), (500, True), (503, True)]
)
async def test_an_answer_says_whether_another_attempt_may_help(number: int, again: bool, fetch: Fetcher) -> None:
    async with RawUpstream(answers(status(number))) as receiver:
        with pytest.raises(Undelivered) as failed:
            await webhook_sender(f"{receiver.url}/secret-path", 5, None, fetch, lambda: 0)(NOTICE)
    assert (failed.value.again, str(failed.value)) == (again, f"127.0.0.1 answered {number}")


@pytest.mark.parametrize("script", [closes_unanswered(), never_answers()], ids=["closes", "hangs"])
async def test_a_receiver_that_closes_or_hangs_is_tried_again(script: Script, fetch: Fetcher) -> None:
    async with RawUpstream(script) as receiver:
        with pytest.raises(Undelivered) as failed:
            await webhook_sender(receiver.url, 0.2, None, fetch, lambda: 0)(NOTICE)
    assert failed.value.again


def hook(*command: str, timeout: str = "5s") -> Hook:
    return Hook.model_validate({"command": [*command], "timeout": timeout})


async def test_a_command_has_the_notice_as_input_and_in_its_variables(tmp_path: Path) -> None:
    kept = "sys.stdin.read() + os.environ['OUTRIDER_EVENT_ID'] + os.environ['MINE']"
    code = f"import os, sys; open('out', 'w').write({kept})"
    await command_sender(hook(sys.executable, "-c", code), tmp_path, {"MINE": "!"})(NOTICE)
    document, end = (tmp_path / "out").read_text().split("\n")
    assert (json.loads(document), end) == (dict(NOTICE.document), "7!")


async def test_a_command_need_not_read_its_input(tmp_path: Path) -> None:
    await command_sender(hook("true"), tmp_path, dict(os.environ))(Notice("on_error", {"a": "x" * 10**6}))


@pytest.mark.parametrize(
    ("command", "message"),
    [
        (("false",), "command 'false' exited with 1"),
        (("no-such-program",), "command 'no-such-program' cannot be started"),
    ],
)
async def test_a_command_that_fails_is_tried_again(command: tuple[str, ...], message: str, tmp_path: Path) -> None:
    with pytest.raises(Undelivered, match=message) as failed:
        await command_sender(hook(*command), tmp_path, dict(os.environ))(NOTICE)
    assert failed.value.again


async def test_a_command_that_hangs_is_ended_with_its_children(tmp_path: Path) -> None:
    shell = "sleep 60 & echo $! > child; wait"
    with pytest.raises(Undelivered, match=r"took longer than 0\.3 s"):
        await command_sender(hook("sh", "-c", shell, timeout="300ms"), tmp_path, dict(os.environ))(NOTICE)
    child = int((tmp_path / "child").read_text())
    async with asyncio.timeout(5):
        while _runs(child):
            await asyncio.sleep(0.01)


def _runs(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False
