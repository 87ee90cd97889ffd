"""Scheme `digest`: HTTP Digest, answering the last challenge for as long as its nonce is taken.

The first request goes without; its 401 brings the challenge, and the one replay that a refusal allows answers it. What
must not live here: challenges and answers themselves (`proxy.policy.digest`).
"""

import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from proxy.auth.field import owned, value_problem
from proxy.auth.means import Means
from proxy.auth.secret_rules import SecretUnavailable
from proxy.auth.secret_source import SecretSource
from proxy.auth.signer import Outgoing
from proxy.auth.source import PreparedInjection, StaticSource
from proxy.clock import Clock
from proxy.config.signing_model import DigestProfile
from proxy.errors import ContentTooLarge
from proxy.message import Exchange, Response
from proxy.message.exchange import Injection
from proxy.policy.digest import Challenge, answer, next_nonce, read_challenge, secret_hash
from proxy.policy.renewal import Cooling
from proxy.secret import Secret

__all__ = ["DigestSigner", "DigestSource", "digest_source"]


def digest_source(name: str, profile: DigestProfile, means: Means) -> "DigestSource":
    readers = [means.open(profile.username), means.open(profile.password)]
    return DigestSource(
        SecretSource(readers, _prepare, means.clock), DigestSigner(name, profile.max_content), means.clock
    )


@dataclass(frozen=True, slots=True, repr=False, kw_only=True)
class _Login(PreparedInjection):
    username: Secret
    password: Secret


def _prepare(values: Sequence[Secret]) -> _Login:
    if ":" in values[0].reveal():
        raise SecretUnavailable("the user name has a colon; what follows would be read as the realm (RFC 7616 §3.4.2)")
    if problem := value_problem(values[0].reveal()):
        raise SecretUnavailable(f"the user name {problem}")
    return _Login(username=values[0], password=values[1])


class _Nonce:
    """A challenge that is being answered: how often, and with which nonce of ours, the same for all of its answers."""

    __slots__ = ("challenge", "cnonce", "count", "proof")

    def __init__(self, challenge: Challenge, cnonce: str) -> None:
        self.challenge = challenge
        self.cnonce = cnonce
        self.count = 0
        self.proof: tuple[_Login, str] | None = None


@dataclass(frozen=True, slots=True, repr=False, kw_only=True)
class _Turn(PreparedInjection):
    """A login with what there is to answer; another object for each challenge, so that a refused one is told apart."""

    login: _Login
    nonce: _Nonce | None


@dataclass(frozen=True, slots=True, repr=False, kw_only=True)
class _Signed(PreparedInjection):
    nonce: _Nonce | None


class DigestSigner:
    """Answers the current challenge, and takes up the next. `cnonce()` is a text that does not come twice."""

    __slots__ = ("_cap", "_cnonce", "_name", "current", "hopeless")

    def __init__(self, name: str, cap: int, cnonce: Callable[[], str] = secrets.token_hex) -> None:
        self._name = name
        self._cap = cap
        self._cnonce = cnonce
        self.current: _Nonce | None = None
        self.hopeless = False
        """The last refusal brought nothing to answer."""

    def wants_content(self, exchange: Exchange) -> int:
        nonce = self.current
        return max(self._cap, 1) if nonce is not None and nonce.challenge.qop == "auth-int" else 0

    def sign(self, exchange: Exchange, outgoing: Outgoing, key: Injection) -> Injection:
        assert isinstance(key, _Turn)
        nonce, login = self.current, key.login
        if nonce is None:
            return _Signed(nonce=None)
        challenge, content = nonce.challenge, b""
        if challenge.qop == "auth-int":
            if outgoing.content is None or len(outgoing.content) > self._cap:
                raise ContentTooLarge(
                    f"The upstream wants the content signed, and the profile {self._name} reads at most {self._cap} "
                    "bytes of it ahead; its option max_content says how many.",
                    stage="sign",
                )
            content = outgoing.content
        if nonce.proof is None or nonce.proof[0] is not login:
            password = login.password.reveal()
            nonce.proof = (login, secret_hash(challenge, login.username.reveal(), password, nonce.cnonce))
        # Counted where nothing is awaited, so that no two requests have one number.
        nonce.count += 1
        request = (outgoing.method, outgoing.target, content)
        value = answer(challenge, login.username.reveal(), nonce.proof[1], request, nonce.count, nonce.cnonce)
        return _Signed(lines=b"Authorization: " + value + b"\r\n", nonce=nonce)

    def answered(self, signed: Injection, response: Response) -> None:
        assert isinstance(signed, _Signed)
        if response.status != 401:
            self.hopeless = False
            told = next_nonce(response.lines) if signed.nonce is not None else None
            if told and signed.nonce is self.current and signed.nonce is not None:
                self.current = _Nonce(replace(signed.nonce.challenge, nonce=told), self._cnonce())
            return
        if signed.nonce is not self.current:
            # Another request has brought a newer one meanwhile.
            return
        challenge = read_challenge(response.lines)
        same = self.current is not None and challenge is not None and challenge.nonce == self.current.challenge.nonce
        self.hopeless = challenge is None or (same and not challenge.stale)
        if challenge is not None and not self.hopeless:
            self.current = _Nonce(challenge, self._cnonce())


class DigestSource(StaticSource):
    """A login whose credential is another one for each challenge. `logins` are `_Login`s."""

    __slots__ = ("_clock", "_futile", "_logins", "_turn", "cookie_name", "query_name", "signer", "strip")

    def __init__(self, logins: SecretSource, signer: DigestSigner, clock: Clock) -> None:
        self._logins = logins
        self._clock = clock
        self._turn: _Turn | None = None
        self._futile = Cooling()
        self.signer = signer
        self.strip = owned("Authorization")
        self.query_name = self.cookie_name = b""

    @property
    def problem(self) -> str | None:
        return self._logins.problem

    @property
    def unusable(self) -> str | None:
        return self._logins.unusable

    def peek(self, now: float) -> PreparedInjection | None:
        login = self._logins.peek(now)
        return None if login is None else self._turn_of(login)

    async def current(self) -> PreparedInjection:
        return self._turn_of(await self._logins.current())

    def may_refresh(self, rejected: PreparedInjection) -> bool:
        challenge = None if self.signer.current is None else self.signer.current.challenge
        if self._is_old(rejected) and challenge is not None and challenge.stale:
            # The login was right, and only the nonce was not.
            return True
        if self._futile.remaining(self._clock()):
            return False
        return self._is_old(rejected) or not self.signer.hopeless

    def reject(self, rejected: PreparedInjection) -> None:
        if isinstance(rejected, _Turn) and not self._is_old(rejected):
            self._logins.reject(rejected.login)

    async def refresh(self, rejected: PreparedInjection) -> PreparedInjection | None:
        self.reject(rejected)
        fresh = await self.current()
        return None if fresh is rejected else fresh

    def replayed(self, injection: PreparedInjection, *, accepted: bool) -> None:
        if accepted:
            self._futile.succeeded()
        elif not self._futile.remaining(now := self._clock()):
            # The login is wrong: not every request shall be sent twice for that.
            self._futile.failed(now)

    async def start(self) -> None:
        await self._logins.current()

    async def close(self) -> None:
        await self._logins.close()

    def _is_old(self, turn: PreparedInjection) -> bool:
        return not isinstance(turn, _Turn) or turn.nonce is not self.signer.current

    def _turn_of(self, login: PreparedInjection) -> _Turn:
        assert isinstance(login, _Login)
        turn, nonce = self._turn, self.signer.current
        if turn is None or turn.login is not login or turn.nonce is not nonce:
            turn = self._turn = _Turn(login=login, nonce=nonce)
        return turn
