"""Stand-ins for GitHub's and Google's token endpoints, on one port with an API that takes their tokens.

They verify what the real ones do: the signature by the public key, who speaks, for whom, and the times.
"""

import json
import time
from datetime import UTC, datetime
from itertools import count
from typing import Any
from urllib.parse import parse_qs

from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import RSAKey

from tests.peers.grammar import Request
from tests.peers.raw_upstream import Connection, Scripted
from tests.peers.token_server import answer

__all__ = ["ACCOUNT", "APP", "INSTALLATION", "KeyDesks", "new_key"]

APP, INSTALLATION = "12345", "678"
ACCOUNT = "robot@project.iam.example"


def new_key() -> tuple[str, RSAKey]:
    """A private key in PEM, and its public half."""
    key = rsa.generate_private_key(65537, 2048)
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption()).decode()
    return pem, RSAKey.import_key(key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))


class KeyDesks(Scripted):
    """Listens for as long as the `async with` lasts. `asked` are the statements that were accepted, with what else was
    asked; `lifetime` is that of the tokens in seconds, `skew` how far the clock is ahead."""

    def __init__(self) -> None:
        self.pem, self.public = new_key()
        self.lifetime = 3600.0
        self.skew = 0.0
        self.asked: list[dict[str, Any]] = []
        self.refusals: list[str] = []
        self._valid: set[str] = set()
        self._numbers = count(1)
        super().__init__()

    def github(self, **more: Any) -> dict[str, Any]:
        profile = {"type": "github_app", "app_id": int(APP), "installation_id": INSTALLATION, "api_url": self.url}
        return profile | {"private_key": {"env": "KEY"}} | more

    def google(self, **more: Any) -> dict[str, Any]:
        return {"type": "google_service_account", "key": {"env": "KEY"}} | more

    def account_file(self, **more: Any) -> str:
        members = {
            "type": "service_account",
            "client_email": ACCOUNT,
            "private_key": self.pem,
            "private_key_id": "kid-1",
        }
        return json.dumps(members | {"token_uri": self.url + "/token"} | more)

    def expire_tokens(self) -> None:
        self._valid.clear()

    async def _serve(self, connection: Connection) -> None:
        while True:
            request = await connection.request()
            target = request.head.target
            if target.startswith(b"/app/"):
                found = self._github(request)
            elif target == b"/token":
                found = self._google(request)
            else:
                found = self._api(request)
            await connection.send(found)

    def _api(self, request: Request) -> bytes:
        token = (request.head.get(b"authorization") or b"").decode().removeprefix("Bearer ")
        return answer(200, b"ok") if token in self._valid else answer(401, {"message": "Bad credentials"})

    def _token(self) -> str:
        token = f"canary-token-{next(self._numbers)}"
        self._valid.add(token)
        return token

    def _claims(self, statement: str, longest: float) -> dict[str, Any]:
        """Raises ValueError."""
        try:
            token = jwt.decode(statement, self.public, algorithms=["RS256"])
        except JoseError as error:
            raise ValueError(f"signature: {error}") from None
        now = time.time() + self.skew
        issued, ends = token.claims["iat"], token.claims["exp"]
        if not issued <= now < ends or ends - now > longest:
            raise ValueError("times")
        return {**token.claims, "kid": token.header.get("kid")}

    def _github(self, request: Request) -> bytes:
        head = request.head
        try:
            claims = self._claims((head.get(b"authorization") or b"").decode().removeprefix("Bearer "), 600)
        except ValueError as error:
            return self._refuse(401, str(error), {"message": "A JSON web token could not be decoded"})
        if head.target.decode() != f"/app/installations/{INSTALLATION}/access_tokens":
            return self._refuse(404, "installation", {"message": "Not Found"})
        if claims["iss"] != APP or head.method != b"POST" or not head.get(b"user-agent"):
            return self._refuse(401, "issuer", {"message": "Integration not found"})
        self.asked.append(claims | {"body": json.loads(request.content or b"null")})
        ends = datetime.fromtimestamp(time.time() + self.skew + self.lifetime, UTC)
        date = datetime.fromtimestamp(time.time() + self.skew, UTC).strftime("%a, %d %b %Y %H:%M:%S GMT")
        given = {"token": self._token(), "expires_at": ends.strftime("%Y-%m-%dT%H:%M:%SZ")}
        return answer(201, given, f"Date: {date}".encode())

    def _google(self, request: Request) -> bytes:
        form = parse_qs(request.content.decode())
        try:
            claims = self._claims(form["assertion"][0], 3600)
        except ValueError as error:
            return self._refuse(400, str(error), {"error": "invalid_grant", "error_description": "Invalid JWT"})
        if claims["iss"] != ACCOUNT or claims["aud"] != self.url + "/token" or claims["kid"] != "kid-1":
            return self._refuse(400, "claims", {"error": "invalid_grant"})
        if form["grant_type"] != ["urn:ietf:params:oauth:grant-type:jwt-bearer"]:
            return self._refuse(400, "grant", {"error": "unsupported_grant_type"})
        self.asked.append(claims)
        if "target_audience" not in claims:
            return answer(200, {"access_token": self._token(), "expires_in": self.lifetime, "token_type": "Bearer"})
        key = RSAKey.import_key(self.pem)
        identity = jwt.encode(
            {"alg": "RS256"}, {"aud": claims["target_audience"], "exp": int(time.time() + self.lifetime)}, key
        )
        self._valid.add(identity)
        return answer(200, {"id_token": identity})

    def _refuse(self, status: int, why: str, document: dict[str, Any]) -> bytes:
        self.refusals.append(why)
        return answer(status, document)
