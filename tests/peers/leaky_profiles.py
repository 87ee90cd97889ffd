"""A profile of every kind, with secrets in each place that takes one; and those that each kind can fail by.

What must not live here: upstreams, and what else is configured (`leaky_world`).
"""

from typing import Any

from tests.peers.leaky_peers import BAD, LeakyPeers
from tests.peers.planted import TEXT, Planted

__all__ = ["INSTALLED", "leaky_profiles"]

Profiles = dict[str, dict[str, Any]]

INSTALLED = ("person", "device", "browser", "device_refused")
"""Profiles whose session is begun from outside, before each round."""


def leaky_profiles(planted: Planted, peers: LeakyPeers) -> Profiles:
    maker = _Maker(planted, peers)
    return maker.fixed() | maker.signing() | maker.grants() | maker.calls() | maker.keys() | maker.bad()


class _Maker:
    def __init__(self, planted: Planted, peers: LeakyPeers) -> None:
        self.planted = planted
        self.peers = peers
        self.rsa = planted.rsa("RSA key")

    def oauth(self, kind: str, grant: str, **more: Any) -> dict[str, Any]:
        planted = self.planted
        proof = {} if "client_key" in more else {"client_secret": planted.secret(f"client secret of {kind}", TEXT)}
        desk = self.peers.bad_desk() if kind.partition("-")[0] in BAD else self.peers.desk.url
        usual = {
            "token_url": f"{desk}/{kind.partition('-')[0]}?k={planted.plain(f'query of {kind}')}",
            "client_id": "c",
            "prewarm": False,
            "headers": {"X-Client": planted.secret(f"field to the desk of {kind}")},
            "parameters": {"device": planted.secret(f"parameter to the desk of {kind}")},
        }
        return {"type": "oauth2", "grant": grant} | usual | proof | more

    def fixed(self) -> Profiles:
        secret, file, planted = self.planted.secret, self.planted.file, self.planted
        printed = planted.script("print", f"echo '{secret('printed token')}'", f"echo '{secret('printed error')}' >&2")
        # Its first token is good for a second; after that it prints one and fails. What a command says on standard
        # error is meant for the log.
        was = planted.folder / "was"
        first = f"[ -e {was} ] || {{ touch {was}; echo '{secret('first printed token')}'; exit; }}"
        fails = planted.script("fail", first, f"echo '{secret('output of a failure')}'", "echo sealed >&2", "exit 3")
        return {
            "bearer": {"type": "bearer", "token": secret("bearer token")},
            "basic": {"type": "basic", "username": "u", "password": secret("basic password", TEXT.replace("é", ""))},
            "key_field": {"type": "api_key", "in": "header", "name": "X-Key", "key": secret("key in a field")},
            "key_query": {"type": "api_key", "in": "query", "name": "key", "key": secret("key in a query")},
            "key_cookie": {"type": "api_key", "in": "cookie", "name": "k", "key": planted.plain("key in a cookie")},
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
            "file_gone": {"type": "file", "path": str(planted.folder / "missing")},
            "file_wrong": {
                "type": "file",
                "path": planted.holding("w", f"{secret('a line')}\n{secret('more')}")["file"],
            },
            "exec": {
                "type": "exec",
                "command": [printed, secret("argument of a command")],
                "env": {"TOLD": secret("variable of a command")},
            },
            "exec_fails": {"type": "exec", "command": [fails], "ttl": "1s"},
        }

    def signing(self) -> Profiles:
        secret, planted = self.planted.secret, self.planted
        wrong_key = planted.holding("no hex", secret("a key that is no hexadecimal"))
        hmac = {"type": "hmac", "sign": "{{ method }} {{ target }}", "set": {"X-Signature": "{{ signature }}"}}
        return {
            "hmac": {
                **hmac,
                "key": secret("hmac key"),
                "set": {"X-Signature": "{{ signature }}", "X-Id": "{{ secret.id }}"},
                "secrets": {"id": secret("secret of a signature")},
            },
            "hmac_wrong": {**hmac, "key": wrong_key, "key_encoding": "hex"},
            "sigv4": {
                "type": "aws_sigv4",
                "service": "s3",
                "region": "r",
                "access_key_id": planted.plain("aws key id"),
                "secret_access_key": secret("aws key"),
                "session_token": secret("aws session token"),
            },
            "digest": {"type": "digest", "username": "u", "password": secret("digest password")},
        }

    def grants(self) -> Profiles:
        secret, file, oauth, desk = self.planted.secret, self.planted.file, self.oauth, self.peers.desk.url
        device = {"device_authorization_url": f"{desk}/begin?k={self.planted.plain('query of a device')}"}
        return {
            "machine": oauth("machine", "client_credentials"),
            "person": oauth("person", "refresh_token", refresh_token=file("first refresh token")),
            "device": oauth("device", "device_code", **device),
            "device_refused": oauth("refuses-device", "device_code", **device),
            "browser": oauth(
                "browser",
                "authorization_code",
                authorization_url=f"{desk}/authorize",
                authorization_parameters={"login_hint": secret("parameter of a browser")},
            ),
            "password": oauth("password", "password", username="u", password=secret("user's password", TEXT)),
            "assertion": oauth("assertion", "jwt_bearer", assertion=secret("assertion", ".")),
            "exchange": oauth(
                "exchange",
                "token_exchange",
                subject_token=file("subject token"),
                subject_token_type="jwt",
                actor_token=secret("actor token"),
            ),
        }

    def calls(self) -> Profiles:
        secret, file, desk, bad = self.planted.secret, self.planted.file, self.peers.desk.url, self.peers.bad_desk
        call = {"url": f"{desk}/login", "form": {"password": "{{ password }}"}}
        renewed = {
            "url": f"{desk}/renewed",
            "query": {"device": "{{ device }}"},
            "json": {"token": "{{ refresh_token }}", "env": "{{ env.CANARY_ENV }}"},
        }
        return {
            "renewed": {
                "type": "refresh_endpoint",
                "initial_token": secret("initial token"),
                "initial_refresh_token": secret("initial refresh token"),
                "request": renewed,
                "response": {"access_token": "access_token", "refresh_token": "refresh_token"},
                "secrets": {"device": secret("secret of a call")},
            },
            "renewed_refused": {
                "type": "refresh_endpoint",
                "initial_token": secret("refused initial token"),
                "request": {"url": f"{bad()}/refuses", "json": {"token": "{{ access_token }}"}},
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
                "steps": [{"request": call | {"url": f"{desk}/login-token"}}],
                "response": {"access_token": "access_token", "expires_in": "expires_in"},
            },
            "login_refused": {
                "type": "login",
                "prewarm": False,
                "secrets": {"password": secret("refused login password")},
                "steps": [{"request": call | {"url": f"{bad()}/refuses"}}],
            },
        }

    def github(self, url: str, key: dict[str, Any]) -> dict[str, Any]:
        ids = {"app_id": 1, "installation_id": 2, "prewarm": False}
        return {"type": "github_app", "api_url": url, "private_key": key, **ids}

    def google(self, key: dict[str, Any]) -> dict[str, Any]:
        return {"type": "google_service_account", "key": key, "scopes": ["s"], "prewarm": False}

    def keys(self) -> Profiles:
        planted, desk, oauth = self.planted, self.peers.desk.url, self.oauth
        tls = self.peers.tls
        # What a file holds is looked at before the start.
        no_key = {"exec": ["cat", planted.file("no key at all")["file"]]}
        no_pem = planted.account("google wrong", planted.plain("no PEM"), f"{desk}/google")["file"]
        certified = {"client_auth": "tls_client_auth", "tls": tls, "token_url": f"{self.peers.closed_desk.url}/mutual"}
        mutual = oauth("mutual", "client_credentials", **certified)
        mutual.pop("client_secret")
        return {
            "signed": oauth("signed", "client_credentials", client_key={"key": planted.key("client key")}),
            "signed_wrong": oauth("signed_wrong", "client_credentials", client_key={"key": no_key}),
            "stated": oauth("stated", "jwt_bearer", sign_assertion={"key": planted.web_key("key of statements")}),
            "dpop": oauth("dpop", "client_credentials", dpop={"key": planted.web_key("DPoP key")}),
            "dpop_made": oauth("dpop_made", "client_credentials", dpop={}),
            "dpop_wrong": oauth("dpop", "client_credentials", dpop={"key": no_key}),
            "mutual": mutual,
            "unknown_tls": {**mutual, "tls": {"cert": tls["cert"], "key": tls["key"]}},
            "no_tls": {
                **oauth("no_tls", "client_credentials"),
                "token_url": self.peers.plain.url.replace("http", "https"),
            },
            "gone": {**oauth("gone", "client_credentials"), "token_url": "http://127.0.0.1:9/token"},
            "github": self.github(f"{desk}/github", planted.holding("github", self.rsa)),
            "github_wrong": self.github(f"{desk}/github", no_key),
            "google": self.google(planted.account("google", self.rsa, f"{desk}/google")),
            "google_wrong": self.google({"exec": ["cat", no_pem]}),
            "google_none": self.google(no_key),
        }

    def bad(self) -> Profiles:
        """Desks that repeat what they were sent, each in every way."""
        planted, bad, oauth = self.planted, self.peers.bad_desk, self.oauth
        made: Profiles = {}
        for kind in BAD:
            made |= {
                f"secret_{kind}": oauth(f"{kind}-secret", "client_credentials", client_auth="client_secret_post"),
                f"token_{kind}": oauth(
                    f"{kind}-token", "refresh_token", refresh_token=planted.secret(f"token, {kind}")
                ),
                f"dpop_{kind}": oauth(f"{kind}-dpop", "client_credentials", dpop={}),
                f"github_{kind}": self.github(f"{bad()}/{kind}", planted.holding(f"github {kind}", self.rsa)),
                f"google_{kind}": self.google(planted.account(f"google {kind}", self.rsa, f"{bad()}/{kind}")),
            }
        return made
