"""Acting on sessions: renew one now, end one, begin one with tokens from elsewhere.

What must not live here: how a session is kept (`proxy.auth`), and which requests end with it (`proxy.edge`).
"""

from collections.abc import Awaitable, Iterator
from dataclasses import dataclass
from typing import Annotated, Self

from pydantic import ConfigDict, Field, model_validator
from pydantic.config import JsonDict

from proxy.admin.answer import AdminAnswer, document
from proxy.admin.profiles import ProfileView, profile_views
from proxy.admin.routes import Ask, Route
from proxy.admin.subject import Subject
from proxy.auth.source import CredentialSource, SessionFault, Tokens
from proxy.auth.token_answer import DEFAULT_LIFETIME
from proxy.auth.token_values import jwt_lifetime
from proxy.clock import Clock
from proxy.config.base import Model, wrong
from proxy.errors import NotFound, NotPossible, SessionExpired
from proxy.secret import Secret

__all__ = ["NewSession", "session_routes"]

_LONGEST = 10 * 365 * 86400.0

Token = Annotated[str, Field(min_length=1, max_length=32 * 1024)]


def _given(name: str) -> JsonDict:
    """The schema of an object that has a text by this name."""
    return {"required": [name], "properties": {name: {"type": "string"}}}


class NewSession(Model):
    """Tokens from elsewhere: an access token, a refresh token, or both. Each may be refused by a profile that has no
    use for it.
    """

    model_config = ConfigDict(json_schema_extra={"anyOf": [_given("access_token"), _given("refresh_token")]})

    access_token: Token | None = Field(None, repr=False, description="The access token.")
    refresh_token: Token | None = Field(None, repr=False, description="The refresh token.")
    expires_in: float | None = Field(
        None,
        gt=0,
        le=_LONGEST,
        allow_inf_nan=False,
        description="Seconds that the access token is good for; else as it says itself (JWT), else 55 minutes.",
    )

    @model_validator(mode="after")
    def _has_a_token(self) -> Self:
        if self.access_token is None and self.refresh_token is None:
            raise wrong("there is no token", "give access_token, refresh_token or both")
        return self

    def tokens(self, now: float) -> Tokens:
        """`now` is wall time."""
        access, refresh = self.access_token, self.refresh_token
        lifetime = self.expires_in
        if access is not None and lifetime is None:
            lifetime = jwt_lifetime(access, now)
        return Tokens(
            None if access is None else Secret(access),
            None if refresh is None else Secret(refresh),
            DEFAULT_LIFETIME if lifetime is None else lifetime,
        )


@dataclass(frozen=True, slots=True)
class Ended:
    """`cancelled` requests were pending and are no more. `said` is what there is to say beside that."""

    profile: ProfileView
    cancelled: int
    said: str


class _Sessions:
    def __init__(self, subject: Subject) -> None:
        self._subject = subject
        self._wall: Clock = subject.wall

    async def refresh(self, ask: Ask) -> AdminAnswer:
        name, source = self._named(ask)
        await _possible(source.renew())
        return document(200, self._view(name), ProfileView)

    async def install(self, ask: Ask) -> AdminAnswer:
        name, source = self._named(ask)
        await _possible(source.install(ask.content.tokens(self._wall())))
        return document(200, self._view(name), ProfileView)

    async def terminate(self, ask: Ask) -> AdminAnswer:
        name, source = self._named(ask)
        pending = sum(visit.uses(name) for visit in self._subject.visits())
        said = await _possible(source.terminate())
        return document(200, Ended(self._view(name), pending, said), Ended)

    def _named(self, ask: Ask) -> tuple[str, CredentialSource]:
        name = ask.params["name"]
        if name not in self._subject.config().auth:
            raise NotFound("There is no profile of this name.")
        pipeline = self._subject.pipeline()
        source = None if pipeline is None else pipeline.sources.get(name)
        if source is None:
            raise NotPossible("This profile has no credential.")
        return name, source

    def _view(self, name: str) -> ProfileView:
        return next(view for view in profile_views(self._subject) if view.name == name)


async def _possible(deed: Awaitable[str | None]) -> str:
    """What came of it. Raises NotPossible where the profile, or the state of its session, does not allow it."""
    try:
        return await deed or ""
    except SessionFault as fault:
        raise NotPossible(fault.detail) from None
    except SessionExpired as expired:
        raise NotPossible(expired.detail) from None


def session_routes(subject: Subject) -> Iterator[Route]:
    sessions = _Sessions(subject)
    path = "/api/profiles/{name}"
    not_possible = {404: "There is no such profile.", 409: "The profile, or its session as it is, does not allow it."}
    failed = {503: "The token endpoint fails; what there was is still in use."}
    yield Route(
        "POST",
        f"{path}/refresh",
        sessions.refresh,
        "Asks for a new token now; the one that there is serves until then.",
        gives=ProfileView,
        statuses=not_possible | failed,
    )
    yield Route(
        "POST",
        f"{path}/terminate",
        sessions.terminate,
        "Ends the session: its tokens are cleared everywhere, and requests that use it are cancelled.",
        gives=Ended,
        statuses=not_possible,
    )
    yield Route(
        "POST",
        f"{path}/session",
        sessions.install,
        "Begins a session with tokens from elsewhere, in the place of the one that there is.",
        takes=NewSession,
        gives=ProfileView,
        statuses=not_possible | failed,
    )
