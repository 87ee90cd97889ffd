"""Profiles as the admin plane shows them: the state of each one's credential, and never the credential.

What must not live here: acting on a session (`proxy.admin.sessions`).
"""

from collections.abc import Iterator
from dataclasses import dataclass

from proxy.admin.answer import AdminAnswer, document
from proxy.admin.routes import Ask, Route
from proxy.admin.subject import Subject
from proxy.config.model import Config
from proxy.config.oauth2_model import OAuth2Profile

__all__ = ["ProfileList", "ProfileView", "profile_routes", "profile_views"]

FIXED = "fixed"
"""The state of a profile whose credential stands in the configuration: it has no session."""


@dataclass(frozen=True, slots=True)
class ProfileView:
    """`state` is `fixed` for a credential that is no session, and else the state of the session. `expires_at` is in
    seconds since the epoch, null for a token without end and where there is none. `unusable` says why requests that
    need the credential fail now, `problem` what was wrong last, even where an earlier credential still serves. Where
    `wants_login`, a person begins the session (`outrider login NAME`). `in_flight` requests use the credential now.
    """

    name: str
    type: str
    state: str
    expires_at: float | None
    unusable: str | None
    problem: str | None
    wants_login: bool
    in_flight: int
    refreshes: dict[str, int]
    upstreams: list[str]


@dataclass(frozen=True, slots=True)
class ProfileList:
    profiles: list[ProfileView]


def profile_views(subject: Subject) -> Iterator[ProfileView]:
    pipeline = subject.pipeline()
    config = subject.config()
    sources = {} if pipeline is None else pipeline.sources
    sessions = dict(subject.tallies.sessions)
    visits = subject.visits()
    for name, profile in config.auth.items():
        source, session = sources.get(name), sessions.get(name)
        yield ProfileView(
            name=name,
            type=profile.type,
            state=FIXED if session is None else session.state(),
            expires_at=None if session is None else session.expiry or None,
            unusable=None if source is None else source.unusable,
            problem=None if source is None else source.problem,
            wants_login=isinstance(profile, OAuth2Profile) and profile.wants_login,
            in_flight=sum(visit.uses(name) for visit in visits),
            refreshes={} if session is None else dict(session.refreshes),
            upstreams=sorted(_users(config, name)),
        )


def _users(config: Config, profile: str) -> Iterator[str]:
    """The upstreams that the profile serves, or one of whose routes it serves."""
    for name, upstream in config.upstreams.items():
        if profile in (upstream.auth, *(route.auth for route in upstream.routes)):
            yield name


def profile_routes(subject: Subject) -> Iterator[Route]:
    async def profiles(_: Ask) -> AdminAnswer:
        return document(200, ProfileList(list(profile_views(subject))), ProfileList)

    yield Route("GET", "/api/profiles", profiles, "The profiles and the state of their sessions.", gives=ProfileList)
