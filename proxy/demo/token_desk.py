"""The embedded token server: exchanges a refresh token for an access token, and gives a new one of each every time.

A refresh token that was used up ends the session when it comes again, as careful servers have it. What must not live
here: any knowledge of Outrider.
"""

from dataclasses import dataclass, field

from aiohttp import web

from proxy.demo.credentials import MadeUp

__all__ = ["TokenDesk"]


@dataclass(slots=True)
class TokenDesk:
    """`exchanges` counts tokens that were given, `misused` refresh tokens that came a second time."""

    made_up: MadeUp
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
        presented = str(form.get("refresh_token"))
        if presented != self.made_up.refresh:
            self.misused += presented in self._used
            return web.json_response({"error": "invalid_grant"}, status=400)
        self._used.add(presented)
        self.made_up.renew()
        self.exchanges += 1
        granted = {"access_token": self.made_up.access, "refresh_token": self.made_up.refresh, "expires_in": 3600}
        return web.json_response(granted)
