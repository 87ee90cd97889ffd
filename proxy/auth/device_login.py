"""Grant `device_code` (RFC 8628): the person opens an address on any device and types a code there.

What must not live here: the screen, the endpoints.
"""

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from proxy.auth.login_rules import LoginFailed, Screen, begin_at, granted, shown
from proxy.auth.token_answer import Granted, Refused, named_error
from proxy.auth.token_endpoint import Lost, TokenEndpoint
from proxy.auth.token_values import number
from proxy.config.oauth2_model import OAuth2Profile
from proxy.errors import OutriderError
from proxy.message.call import Reply
from proxy.secret import Secret

__all__ = ["device_login"]

_GRANT = "urn:ietf:params:oauth:grant-type:device_code"
_PAUSE, _SLOWER = 5.0, 5.0
"""Seconds: between two questions where the server names none, and what is added each time that it finds them too many
(RFC 8628 §3.5)."""

_SHORTEST, _LONGEST = 0.05, 60.0


@dataclass(frozen=True, slots=True)
class _Device:
    code: Secret
    user_code: str
    address: str
    complete: str
    lifetime: float
    pause: float


async def device_login(profile: OAuth2Profile, endpoint: TokenEndpoint, screen: Screen, patience: float) -> Granted:
    device = await _begin(profile, endpoint)
    screen.visit(device.address, device.user_code, device.complete)
    loop = asyncio.get_running_loop()
    end = loop.time() + min(device.lifetime, patience)
    pause = device.pause
    while (left := end - loop.time()) > 0:
        screen.waiting(left)
        await asyncio.sleep(min(pause, left))
        outcome = await endpoint.ask([("grant_type", _GRANT), ("device_code", device.code.reveal())], scope=False)
        if isinstance(outcome, Granted):
            return outcome
        pause = _next_pause(outcome, pause)
    raise LoginFailed("nobody has agreed in time; begin again")


def _next_pause(outcome: Refused | Lost, pause: float) -> float:
    """Raises LoginFailed where there is nothing to wait for."""
    if isinstance(outcome, Lost):
        # RFC 8628 §3.5 asks for exponential pauses where there is no answer.
        return min(2 * pause, _LONGEST)
    match outcome.code:
        case "authorization_pending":
            return pause
        case "slow_down":
            return min(pause + _SLOWER, _LONGEST)
        case "access_denied":
            raise LoginFailed("the person has refused")
        case "expired_token":
            raise LoginFailed("the code has expired before anybody agreed; begin again")
        case _ if outcome.busy or outcome.retry_after is not None:
            return min(max(2 * pause, outcome.retry_after or 0.0), _LONGEST)
        case _:
            granted(outcome)
            return pause


async def _begin(profile: OAuth2Profile, endpoint: TokenEndpoint) -> _Device:
    url = await begin_at(
        endpoint, lambda known: known.device_authorization, "device authorization", "authorization_code"
    )
    try:
        reply = await endpoint.post(url, [*endpoint.wanted, *profile.parameters.items()])
    except OutriderError as error:
        raise LoginFailed(f"no answer from the device authorization endpoint: {error.detail}") from None
    return _read(reply)


def _read(reply: Reply) -> _Device:
    try:
        answer = json.loads(reply.content)
    except (ValueError, RecursionError):
        answer = None
    if not isinstance(answer, dict):
        answer = {}
    if reply.status != 200:
        # Its description may repeat what it was sent, and so the client's secret.
        why = named_error(answer)
        raise LoginFailed(f"the device authorization endpoint answers {reply.status} with {why}")
    code, user_code = _text(answer, "device_code"), _text(answer, "user_code")
    address = _text(answer, "verification_uri") or _text(answer, "verification_url")
    if not (code and user_code and address and address.startswith(("https://", "http://"))):
        raise LoginFailed("the device authorization endpoint answers without a code or an address")
    complete = _text(answer, "verification_uri_complete")
    pause = number(answer.get("interval"))
    return _Device(
        Secret(code),
        shown(user_code),
        shown(address),
        shown(complete) if complete.startswith(("https://", "http://")) else "",
        number(answer.get("expires_in")) or 600.0,
        _PAUSE if pause is None else min(max(pause, _SHORTEST), _LONGEST),
    )


def _text(answer: Mapping[str, Any], name: str) -> str:
    value = answer.get(name)
    return value if isinstance(value, str) else ""
