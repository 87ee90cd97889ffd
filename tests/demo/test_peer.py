import asyncio
import base64
import hmac

import aiohttp
import pytest

from proxy.demo.peer import PACKED, REPORT
from proxy.demo.scene import Scene


def bearer(scene: Scene) -> dict[str, str]:
    return {"Authorization": f"Bearer {scene.made_up.token}"}


@pytest.mark.parametrize(
    "door", ["v1", "partner", "maps", "signed", "sealed", "commanded", "rotating", "person", "elsewhere"]
)
async def test_a_door_stays_shut_without_its_credential(direct: Scene, door: str) -> None:
    reply = await direct.ask("GET", f"/{door}/hello", headers={"Authorization": "Bearer wrong"})
    assert reply.status == 401
    assert reply.seen is not None


async def test_each_door_opens_to_its_own_credential(direct: Scene) -> None:
    made_up = direct.made_up
    password = base64.b64encode(f"demo:{made_up.password}".encode()).decode()
    seal = hmac.new(made_up.seal.encode(), b"1 GET /sealed/hello", "sha256").hexdigest()
    keys: list[tuple[str, dict[str, str]]] = [
        ("/v1/hello", bearer(direct)),
        ("/partner/hello", {"Authorization": f"Basic {password}"}),
        (f"/maps/hello?key={made_up.key}", {}),
        ("/signed/hello", {"X-App-Proof": base64.b64encode(made_up.app.encode()).decode()}),
        ("/sealed/hello", {"X-Seal": f"1.{seal}"}),
        ("/commanded/hello", {"Authorization": f"Bearer {made_up.command}"}),
        ("/person/hello", {"Authorization": f"Bearer {made_up.access}"}),
        ("/rotating/hello", {"Authorization": f"Bearer {made_up.rotated}"}),
    ]
    assert [(await direct.ask("GET", target, headers=fields)).status for target, fields in keys] == [200] * len(keys)


async def test_a_key_that_is_sent_twice_opens_nothing(direct: Scene) -> None:
    key = direct.made_up.key
    assert (await direct.ask("GET", f"/maps/hello?key={key}&key={key}")).status == 401


async def test_the_target_is_remembered_byte_for_byte(direct: Scene) -> None:
    reply = await direct.ask("GET", "/v1/a%2fb//c?q=%zz&&", headers=bearer(direct))
    assert reply.seen is not None
    assert reply.seen.target == "/v1/a%2fb//c?q=%zz&&"


async def test_a_range_of_the_report_is_served(direct: Scene) -> None:
    reply = await direct.ask("GET", "/v1/report", headers=bearer(direct) | {"Range": "bytes=10-19"})
    assert (reply.status, reply.content) == (206, REPORT[10:20])


async def test_a_compressed_answer_says_so(direct: Scene) -> None:
    reply = await direct.ask("GET", "/v1/packed", headers=bearer(direct))
    assert (reply.content, reply.fields["Content-Encoding"]) == (PACKED, "gzip")


async def test_the_second_event_waits_for_the_gate(direct: Scene) -> None:
    async with direct.client.get(f"{direct.origin}/v1/events", headers=bearer(direct)) as response:
        assert await response.content.readuntil(b"\n\n") == b"data: first\n\n"
        following = asyncio.ensure_future(response.content.read())
        await asyncio.sleep(0)
        assert not following.done()
        direct.peer.gate.set()
        assert await following == b"data: second\n\n"


async def test_a_dropped_connection_has_no_answer(direct: Scene) -> None:
    with pytest.raises(aiohttp.ServerDisconnectedError):
        await direct.ask("POST", "/v1/dropped", headers=bearer(direct))


async def test_a_cut_answer_promises_more_than_it_sends(direct: Scene) -> None:
    with pytest.raises(aiohttp.ClientPayloadError):
        await direct.ask("GET", "/v1/cut", headers=bearer(direct))
