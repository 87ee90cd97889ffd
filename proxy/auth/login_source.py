"""From a profile of type `login` to its session: one that sends a token, or one that sends cookies.

What must not live here: the login itself (`proxy.auth.login_calls`).
"""

from dataclasses import dataclass

from proxy.auth.call_values import CallValues
from proxy.auth.homes import call_tls, call_url
from proxy.auth.login_calls import Login, Step
from proxy.auth.means import Means
from proxy.auth.record import fingerprint
from proxy.auth.session import SessionSource
from proxy.auth.source import PreparedInjection
from proxy.auth.supply import Failed
from proxy.config.login_model import LoginProfile
from proxy.message.exchange import Injection
from proxy.policy.call_template import CallTemplate
from proxy.policy.cookie_jar import Cookie, CookieJar, rolled, sent_to
from proxy.secret import Secret

__all__ = ["CookieSource", "login_source"]


def login_source(name: str, profile: LoginProfile, means: Means) -> SessionSource:
    home = means.homes.get(name)
    steps = []
    for options in profile.steps:
        url = call_url(options.request, home)
        fetch = means.fetch_over(call_tls(options.request, home))
        steps.append(Step(options, CallTemplate(options.request, url), url, fetch))
    names = frozenset(name for step in steps for name in step.call.names)
    supplier = Login(
        name,
        profile,
        steps,
        fingerprint("login", *(step.url for step in steps), *profile.cookies),
        CallValues(names, profile.secrets, means.open, means.environ),
        means.store,
        means.wall,
    )
    kind = SessionSource if profile.response is not None else CookieSource
    patience = sum(step.options.request.timeout for step in steps)
    source = kind(
        supplier, profile.header, profile.scheme, means.clock, means.spread, means.report(name),
        prewarm=profile.prewarm, patience=patience,
    )  # fmt: skip
    if isinstance(source, CookieSource):
        source.strip = frozenset()
    return source


@dataclass(frozen=True, slots=True, repr=False, kw_only=True)
class _Cookies(PreparedInjection):
    """The cookies of the session that `login` is; which of them go into a request is decided by where it goes."""

    kept: tuple[Cookie, ...]
    login: Secret

    def crumbs(self, host: str, path: str, *, secure: bool) -> list[bytes]:
        return [f"{one.name}={one.value}".encode() for one in sent_to(self.kept, host, path, secure=secure)]

    @property
    def cookie_names(self) -> frozenset[bytes]:
        return frozenset(cookie.name.encode() for cookie in self.kept)


def _in_one_line(cookies: tuple[Cookie, ...], login: Secret) -> _Cookies:
    return _Cookies(cookie=b"; ".join(f"{one.name}={one.value}".encode() for one in cookies), kept=cookies, login=login)


class CookieSource(SessionSource):
    """Sends the session's cookies instead of a field.

    Where an upstream renews one, requests go on with the new one; what is kept is what the login gave, because a
    session that the upstream takes no more costs one login.
    """

    __slots__ = ()

    def _prepared(self, token: Secret) -> PreparedInjection | Failed:
        try:
            cookies = CookieJar.load(token.reveal())
        except ValueError as error:
            return Failed(str(error))
        return _in_one_line(tuple(cookies), token)

    def answered(self, sent: Injection, lines: list[bytes], now: float) -> list[bytes]:
        """The lines of an answer to a request with `sent`, for its caller: who is not to see the session. `now` is wall
        time."""
        held = self._injection
        if not isinstance(sent, _Cookies):
            return lines
        current = isinstance(held, _Cookies) and held.login is sent.login
        found = rolled(held.kept if isinstance(held, _Cookies) and current else sent.kept, lines, now)
        if found is None:
            return lines
        left, cookies = found
        if current and held is not None:
            if cookies:
                self._injection = _in_one_line(cookies, sent.login)
            else:
                # It was ended up there.
                self.reject(held)
        return left
