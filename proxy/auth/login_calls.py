"""Scheme `login`: a token or cookies that credentials are exchanged for, a call after the other, with one cookie jar.

What is refused for good is not tried again with the same credentials: that is how accounts get locked. What must not
live here: filling in calls, cookies' rules, the store.
"""

import asyncio
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

from proxy.auth.call_values import CallValues, sendable
from proxy.auth.kept_session import RenewableSession
from proxy.auth.mapped_answer import LONGEST, AnswerMap, refusal
from proxy.auth.record import Record
from proxy.auth.source import SessionFault, Tokens
from proxy.auth.store import SessionStore
from proxy.auth.supply import Failed, Fresh
from proxy.auth.token_answer import Granted, Refused
from proxy.auth.token_values import is_token, jwt_lifetime
from proxy.clock import Clock
from proxy.config.login_model import LoginProfile, LoginStep
from proxy.errors import OutriderError
from proxy.message.call import Fetch, Reply
from proxy.policy.call_template import CallTemplate
from proxy.policy.cookie_jar import CookieJar
from proxy.policy.login_answer import taken
from proxy.policy.unauthorized import UnauthorizedRules
from proxy.secret import Secret

__all__ = ["Login", "Step"]

_WHO = "login"


@dataclass(frozen=True, slots=True)
class Step:
    """A call, where it goes and by whom it is made."""

    options: LoginStep
    call: CallTemplate
    url: str
    fetch: Fetch


class Login(RenewableSession):
    """Sessions of `steps`, kept under `profile`. `form` is the fingerprint of what is asked for."""

    __slots__ = ("_answers", "_asked", "_options", "_rules", "_seeds", "_steps", "_values")

    def __init__(
        self,
        profile: str,
        options: LoginProfile,
        steps: Sequence[Step],
        form: str,
        values: CallValues,
        store: SessionStore,
        wall: Clock,
    ) -> None:
        super().__init__(profile, store, wall, values.readers, values.readers)
        self._options = options
        self._steps = steps
        self._asked = form
        self._values = values
        signs = options.unauthorized
        self._rules = None if signs is None else UnauthorizedRules(signs)
        self._answers = None if options.response is None else AnswerMap(_WHO, options.response, signs)
        self._seeds: dict[tuple[int, ...], str] = {}

    @property
    def _form(self) -> str:
        return self._asked

    def _check(self, tokens: Tokens) -> None:
        if self._answers is None or tokens.access is None or tokens.refresh is not None:
            raise SessionFault("only a login that gives a token takes one from outside; give an access token alone")

    async def close(self) -> None:
        await self._values.close()

    async def _seed(self) -> str:
        """Tells whether the credentials are the same as before. A password may be short enough to be guessed, so this
        costs a guesser as much as a password's hash does."""
        values = await self._values.read()
        versions = tuple(reader.version for reader in self._values.readers)
        found = self._seeds.get(versions)
        if found is None:
            text, salt = "\0".join(values[name] for name in sorted(values)).encode(), self._profile.encode()
            digest = await asyncio.to_thread(hashlib.scrypt, text, salt=salt, n=2**14, r=8, p=1, dklen=32)
            found = digest.hex()
            self._seeds = {versions: found}
        return found

    async def _begin(self, record: Record, *, keep: bool = True) -> Fresh | Failed:
        outcome = await self._ask()
        if isinstance(outcome, Refused) and outcome.terminal and self._values.forget():
            # What was presented may have been replaced since it was read; the same again is not presented twice.
            before = record.seed
            if await self._seed() != before:
                record = Record(await self._seed())
                outcome = await self._ask()
        if isinstance(outcome, Refused):
            return self._failed(outcome)
        return await self._take(record, outcome) if keep else Fresh(outcome.access, outcome.lifetime)

    async def _ask(self) -> Granted | Refused:
        jar, values = CookieJar(), await self._values.read()
        for number, step in enumerate(self._steps, 1):
            if not step.call.is_complete:
                return Refused("the login is on the upstream that uses the profile, and no upstream uses it")
            cookies = jar.header(step.url)
            more = (("Cookie", cookies),) if cookies else ()
            try:
                reply = await step.fetch(sendable(step.call.call(values, more)))
            except OutriderError as error:
                return Refused(f"no answer to the login: {error.detail}", retry_after=error.retry_after)
            jar.take(reply.lines, step.url, self._wall())
            refused = None if 300 <= reply.status < 400 else refusal(_WHO, reply, self._wall())
            if refused is not None:
                return refused
            for name, how in step.options.take.items():
                value = taken(how, reply, jar)
                if value is None:
                    return Refused(f"the answer to step {number} of the login has no {name}")
                values[name] = value
        return self._granted(reply, jar)

    def _granted(self, reply: Reply, jar: CookieJar) -> Granted | Refused:
        if self._is_refused(reply):
            return Refused("the login does not accept what it was sent", terminal=True)
        response, now = self._options.response, self._wall()
        default = self._options.ttl or LONGEST
        if response is None or self._answers is None:
            return self._cookies(jar, now)
        if response.field is None:
            return self._answers.read(reply, now, default)
        token = (reply.get(response.field.lower().encode()) or b"").decode("latin-1")
        if not is_token(token):
            return Refused(f"the login answers without a usable token in {response.field}")
        told = jwt_lifetime(token, now)
        return Granted(Secret(token), None, default if told is None else min(told, LONGEST))

    def _cookies(self, jar: CookieJar, now: float) -> Granted | Refused:
        cookies = jar.only(self._options.cookies)
        missing = [name for name in self._options.cookies if jar.value(name) is None]
        if missing or not cookies:
            return Refused(f"the login gives no cookie {missing[0]}" if missing else "the login gives no cookie")
        ends = [cookie.expires - now for cookie in cookies if cookie.expires is not None]
        lifetime = min([self._options.ttl or LONGEST, LONGEST, *ends])
        return Granted(Secret(CookieJar.dump(cookies)), None, lifetime)

    def _is_refused(self, reply: Reply) -> bool:
        """By the profile's own signs: a login that failed often answers with the form again."""
        if self._rules is None:
            return False
        if self._rules.by_head(reply.status, reply.lines):
            return True
        judge = self._rules.judge(reply.status, reply.lines, len(reply.content))
        return judge is not None and bool(judge.verdict(reply.content, whole=True))
