"""A Google service account's key, as the JSON file of Google's console has it.

Pure. No error repeats a word of the key. What must not live here: asking for tokens.
"""

import json
from dataclasses import dataclass

from proxy.config.values import is_loopback_url, origin_of
from proxy.policy.signing_key import KeyUnfit, SigningKey

__all__ = ["ServiceAccount", "service_account"]

_TOKEN_URL = "https://oauth2.googleapis.com/token"


@dataclass(frozen=True, slots=True)
class ServiceAccount:
    """Who the account is, which key signs for it under which name, and where tokens are given."""

    email: str
    key: SigningKey
    key_id: str | None
    token_url: str


def service_account(text: str) -> ServiceAccount:
    """Raises KeyUnfit."""
    try:
        members = json.loads(text)
    except (ValueError, RecursionError):
        members = None
    if not isinstance(members, dict) or members.get("type") != "service_account":
        raise KeyUnfit("this is no service account's key; write the JSON file that Google's console gives")
    email, key = members.get("client_email"), members.get("private_key")
    key_id, url = members.get("private_key_id"), members.get("token_uri", _TOKEN_URL)
    if not isinstance(email, str) or not isinstance(key, str):
        raise KeyUnfit(
            "the key has no client_email or no private_key; write the whole file that Google's console gives"
        )
    if not isinstance(url, str) or origin_of(url) is None or not (url.startswith("https://") or is_loopback_url(url)):
        raise KeyUnfit("the key's token_uri is no https:// URL; write the file as Google's console gives it")
    return ServiceAccount(email, SigningKey(key, "RS256"), key_id if isinstance(key_id, str) else None, url)
