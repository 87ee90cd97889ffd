"""Scheme `hmac`: a keyed hash of a text that a template makes of the request, in fields that templates make of it.

What must not live here: what templates may name (`proxy.policy.signing_names`), when a request is signed.
"""

import base64
import hashlib
import hmac
import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import formatdate
from functools import partial

from proxy.auth.field import owned, value_problem
from proxy.auth.means import Means
from proxy.auth.secret_rules import SecretUnavailable
from proxy.auth.signer import Outgoing, SecretSigningSource
from proxy.auth.source import PreparedInjection
from proxy.clock import Clock
from proxy.config.signing_model import HmacProfile, decoded_key
from proxy.errors import ContentTooLarge, CredentialUnavailable
from proxy.message import Exchange, Response
from proxy.message.exchange import Injection
from proxy.policy.signing_names import CONTENT_NAMES, HEADER, SECRET, SIGNATURE, check_set, check_sign
from proxy.policy.template import ANY_BYTES, compile_template
from proxy.secret import Secret

__all__ = ["hmac_source"]


def hmac_source(name: str, profile: HmacProfile, means: Means) -> SecretSigningSource:
    """Raises ValueError for a template that is wrong."""
    problems = [check_sign(profile.sign, profile.secrets)]
    problems += [check_set(text, profile.secrets) for text in profile.set.values()]
    if found := [problem for problem in problems if problem]:
        raise ValueError(found[0])
    signer = HmacSigner(name, profile, means.wall)
    used = [word.removeprefix(SECRET) for word in signer.names if word.startswith(SECRET)]
    readers = [means.open(profile.key), *(means.open(profile.secrets[word]) for word in used)]
    prepare = partial(_prepare, profile, used)
    return SecretSigningSource(readers, prepare, means.clock, signer, owned(*profile.set))


@dataclass(frozen=True, slots=True, repr=False, kw_only=True)
class _Key(PreparedInjection):
    """`begun` is the hash with the key in it, `texts` are the named secrets."""

    begun: hmac.HMAC
    texts: tuple[tuple[str, Secret], ...]


def _prepare(profile: HmacProfile, used: Sequence[str], values: Sequence[Secret]) -> _Key:
    key = decoded_key(values[0].reveal(), profile.key_encoding)
    if key is None:
        raise SecretUnavailable(f"the key is not {profile.key_encoding}; correct it, or key_encoding")
    texts = tuple((SECRET + name, value) for name, value in zip(used, values[1:], strict=True))
    return _Key(begun=hmac.new(key, digestmod=profile.algorithm), texts=texts)


class HmacSigner:
    """`wall` is wall time, `nonce()` a text that does not come twice. `names` are those that the templates use."""

    __slots__ = ("_cap", "_fields", "_names", "_nonce", "_output", "_profile", "_reads", "_text", "_wall", "names")

    def __init__(
        self, name: str, profile: HmacProfile, wall: Clock, nonce: Callable[[], str] = secrets.token_hex
    ) -> None:
        self._profile = name
        self._wall = wall
        self._nonce = nonce
        self._cap = profile.max_content
        self._text = compile_template(profile.sign)
        self._fields = [(field, compile_template(text)) for field, text in profile.set.items()]
        templates = [self._text, *(template for _, template in self._fields)]
        self.names = tuple(dict.fromkeys(word for template in templates for word in template.names))
        self._names = [word for word in self.names if word != SIGNATURE and not word.startswith(SECRET)]
        self._reads = not CONTENT_NAMES.isdisjoint(self.names)
        self._output = _OUTPUTS[profile.output]

    def wants_content(self, exchange: Exchange) -> int:
        # At least one byte, so that a cap of none refuses content instead of not looking at it.
        return max(self._cap, 1) if self._reads else 0

    def sign(self, exchange: Exchange, outgoing: Outgoing, key: Injection) -> Injection:
        assert isinstance(key, _Key)
        content = outgoing.content
        if self._reads and (content is None or len(content) > self._cap):
            raise ContentTooLarge(
                f"The profile {self._profile} signs the content, and reads at most {self._cap} bytes of it ahead; "
                "its option max_content says how many.",
                stage="sign",
            )
        moment = _Moment(outgoing, content or b"", self._wall(), self._nonce())
        values = {name: moment.value(name) for name in self._names}
        for name, secret in key.texts:
            values[name] = secret.reveal()
        begun = key.begun.copy()
        begun.update(self._text.render(values).encode(errors=ANY_BYTES))
        values[SIGNATURE] = self._output(begun.digest())
        return PreparedInjection(lines=self._lines(values))

    def answered(self, signed: Injection, response: Response) -> None:
        """A signature is good or bad by itself; there is nothing to learn."""

    def _lines(self, values: Mapping[str, str]) -> bytes:
        lines = []
        for field, template in self._fields:
            value = template.render(values)
            if problem := value_problem(value):
                raise CredentialUnavailable(f"The value for field {field} {problem}.", stage="sign")
            lines.append(f"{field}: {value}\r\n".encode(errors=ANY_BYTES))
        return b"".join(lines)


_OUTPUTS: Mapping[str, Callable[[bytes], str]] = {
    "hex": bytes.hex,
    "base64": lambda digest: base64.b64encode(digest).decode(),
    "base64url": lambda digest: base64.urlsafe_b64encode(digest).decode().rstrip("="),
}


class _Moment:
    """What templates name, of one request at one moment."""

    __slots__ = ("content", "nonce", "now", "outgoing")

    def __init__(self, outgoing: Outgoing, content: bytes, now: float, nonce: str) -> None:
        self.outgoing = outgoing
        self.content = content
        self.now = now
        self.nonce = nonce

    def value(self, name: str) -> str:
        if name.startswith(HEADER):
            field = name.removeprefix(HEADER).lower().encode()
            return b", ".join(self.outgoing.values(field)).decode(errors=ANY_BYTES)
        return _VALUES[name](self)


def _text(data: bytes) -> str:
    return data.decode(errors=ANY_BYTES)


def _base64_of(data: bytes) -> str:
    return base64.b64encode(data).decode()


_VALUES: Mapping[str, Callable[[_Moment], str]] = {
    "content": lambda m: _text(m.content),
    "content_length": lambda m: str(len(m.content)),
    "content_md5_base64": lambda m: _base64_of(hashlib.md5(m.content, usedforsecurity=False).digest()),
    "content_sha256": lambda m: hashlib.sha256(m.content).hexdigest(),
    "content_sha256_base64": lambda m: _base64_of(hashlib.sha256(m.content).digest()),
    "content_sha512": lambda m: hashlib.sha512(m.content).hexdigest(),
    "date": lambda m: formatdate(m.now, usegmt=True),
    "host": lambda m: _text(m.outgoing.host),
    "method": lambda m: m.outgoing.method,
    "nonce": lambda m: m.nonce,
    "path": lambda m: _text(m.outgoing.path),
    "query": lambda m: _text(m.outgoing.query),
    "query_sorted": lambda m: _text(b"&".join(sorted(m.outgoing.query.split(b"&")))),
    "scheme": lambda m: "https" if m.outgoing.secure else "http",
    "target": lambda m: _text(m.outgoing.target),
    "timestamp": lambda m: str(int(m.now)),
    "timestamp_iso": lambda m: datetime.fromtimestamp(m.now, UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
    "timestamp_ms": lambda m: str(int(m.now * 1000)),
}
