"""The embedded token server: gives a person's session new tokens for its refresh token, and a machine a token for its
secret.

A refresh token that was used up ends the session when it comes again, as careful servers have it. What must not live
here: any knowledge of Outrider.
"""

from dataclasses import dataclass, field

from aiohttp import web

from proxy.demo.credentials import MadeUp

__all__ = ["TokenDesk"]


@dataclass(slots=True)
class TokenDesk:
    """`exchanges` counts tokens that were given, `misused` refresh tokens that came a second time.

    A token is said to last `lifetime` seconds.
    """

    made_up: MadeUp
    lifetime: int = 3600
    exchanges: int = 0
    misused: int = 0
    _used: set[str] = field(default_factory=set)

    def end_session(self) -> None:
        """As when somebody changes a password elsewhere: neither of the tokens is worth anything now."""
        self.made_up.renew()

    def end_token(self) -> None:
        """The access token has expired; the session goes on."""
        self.made_up.expire()

    async def exchange(self, request: web.Request) -> web.Response:
        form = await request.post()
        if form.get("client_secret") != self.made_up.client:
            return web.json_response({"error": "invalid_client"}, status=401)
        if form.get("grant_type") == "client_credentials":
            self.made_up.renew_machine()
            return self._granted(access_token=self.made_up.machine)
        presented = str(form.get("refresh_token"))
        if presented != self.made_up.refresh:
            self.misused += presented in self._used
            return web.json_response({"error": "invalid_grant"}, status=400)
        self._used.add(presented)
        self.made_up.renew()
        return self._granted(access_token=self.made_up.access, refresh_token=self.made_up.refresh)

    def _granted(self, **tokens: str) -> web.Response:
        self.exchanges += 1
        return web.json_response({**tokens, "token_type": "Bearer", "expires_in": self.lifetime})
