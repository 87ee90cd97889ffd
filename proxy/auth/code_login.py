"""Grant `authorization_code` with PKCE (RFC 6749 §4.1, RFC 7636): the person's browser comes back to this machine with
a code, which is worth nothing without what only this process knows.

What must not live here: the listener (`proxy.auth.loopback`), the screen.
"""

import asyncio
import base64
import hashlib
import hmac
import secrets
from collections.abc import Mapping
from urllib.parse import urlencode

from proxy.auth.login_rules import LoginFailed, Screen, begin_at, granted, shown
from proxy.auth.loopback import Loopback
from proxy.auth.token_answer import Granted
from proxy.auth.token_endpoint import TokenEndpoint
from proxy.config.oauth2_model import OAuth2Profile

__all__ = ["code_login"]

_LOOK_EVERY = 5.0


async def code_login(profile: OAuth2Profile, endpoint: TokenEndpoint, screen: Screen, patience: float) -> Granted:
    url = await begin_at(endpoint, lambda known: known.authorization, "authorization", "device_code")
    state, verifier = secrets.token_urlsafe(32), secrets.token_urlsafe(48)
    try:
        loopback = await Loopback.open(profile.redirect_uri, lambda given: _is_ours(given, state))
    except OSError as error:
        raise LoginFailed(
            f"cannot listen at redirect_uri {profile.redirect_uri}: {(error.strerror or 'refused').lower()}"
        ) from None
    async with loopback:
        asked = {
            **profile.authorization_parameters,
            "response_type": "code",
            "client_id": profile.client_id or "",
            "redirect_uri": loopback.address,
            "state": state,
            "code_challenge": _challenge(verifier),
            "code_challenge_method": "S256",
            **await _bound_to(endpoint),
        }
        address = f"{url}{'&' if '?' in url else '?'}{urlencode([*asked.items(), *endpoint.wanted])}"
        screen.visit(address, "", "")
        code = _code(await _answer(loopback, screen, patience), profile.issuer)
        pairs = [("grant_type", "authorization_code"), ("code", code), ("redirect_uri", loopback.address)]
        return granted(await endpoint.ask([*pairs, ("code_verifier", verifier)], scope=False))


async def _bound_to(endpoint: TokenEndpoint) -> Mapping[str, str]:
    """The key that the code is bound to already (RFC 9449 §10). Raises SecretUnavailable."""
    return {} if endpoint.keys is None else {"dpop_jkt": (await endpoint.keys.current()).thumbprint}


async def _answer(loopback: Loopback, screen: Screen, patience: float) -> Mapping[str, str]:
    loop = asyncio.get_running_loop()
    end = loop.time() + patience
    while (left := end - loop.time()) > 0:
        screen.waiting(left)
        answer = await loopback.wait(min(left, _LOOK_EVERY))
        if answer is not None:
            return answer
    raise LoginFailed("no browser has come back in time; begin again")


def _code(answer: Mapping[str, str], issuer: str | None) -> str:
    """Raises LoginFailed."""
    named = answer.get("iss")
    if named is not None and issuer is not None and named != issuer:
        # Another server's answer, put in the place of ours (RFC 9207 §2.4).
        raise LoginFailed(f"the answer comes from another issuer ({shown(named)}) than the profile's")
    if error := answer.get("error"):
        said = ": ".join(shown(text) for text in (error, answer.get("error_description")) if text)
        raise LoginFailed(f"the server answers with {said}")
    if not answer.get("code"):
        raise LoginFailed("the browser came back without a code")
    return answer["code"]


def _is_ours(answer: Mapping[str, str], state: str) -> bool:
    return hmac.compare_digest(answer.get("state", "").encode(), state.encode())


def _challenge(verifier: str) -> str:
    digest = hashlib.sha256(verifier.encode()).digest()
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
