"""Plants canaries where a configuration finds secrets: in texts, files, keys and what commands print.

What must not live here: which configuration that is.
"""

import base64
import json
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

from tests.peers.canaries import Canaries

__all__ = ["FIELD_SAFE", "TEXT", "Planted"]

FIELD_SAFE, TEXT = "-._~+/", ' "é\\%/'
"""Further characters, of a token and of a password."""


class Planted:
    def __init__(self, canaries: Canaries, folder: Path) -> None:
        self.canaries = canaries
        self.folder = folder

    def secret(self, what: str, more: str = FIELD_SAFE) -> str:
        return self.canaries.new(what, more)

    def plain(self, what: str) -> str:
        """Of letters and digits alone."""
        return self.canaries.new(what)

    def file(self, what: str, more: str = FIELD_SAFE) -> dict[str, str]:
        return self.holding(what, self.secret(what, more))

    def holding(self, what: str, text: str) -> dict[str, str]:
        path = self.folder / f"{what.replace(' ', '-')}.secret"
        path.write_text(text)
        path.chmod(0o600)
        return {"file": str(path)}

    def script(self, name: str, *lines: str) -> str:
        path = self.folder / name
        path.write_text("\n".join(["#!/bin/sh", *lines, ""]))
        path.chmod(0o700)
        return str(path)

    def pem(self, what: str, pem: str) -> str:
        """A key that is there already: its lines, and its number in the forms in which keys are written."""
        for number, line in enumerate(pem.splitlines()[1:-1]):
            # What every key begins with tells nothing, and nothing is found in a short last line.
            if len(line) >= 20:
                self.canaries.add(f"{what}, line {number}", line if number else line[-20:])
        key = load_pem_private_key(pem.encode(), None)
        assert isinstance(key, ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey)
        numbers = key.private_numbers()
        found = numbers.private_value if isinstance(numbers, ec.EllipticCurvePrivateNumbers) else numbers.d
        raw = found.to_bytes((key.key_size + 7) // 8, "big")
        self.canaries.add(f"{what}, its number in hexadecimal", raw.hex())
        self.canaries.add(f"{what}, its number", str(found))
        self.canaries.add(f"{what}, its number in base64", base64.urlsafe_b64encode(raw).decode().rstrip("="))
        return pem

    def key(self, what: str) -> dict[str, str]:
        return self.holding(what, self.pem(what, _text(ec.generate_private_key(ec.SECP256R1()))))

    def web_key(self, what: str) -> dict[str, str]:
        """The same as a JSON Web Key."""
        key = ec.generate_private_key(ec.SECP256R1())
        self.pem(what, _text(key))
        numbers = key.private_numbers()
        parts = {"x": numbers.public_numbers.x, "y": numbers.public_numbers.y, "d": numbers.private_value}
        written = {
            name: base64.urlsafe_b64encode(part.to_bytes(32, "big")).decode()[:43] for name, part in parts.items()
        }
        return self.holding(what, json.dumps({"kty": "EC", "crv": "P-256", **written}))

    def rsa(self, what: str) -> str:
        return self.pem(what, _text(rsa.generate_private_key(65537, 2048)))

    def account(self, what: str, pem: str, token_url: str) -> dict[str, str]:
        """A key file of Google's."""
        members = {
            "type": "service_account",
            "client_email": "a@b.example",
            "private_key_id": self.plain(f"{what}, kid"),
        }
        return self.holding(what, json.dumps(members | {"private_key": pem, "token_uri": token_url}))


def _text(key: Any) -> str:
    pem: bytes = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return pem.decode()
