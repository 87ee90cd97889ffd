from proxy.demo.scene import Scene


def asked(scene: Scene, token: str, secret: str = "") -> dict[str, str]:
    return {"grant_type": "refresh_token", "refresh_token": token, "client_secret": secret or scene.made_up.client}


async def test_each_exchange_gives_two_new_tokens(direct: Scene) -> None:
    first, access = direct.made_up.refresh, direct.made_up.access
    reply = await direct.ask("POST", "/token", data=asked(direct, first))
    granted = reply.json()
    assert (granted["refresh_token"], granted["access_token"]) == (direct.made_up.refresh, direct.made_up.access)
    assert {first, access}.isdisjoint(granted.values())
    assert direct.peer.desk.exchanges == 1


async def test_a_refresh_token_that_comes_twice_is_refused_and_counted(direct: Scene) -> None:
    first = direct.made_up.refresh
    await direct.ask("POST", "/token", data=asked(direct, first))
    reply = await direct.ask("POST", "/token", data=asked(direct, first))
    assert (reply.status, reply.json(), direct.peer.desk.misused) == (400, {"error": "invalid_grant"}, 1)


async def test_a_client_without_its_secret_gets_nothing(direct: Scene) -> None:
    reply = await direct.ask("POST", "/token", data=asked(direct, direct.made_up.refresh, "wrong"))
    assert (reply.status, reply.json()) == (401, {"error": "invalid_client"})


async def test_an_expired_token_opens_nothing(direct: Scene) -> None:
    fields = {"Authorization": f"Bearer {direct.made_up.access}"}
    direct.peer.desk.end_token()
    assert (await direct.ask("GET", "/person/hello", headers=fields)).status == 401
