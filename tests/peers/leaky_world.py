"""Upstreams and token endpoints that say everything they were told, and a configuration with a secret of every kind.

A token endpoint that refuses repeats what it was sent; an upstream that is no HTTP answers with the request's head.
"""

import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from tests.auth.sealers import KEY
from tests.peers.canaries import Canaries
from tests.peers.raw_upstream import Connection, RawUpstream
from tests.peers.token_server import answer

__all__ = ["LeakyWorld", "leaky_world"]

FIELD_SAFE, TEXT = "-._~+/", ' "é\\%/'
INTERCEPTORS = """
from proxy.intercept import Refused


class Broken:
    def on_request(self, request):
        told = dict(request.fields)
        try:
            raise KeyError(f"inner {told} {request.query}")
        except KeyError as error:
            raise ValueError(f"outer {told} {request.query}") from error


class Closed:
    def on_request(self, request):
        raise Refused("Closed.")
"""


class LeakyWorld:
    """`config` uses all of the secrets; `receiver`, `api` and `desk` keep what they were sent."""

    def __init__(self, canaries: Canaries, folder: Path) -> None:
        self.canaries = canaries
        self.folder = folder
        self.answered_body = canaries.new("answer's content")
        self.answered_cookie = canaries.new("answer's cookie")
        self.api = RawUpstream(self._api)
        self.desk = RawUpstream(self._desk)
        # Apart, because the endpoints of a server share a circuit.
        self.bad_desk = RawUpstream(self._desk)
        self.receiver = RawUpstream(self._receive)
        self.plain = RawUpstream(self._knows_no_tls)

    # Upstreams

    async def _api(self, connection: Connection) -> None:
        while True:
            request = await connection.request()
            path = request.head.target.partition(b"?")[0].rpartition(b"/")[2]
            if path == b"close":
                return
            if path == b"garbage":
                await connection.send(b"NOT HTTP " + bytes(connection.arrived) + b"\r\n\r\n")
                return
            if path in (b"hang", b"late"):
                await connection.gone()
                return
            status = int(path) if path.isdigit() else 200
            lines = [b"Set-Cookie: session=" + self.answered_cookie.encode()]
            if status == 401:
                lines.append(b'WWW-Authenticate: Digest realm="r", nonce="n", qop="auth", algorithm=SHA-256')
            await connection.send(answer(status, self.answered_body.encode(), *lines, media=b"text/plain"))

    async def _desk(self, connection: Connection) -> None:
        while True:
            request = await connection.request()
            kind = request.head.target.partition(b"?")[0].strip(b"/").decode()
            told = request.content.decode("latin-1") + str(request.head.fields)
            if kind == "refuses":
                refusal = {"error": "invalid_grant", "error_description": told, "error_uri": told}
                await connection.send(answer(400, refusal))
            elif kind == "fails":
                await connection.send(answer(500, told.encode(), media=b"text/html"))
            elif kind == "babbles":
                await connection.send(b"NOT HTTP " + bytes(connection.arrived) + b"\r\n\r\n")
                return
            else:
                token = self.canaries.new(f"access token of {kind}")
                given = {"access_token": token, "token_type": "Bearer", "expires_in": 3600}
                cookie = b"Set-Cookie: portal=" + self.canaries.new(f"cookie of {kind}").encode()
                given["refresh_token"] = self.canaries.new(f"refresh token of {kind}")
                given["id_token"] = self.canaries.new(f"id token of {kind}")
                await connection.send(answer(200, given, cookie))

    async def _receive(self, connection: Connection) -> None:
        while True:
            await connection.request()
            await connection.send(b"HTTP/1.1 204 No Content\r\n\r\n")

    async def _knows_no_tls(self, connection: Connection) -> None:
        await connection.more()
        await connection.send(b"HTTP/1.1 400 No\r\n\r\n")

    # The configuration

    def secret(self, what: str, more: str = FIELD_SAFE) -> str:
        return self.canaries.new(what, more)

    def file(self, what: str, more: str = FIELD_SAFE) -> dict[str, str]:
        path = self.folder / f"{what.replace(' ', '-')}.secret"
        path.write_text(self.secret(what, more))
        path.chmod(0o600)
        return {"file": str(path)}

    def key(self, what: str) -> dict[str, str]:
        pem = ec.generate_private_key(ec.SECP256R1()).private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        for number, line in enumerate(pem.decode().splitlines()[1:-1]):
            # What every key begins with tells nothing.
            self.canaries.add(f"{what}, line {number}", line if number else line[-20:])
        path = self.folder / f"{what.replace(' ', '-')}.pem"
        path.write_bytes(pem)
        path.chmod(0o600)
        return {"file": str(path)}

    def config(self, collector: str) -> dict[str, Any]:
        state_key = self.canaries.add("state key", KEY)
        return {
            "log": {},
            "state": {"dir": str(self.folder / "state"), "key": state_key},
            "limits": {"head_timeout": "300ms", "body": "1MiB"},
            "access": {"callers": {"app": {"token": self.secret("caller token", "")}}},
            "tracing": {"endpoint": collector, "headers": {"X-Collector": self.secret("collector's field")}},
            "hooks": self._hooks(),
            "interceptors": {"broken": {"class": "leaking:Broken"}, "closed": {"class": "leaking:Closed"}},
            "auth": self._profiles(),
            "upstreams": self._upstreams(),
        }

    def _hooks(self) -> dict[str, Any]:
        tell = f"cat >> {self.folder}/hook-input; env | grep ^OUTRIDER_ >> {self.folder}/hook-input"
        return {
            "on_error": {"webhook": f"{self.receiver.url}/e", "secret": self.secret("hook secret"), "every": "50ms"},
            "on_session_expired": {"webhook": f"{self.receiver.url}/s", "secret": self.file("hook secret file")},
            "on_refresh": {"command": ["sh", "-c", tell]},
        }

    def _oauth(self, kind: str, grant: str, **more: Any) -> dict[str, Any]:
        secret = {} if "client_key" in more else {"client_secret": self.secret(f"client secret of {kind}", TEXT)}
        desk = self.bad_desk if kind in ("refuses", "fails", "babbles") else self.desk
        usual = {"token_url": f"{desk.url}/{kind}", "client_id": "c", "prewarm": False}
        return {"type": "oauth2", "grant": grant} | usual | secret | more

    def _profiles(self) -> dict[str, dict[str, Any]]:
        secret, file, oauth = self.secret, self.file, self._oauth
        printed = self.folder / "print-token"
        printed.write_text(f"#!/bin/sh\necho '{secret('printed token')}'\necho '{secret('printed error')}' >&2\n")
        printed.chmod(0o700)
        failing = self.folder / "print-failure"
        # Its first token is good for a second; after that it prints one and fails. What a command says on standard
        # error is meant for the log.
        first = f"[ -e {failing}.was ] || {{ touch {failing}.was; echo '{secret('first printed token')}'; exit; }}"
        failing.write_text(f"#!/bin/sh\n{first}\necho '{secret('output of a failure')}'\necho sealed >&2\nexit 3\n")
        failing.chmod(0o700)
        call = {"url": f"{self.desk.url}/login", "form": {"password": "{{ password }}"}}
        return {
            "bearer": {"type": "bearer", "token": secret("bearer token")},
            "basic": {"type": "basic", "username": "u", "password": secret("basic password", TEXT.replace("é", ""))},
            "key_field": {"type": "api_key", "in": "header", "name": "X-Key", "key": secret("key in a field")},
            "key_query": {"type": "api_key", "in": "query", "name": "key", "key": secret("key in a query")},
            "key_cookie": {"type": "api_key", "in": "cookie", "name": "k", "key": secret("key in a cookie", "")},
            "templates": {
                "type": "headers",
                "set": {
                    "X-Proof": "v1 {{ proof | base64 }}",
                    "User-Agent": "a {{ proof }}",
                    "X-Fixed": secret("a fixed field"),
                },
                "secrets": {"proof": file("secret of a template")},
            },
            "file": {"type": "file", "path": file("token file")["file"]},
            "exec": {"type": "exec", "command": [str(printed), secret("argument of a command")]},
            "exec_fails": {"type": "exec", "command": [str(failing)], "ttl": "1s"},
            "hmac": {
                "type": "hmac",
                "key": secret("hmac key"),
                "sign": "{{ method }} {{ target }}",
                "set": {"X-Signature": "{{ signature }}", "X-Id": "{{ secret.id }}"},
                "secrets": {"id": secret("secret of a signature")},
            },
            "sigv4": {
                "type": "aws_sigv4",
                "service": "s3",
                "region": "r",
                "access_key_id": secret("aws key id", ""),
                "secret_access_key": secret("aws key"),
                "session_token": secret("aws session token"),
            },
            "digest": {"type": "digest", "username": "u", "password": secret("digest password")},
            "machine": oauth("machine", "client_credentials"),
            "person": oauth("person", "refresh_token", refresh_token=file("first refresh token")),
            "password": oauth("password", "password", username="u", password=secret("user's password", TEXT)),
            "assertion": oauth("assertion", "jwt_bearer", assertion=secret("assertion", ".")),
            "exchange": oauth(
                "exchange", "token_exchange", subject_token=file("subject token"), subject_token_type="jwt"
            ),
            "signed": oauth("signed", "client_credentials", client_key={"key": self.key("client key")}),
            "refused": oauth("refuses", "refresh_token", refresh_token=secret("refused refresh token")),
            "failing": oauth("fails", "client_credentials"),
            "babbling": oauth("babbles", "client_credentials", client_auth="client_secret_post"),
            "gone": {**oauth("gone", "client_credentials"), "token_url": "http://127.0.0.1:9/token"},
            "renewed": {
                "type": "refresh_endpoint",
                "initial_token": secret("initial token"),
                "initial_refresh_token": secret("initial refresh token"),
                "request": {
                    "url": f"{self.desk.url}/renewed",
                    "query": {"device": "{{ device }}"},
                    "json": {"token": "{{ refresh_token }}", "env": "{{ env.CANARY_ENV }}"},
                },
                "response": {"access_token": "access_token", "refresh_token": "refresh_token"},
                "secrets": {"device": secret("secret of a call")},
            },
            "renewed_refused": {
                "type": "refresh_endpoint",
                "initial_token": secret("refused initial token"),
                "request": {"url": f"{self.bad_desk.url}/refuses", "json": {"token": "{{ access_token }}"}},
            },
            "login": {
                "type": "login",
                "secrets": {"password": secret("login password", TEXT)},
                "steps": [{"request": call}],
            },
            "login_token": {
                "type": "login",
                "prewarm": False,
                "secrets": {"password": file("login password file")},
                "steps": [{"request": call | {"url": f"{self.desk.url}/login-token"}}],
                "response": {"access_token": "access_token", "expires_in": "expires_in"},
            },
            "login_refused": {
                "type": "login",
                "prewarm": False,
                "secrets": {"password": secret("refused login password")},
                "steps": [{"request": call | {"url": f"{self.bad_desk.url}/refuses"}}],
            },
        }

    def _upstreams(self) -> dict[str, dict[str, Any]]:
        soon = {"retry": {"backoff": {"base": "10ms"}}}
        made = {
            name: {"url": f"{self.api.url}/base", "match": {"prefix": f"/{name}"}, "auth": name, **soon}
            for name in self._profile_names
        }
        once = {"retry": {"attempts": 1}}
        here = {"url": self.api.url, "auth": "bearer", **soon}
        more = {
            "broken": {**here, "interceptors": ["broken"]},
            "closed": {**here, "interceptors": ["closed"]},
            "normal": {**here, "errors": {"normalize": True}, "server_timing": True},
            "shared": {**here, "dedup": {"ttl": "5s"}},
            "slow": {**here, **once, "timeout": {"first_byte": "200ms"}},
            "short": {**here, **once, "timeout": {"total": "200ms"}},
            "narrow": {**here, **once, "concurrency": {"limit": 1, "queue": 0}},
            "paced": {**here, "rate_limit": {"rate": "1/h", "burst": 1, "max_wait": "0s"}},
            "circuit": {**here, **once, "breaker": {"min_calls": 1, "failure_ratio": "1%", "open": "60s"}},
            "once": {**here, **once},
            "fields": {**here, "headers": {"set": {"X-Set": self.secret("a field that is set")}}},
            "refusing": {"url": "http://127.0.0.1:9", "auth": "bearer", **once},
            "nameless": {"url": "http://nowhere.invalid", "auth": "bearer", **once},
            "not_tls": {"url": self.plain.url.replace("http", "https"), "auth": "bearer", **once},
        }
        return made | {name: {**entry, "match": {"prefix": f"/{name}"}} for name, entry in more.items()}

    _profile_names = (
        "bearer", "basic", "key_field", "key_query", "key_cookie", "templates", "file", "exec", "exec_fails", "hmac",
        "sigv4", "digest", "machine", "person", "password", "assertion", "exchange", "signed", "refused", "failing",
        "babbling", "gone", "renewed", "renewed_refused", "login", "login_token", "login_refused",
    )  # fmt: skip

    def kept(self) -> bytes:
        """Every byte of the state folder, names of files included."""
        files = [path for path in (self.folder / "state").rglob("*") if path.is_file()]
        assert files
        return b"\n".join(str(path).encode() + b"\n" + path.read_bytes() for path in files)

    def told_hooks(self) -> bytes:
        command = self.folder / "hook-input"
        heads = [json.dumps([str(line) for line in request.head.fields]).encode() for request in self.receiver.requests]
        bodies = [request.content for request in self.receiver.requests]
        return b"\n".join([*heads, *bodies, command.read_bytes() if command.exists() else b""])


@asynccontextmanager
async def leaky_world(folder: Path) -> AsyncIterator[LeakyWorld]:
    """All of them listening, with canaries of their own."""
    async with AsyncExitStack() as running:
        world = LeakyWorld(Canaries(), folder)
        for upstream in (world.api, world.desk, world.bad_desk, world.receiver, world.plain):
            await running.enter_async_context(upstream)
        yield world
