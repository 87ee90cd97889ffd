"""What the answer of an API's own call means, by where the configuration says that things stand.

Pure. No text of the API's own is repeated, because some echo what they were sent. What must not live here: asking.
"""

from proxy.auth.token_answer import DEFAULT_LIFETIME, Granted, Refused
from proxy.auth.token_values import is_token, jwt_lifetime, moment, number
from proxy.config.call_model import ResponseMap
from proxy.config.unauthorized_model import Unauthorized
from proxy.message.call import Reply
from proxy.policy.expression import Expression, document
from proxy.policy.retry_after import http_date, parse_retry_after
from proxy.secret import Secret

__all__ = ["AnswerMap", "refusal"]

LONGEST = 366 * 86400.0
_FINAL = frozenset({400, 401, 403})
"""What was presented is not accepted, and would not be the next time."""


class AnswerMap:
    """Reads answers. `who` is what the call is named in errors, `signs` how the API says "not authorised"."""

    __slots__ = ("_access", "_access_path", "_at", "_in", "_refresh", "_unauthorized", "_who")

    def __init__(self, who: str, options: ResponseMap, signs: Unauthorized | None) -> None:
        self._who = who
        self._access_path = options.access_token
        self._access = Expression(options.access_token)
        self._refresh = None if options.refresh_token is None else Expression(options.refresh_token)
        self._in = None if options.expires_in is None else Expression(options.expires_in)
        self._at = None if options.expires_at is None else Expression(options.expires_at)
        self._unauthorized = None if signs is None or signs.body is None else Expression(signs.body)

    def read(self, reply: Reply, now: float, default: float = DEFAULT_LIFETIME) -> Granted | Refused:
        """`now` is wall time; `default` is the lifetime where neither the answer nor the token says one."""
        refused = refusal(self._who, reply, now)
        if refused is not None:
            return refused
        content = document(reply.content)
        if self._unauthorized is not None and self._unauthorized.holds(content):
            return Refused(f"the {self._who} does not accept what it was sent", terminal=True)
        if content is None:
            return Refused(f"the {self._who} answers with something that is not JSON")
        access = self._access.find(content)
        if not is_token(access):
            return Refused(f"the {self._who} answers without a usable token at {self._access_path}")
        lifetime = self._lifetime(content, access, http_date(reply.get(b"date")) or now, default)
        if lifetime is None:
            return Refused(f"the {self._who} answers with an expiry that is not a time")
        if lifetime <= 0:
            return Refused(f"the {self._who} gave a token that has expired already")
        refresh = None if self._refresh is None else self._refresh.find(content)
        return Granted(Secret(access), Secret(refresh) if is_token(refresh) else None, min(lifetime, LONGEST))

    def _lifetime(self, content: object, access: str, now: float, default: float) -> float | None:
        """None where something says it that is not a time."""
        if self._in is not None:
            found = self._in.find(content)
            if found is not None:
                return number(found)
        elif self._at is not None:
            found = self._at.find(content)
            if found is not None:
                ends = moment(found)
                return None if ends is None else ends - now
        told = jwt_lifetime(access, now)
        return default if told is None else told


def refusal(who: str, reply: Reply, now: float) -> Refused | None:
    """What the status alone says; None for one of success."""
    status = reply.status
    if 200 <= status < 300:
        return None
    retry_after = parse_retry_after(reply.get(b"retry-after"), now)
    return Refused(f"the {who} answers {status}", terminal=status in _FINAL, retry_after=retry_after)
