"""A real OpenID provider, `oidc-provider` on Node: refresh tokens rotate, and a second use of one ends its family.

One process serves many tests: each registers a client of its own, and what happened is told for each client.
"""

import json
import shutil
import socket
import ssl
import subprocess
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import Any
from urllib.parse import quote_plus

import requests
import trustme

__all__ = ["OidcProvider", "oidc_missing", "running_oidc"]

_HERE = Path(__file__).parent / "oidc"
_LEAST_NODE = 20
_GRANTS = [
    "authorization_code",
    "client_credentials",
    "refresh_token",
    "urn:ietf:params:oauth:grant-type:device_code",
    "urn:ietf:params:oauth:grant-type:jwt-bearer",
    "urn:ietf:params:oauth:grant-type:token-exchange",
]


def oidc_missing() -> str | None:
    """Why it cannot run here, or None."""
    if shutil.which("node") is None:
        return "node is not installed"
    version = subprocess.run(["node", "--version"], capture_output=True, text=True, check=True).stdout.strip()
    if int(version.removeprefix("v").partition(".")[0]) < _LEAST_NODE:
        return f"oidc-provider wants Node {_LEAST_NODE}, and this is {version}"
    if not (_HERE / "node_modules" / "oidc-provider").is_dir():
        return "oidc-provider is not installed: run npm ci in tests/peers/oidc"
    return None


class OidcProvider:
    """`url` is its origin and its issuer; `/api/…` is an API that takes its tokens.

    `folder` holds `ca.pem` where it speaks TLS, None where it does not; `authority` makes client certificates then.
    """

    def __init__(self, url: str, folder: Path | None, authority: trustme.CA | None) -> None:
        self.url = url
        self.token_url = f"{url}/token"
        self.api_url = f"{url}/api"
        self.folder = folder
        self.authority = authority
        self._numbers = count(1)
        self._context = ssl.create_default_context(cafile=folder / "ca.pem") if folder else None

    def client(self, *, lifetime: int = 3600, **metadata: Any) -> dict[str, Any]:
        """Register a client with a name of its own; its metadata (RFC 7591), with `client_id` and `client_secret`."""
        number = next(self._numbers)
        registered: dict[str, Any] = {
            "client_id": f"client:{number}",
            "redirect_uris": ["http://127.0.0.1/callback"],
            "grant_types": _GRANTS,
            "response_types": ["code"],
            "application_type": "native",
            "token_endpoint_auth_method": "client_secret_basic",
        } | metadata
        if str(registered["token_endpoint_auth_method"]).startswith("client_secret"):
            registered.setdefault("client_secret", f"s%c&ret {number}")
        assert self._ask("client", metadata=registered, lifetime=lifetime) == {"client": True}
        return registered

    def profile(self, client: dict[str, Any], **more: Any) -> dict[str, Any]:
        """The options of a profile for `client`, a registered one."""
        written = {"type": "oauth2", "grant": "client_credentials", "token_url": self.token_url}
        if self.folder is not None:
            written["tls"] = {"ca": str(self.folder / "ca.pem")}
        return written | {name: client[name] for name in ("client_id", "client_secret") if name in client} | more

    def set_lifetime(self, client: dict[str, Any], seconds: int) -> None:
        """How long the access tokens live that this client is given from now on."""
        self._ask("lifetime", client_id=client["client_id"], seconds=seconds)

    @contextmanager
    def wanting_nonces(self) -> Iterator[None]:
        """Proofs of keys (DPoP) are taken with the server's nonce alone."""
        self._ask("nonce", wanted=True)
        try:
            yield
        finally:
            self._ask("nonce", wanted=False)

    def introspect(self, client: dict[str, Any], token: str) -> dict[str, Any]:
        """What the server says of a token to the client that it is for (RFC 7662)."""
        reply = requests.post(
            f"{self.url}/token/introspection",
            {"token": token},
            auth=(quote_plus(client["client_id"]), quote_plus(client["client_secret"])),
            timeout=10,
        )
        found: dict[str, Any] = reply.json()
        return found

    def tokens(
        self, client: dict[str, Any], scope: str = "openid offline_access read", jkt: str | None = None
    ) -> dict[str, str]:
        """`refresh_token` and `access_token`, as a person who had logged in would have them.

        The refresh token is bound to the key with the thumbprint `jkt` where there is one.
        """
        found: dict[str, str] = self._ask("tokens", client_id=client["client_id"], scope=scope, jkt=jkt)
        return found

    def answer_device(self, user_code: str, verdict: str = "approve") -> bool:
        """What a person does with the code that a device shows them: `approve` or `deny`; False for no such code."""
        found: bool = self._ask("device", user_code=user_code, verdict=verdict)["found"]
        return found

    def facts(self, client: dict[str, Any]) -> list[dict[str, Any]]:
        """What happened to this client, in order: `granted`, `refused` with `error` and `why`, `revoked`, `called`."""
        found: list[dict[str, Any]] = self._ask("facts", client_id=client["client_id"])
        return found

    def _ask(self, door: str, **content: Any) -> Any:
        request = urllib.request.Request(f"{self.url}/test/{door}", json.dumps(content).encode())
        with urllib.request.urlopen(request, timeout=10, context=self._context) as reply:
            return json.loads(reply.read())


@contextmanager
def running_oidc(folder: Path | None = None) -> Iterator[OidcProvider]:
    """It speaks TLS where `folder` is given, an empty one for its certificates.

    The listening socket is made here and inherited, so that no port is guessed.
    """
    authority = None
    if folder is not None:
        authority = _certificates(folder)
    with socket.create_server(("127.0.0.1", 0), backlog=256) as listener:
        host = f"{'http' if folder is None else 'https'}://127.0.0.1:{listener.getsockname()[1]}"
        command = ["node", str(_HERE / "server.mjs"), str(listener.fileno()), host]
        command += [] if folder is None else [str(folder)]
        process = subprocess.Popen(
            command,
            pass_fds=[listener.fileno()],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
        try:
            assert process.stdout is not None
            said = iter(process.stdout.readline, b"")
            assert any(line == b"ready\n" for line in said), "oidc-provider did not start"
            yield OidcProvider(host, folder, authority)
        finally:
            process.kill()
            process.wait(10)
            for pipe in (process.stdin, process.stdout):
                if pipe is not None:
                    pipe.close()


def _certificates(folder: Path) -> trustme.CA:
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(folder / "ca.pem"))
    server = authority.issue_cert("127.0.0.1")
    server.private_key_pem.write_to_path(str(folder / "key.pem"))
    server.cert_chain_pems[0].write_to_path(str(folder / "cert.pem"))
    return authority
