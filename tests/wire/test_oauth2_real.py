"""A whole Outrider in front of an API that takes the tokens of a certified server."""

import json
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from tests.peers.oidc_provider import OidcProvider
from tests.peers.running import Outrider

Start = Callable[..., Awaitable[Outrider]]


@pytest.mark.parametrize("same", [True, False])
async def test_a_token_bound_to_a_certificate_is_good_with_that_certificate_alone(
    oidc_tls: OidcProvider, outrider: Start, tmp_path: Path, same: bool
) -> None:
    assert oidc_tls.folder is not None
    assert oidc_tls.authority is not None
    issued = oidc_tls.authority.issue_cert("client.example")
    issued.private_key_and_cert_chain_pem.write_to_path(str(tmp_path / "both.pem"))
    client = oidc_tls.client(
        token_endpoint_auth_method="tls_client_auth",
        tls_client_auth_san_dns="client.example",
        tls_client_certificate_bound_access_tokens=True,
    )
    ca = str(oidc_tls.folder / "ca.pem")
    tls = {"ca": ca, "cert": str(tmp_path / "both.pem")}
    profile = oidc_tls.profile(client, client_auth="tls_client_auth", tls=tls)
    upstream = {"url": oidc_tls.api_url, "auth": "bound", "tls": tls if same else {"ca": ca}}
    running = await outrider({"auth": {"bound": profile}, "upstreams": {"api": upstream}})
    answer = await running.request(target=b"/x")
    assert answer.status == (200 if same else 401)


async def test_a_session_found_by_its_issuer_serves_requests(oidc_tls: OidcProvider, outrider: Start) -> None:
    assert oidc_tls.folder is not None
    client = oidc_tls.client()
    profile = oidc_tls.profile(client, scope="read", issuer=oidc_tls.url)
    del profile["token_url"]
    upstream = {"url": oidc_tls.api_url, "auth": "found", "tls": {"ca": str(oidc_tls.folder / "ca.pem")}}
    running = await outrider({"auth": {"found": profile}, "upstreams": {"api": upstream}})
    answer = await running.request(target=b"/x")
    assert json.loads(answer.content)["client"] == client["client_id"]
    assert [fact.get("granted", fact.get("called")) for fact in oidc_tls.facts(client)] == [
        "client_credentials",
        "/api/x",
    ]
