"""The shape of the configuration: frozen models, one per section, with the defaults and a description of every option.

Everything below the loader reads these objects and nothing else: no YAML, no environment, no secret's value. A section
or an option is here only when something reads it. What must not live here: how a file is read (`proxy.config.load`).
"""

from typing import Annotated, Any, Literal, TypeVar

from pydantic import AfterValidator, Field

from proxy.config.auth_model import AuthProfile, SecretRef
from proxy.config.base import Model
from proxy.config.breaker_model import BreakerPolicy
from proxy.config.concurrency_model import ConcurrencyPolicy
from proxy.config.dedup_model import Dedup
from proxy.config.errors_model import ErrorsPolicy
from proxy.config.hedge_model import HedgePolicy
from proxy.config.hooks_model import Hooks
from proxy.config.interceptor_model import InterceptorEntry
from proxy.config.log_model import Log
from proxy.config.rate_model import QuotaPolicy, RateLimits
from proxy.config.retry_model import Replay, Retry
from proxy.config.state_key_model import StateKeys
from proxy.config.tls_model import Tls
from proxy.config.tracing_model import Tracing
from proxy.config.units import Duration, Size
from proxy.config.values import (
    Addresses,
    AdminAddresses,
    BrowserOrigin,
    FieldName,
    FieldValue,
    HostName,
    HostValue,
    Method,
    Name,
    PathGlob,
    PathPrefix,
    RoutePattern,
    UpstreamUrl,
    unique_fields,
)

__all__ = [
    "Access",
    "Admin",
    "Caller",
    "Config",
    "FieldEdits",
    "Headers",
    "Limits",
    "Log",
    "Match",
    "Pool",
    "Route",
    "State",
    "Timeouts",
    "Tls",
    "Upstream",
]


class Admin(Model):
    """The admin listener: health, metrics, the redacted configuration."""

    listen: AdminAddresses = Field(
        "127.0.0.1:9901", description="Address of the admin listener, a list of them, or `off`."
    )
    token: SecretRef | None = Field(None, description="Wanted as `Authorization: Bearer` on everything but health.")


class Caller(Model):
    """A named caller: its secret, and what it may ask."""

    token: SecretRef = Field(description="Sent by the caller in `Outrider-Token`.")
    upstreams: list[Name] | None = Field(None, description="Names of the upstreams it may use; all when left out.")
    methods: list[Method] | None = Field(None, description="Methods it may use; all when left out.")
    paths: list[PathGlob] | None = Field(
        None, description="Path patterns (below the upstream) it may use; all when left out."
    )


class Access(Model):
    """Who may call, by which names, and what a caller may decide for itself."""

    hosts: list[HostValue] = Field(
        [], description="Host values to accept beside the listen address and loopback names."
    )
    origins: list[BrowserOrigin] = Field([], description="Browser origins that may call, each `scheme://host[:port]`.")
    allow_remote: bool = Field(False, description="Allow listening beyond loopback; wants `callers`.")
    callers: dict[Name, Caller] = Field({}, description="Named callers; when given, every request must carry a token.")
    uids: list[Annotated[int, Field(ge=0)]] | None = Field(
        None, description="User ids that may use a Unix socket; everyone who can open it when left out."
    )
    overrides: list[Literal["auth", "dedup", "min_interval", "request_id", "retry", "timeout"]] = Field(
        ["auth", "dedup", "min_interval", "request_id", "retry", "timeout"],
        description="Which `Outrider-…` request fields callers may use.",
    )


class Limits(Model):
    """Caps that protect the daemon itself."""

    connections: int = Field(2000, ge=1, description="Callers' connections at once.")
    in_flight: int = Field(1000, ge=1, description="Requests at once; past it they are refused with `overloaded`.")
    head: Size = Field(16 * 2**10, description="A request's target and fields.")
    body: Size = Field(5 * 2**30, description="A request's content.")
    head_timeout: Duration = Field(10.0, description="From the first byte of a request to the end of its head.")
    idle_timeout: Duration = Field(75.0, description="How long a kept-alive caller may be silent between requests.")
    min_body_rate: Size = Field(64, description="Bytes a second below which an upload is given up; 0 for none.")


class State(Model):
    """Where sessions are kept."""

    dir: str | None = Field(
        None,
        min_length=1,
        description="Folder of the sessions, its owner's alone; made when missing. Without it they live in memory.",
    )
    key: StateKeys = Field(
        [],
        description="Encrypts what is kept: 32 random bytes in base64. Of a list the first encrypts, and all decrypt.",
    )


class Match(Model):
    """How an upstream is met; an upstream with no match takes everything else."""

    host: HostName | None = Field(None, description="Host name, without port.")
    prefix: PathPrefix | None = Field(None, description="Path prefix of whole segments; the longest wins.")


class FieldEdits(Model):
    """Fields set and removed."""

    set: Annotated[dict[FieldName, FieldValue], AfterValidator(unique_fields)] = Field(
        {}, repr=False, description="Fields to set; a caller's or upstream's own of that name is replaced."
    )
    remove: list[FieldName] = Field([], description="Fields to remove.")


class Headers(FieldEdits):
    """Fields set and removed on requests, and under `response` on responses."""

    response: FieldEdits = Field(FieldEdits(), description="The same for what goes back to the caller.")


class Timeouts(Model):
    """Limits of one attempt, and of the whole."""

    connect: Duration = Field(5.0, description="Name resolution, connect and TLS.")
    first_byte: Duration = Field(30.0, description="From the end of the request to the head of the response.")
    idle: Duration = Field(60.0, description="Silence on the upstream connection while content moves.")
    total: Duration = Field(0.0, description="From the caller's head to the response's head; 0 for no limit.")
    deadline_header: FieldName | None = Field(
        None,
        description="Field that tells the upstream the milliseconds left of `total`; `grpc-timeout` in its own form.",
    )


class Pool(Model):
    """Connections kept to one upstream."""

    connections: int = Field(256, ge=1, description="Connections at once, idle ones included.")
    idle: Duration = Field(15.0, description="How long an unused connection is kept.")


class Route(Model):
    """A method and path pattern inside an upstream, and what it does differently."""

    match: RoutePattern = Field(
        description="`METHOD /path`: methods joined by commas, or `*`; in a path `*` is one segment, a last `**` all.",
    )
    auth: str | None = Field(None, description="Another profile, or `none`.")
    headers: Headers | None = Field(None, description="Instead of the upstream's.")
    timeout: Timeouts | None = Field(None, description="Instead of the upstream's.")
    retry: Retry | None = Field(None, description="What differs from the upstream's.")
    dedup: Dedup | None = Field(None, description="What differs from the upstream's.")
    rate_limit: RateLimits | None = Field(None, description="Limits of this route, beside the upstream's.")
    quota: QuotaPolicy | None = Field(None, description="What differs from the upstream's.")
    replay: Replay | None = Field(None, description="What differs from the upstream's.")
    concurrency: ConcurrencyPolicy | None = Field(None, description="A limit of its own within the upstream's.")
    hedge: HedgePolicy | None = Field(None, description="What differs from the upstream's.")
    errors: ErrorsPolicy | None = Field(None, description="What differs from the upstream's.")
    interceptors: list[Name] | None = Field(None, description="Instead of the upstream's.")


class Upstream(Model):
    """An API that callers reach through Outrider."""

    url: UpstreamUrl = Field(description="Base URL, http or https, with an optional base path.")
    match: Match = Field(Match(), description="How it is met; left out, it takes everything else.")
    keep_prefix: bool = Field(False, description="Send the matched prefix on instead of stripping it.")
    auth: str = Field("none", description="Name of a profile under `auth`.")
    headers: Headers = Field(Headers(), description="Fields set and removed.")
    forwarded: bool = Field(False, description="Send `Forwarded` and `X-Forwarded-*` on; they are removed otherwise.")
    timeout: Timeouts = Field(Timeouts(), description="Limits.")
    retry: Retry = Field(Retry(), description="What is tried again.")
    dedup: Dedup | None = Field(None, description="Identical requests that share one call; off when left out.")
    rate_limit: RateLimits | None = Field(
        None, description="How fast requests are sent to it: a limit, or a list of them that all must let one pass."
    )
    quota: QuotaPolicy = Field(QuotaPolicy(), description="What is learned of its own limits.")
    replay: Replay = Field(Replay(), description="Content kept for further attempts.")
    concurrency: ConcurrencyPolicy | None = Field(None, description="Calls at once; no limit when left out.")
    breaker: BreakerPolicy | None = Field(None, description="Leaves it alone while it fails; off when left out.")
    hedge: HedgePolicy | None = Field(None, description="A second call when the first is slow; off when left out.")
    errors: ErrorsPolicy | None = Field(None, description="Its own error answers; untouched when left out.")
    server_timing: bool = Field(False, description="Tell callers in `Server-Timing` where the time went.")
    interceptors: list[Name] = Field(
        [], description="Names under `interceptors`, from the first that sees a request to the last."
    )
    tls: Tls = Field(Tls(), description="TLS toward it.")
    pool: Pool = Field(Pool(), description="Connections kept to it.")
    routes: list[Route] = Field([], description="The first that matches overrides the policies above.")


Policy = TypeVar("Policy", bound=Model)


def overlaid(base: Policy | None, route: Policy | None) -> Policy | None:
    """An upstream's policy as a route has it: what the route leaves out stays as it is, in groups of options too."""
    if base is None or route is None:
        return base if route is None else route
    return base.model_copy(
        update={name: _laid(getattr(base, name), getattr(route, name)) for name in route.model_fields_set}
    )


def _laid(base: Any, route: Any) -> Any:
    return overlaid(base, route) if isinstance(base, Model) and isinstance(route, Model) else route


class Config(Model):
    """The whole file."""

    listen: Addresses = Field("127.0.0.1:8080", description="host:port, [v6]:port, unix:/path, or a list of them.")
    admin: Admin = Field(Admin(), description="The admin listener.")
    state: State = Field(State(), description="Where sessions are kept, so that they survive a restart.")
    access: Access = Field(Access(), description="Who may call.")
    limits: Limits = Field(Limits(), description="Caps.")
    auth: dict[Name, AuthProfile] = Field({}, description="Credential profiles by name.")
    upstreams: Annotated[dict[Name, Upstream], Field(min_length=1)] = Field(description="Upstreams by name.")
    interceptors: dict[Name, InterceptorEntry] = Field({}, description="What may change requests and answers, by name.")
    hooks: Hooks = Field(Hooks(), description="Who is told of what happens.")
    log: Log = Field(Log(), description="What is written.")
    tracing: Tracing | None = Field(None, description="Spans for a collector; off when left out.")

    @property
    def listen_addresses(self) -> list[str]:
        return [self.listen] if isinstance(self.listen, str) else list(self.listen)

    @property
    def admin_addresses(self) -> list[str]:
        if self.admin.listen == "off":
            return []
        return [self.admin.listen] if isinstance(self.admin.listen, str) else list(self.admin.listen)
