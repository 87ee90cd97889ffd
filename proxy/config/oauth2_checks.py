"""Rules of `type: oauth2` that look into files: keys that are to sign.

A key from the environment, a credential or a command is looked at when it is used. What must not live here: rules
between options (`proxy.config.oauth2_rules`), TLS (`proxy.config.tls_checks`).
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from proxy.config.cross_checks import Finding, section
from proxy.config.document import Document
from proxy.config.oauth2_rules import LOGIN_GRANTS

__all__ = ["key_of_login", "key_problem", "key_text", "signing_keys"]

_LONGEST = 64 * 1024


def signing_keys(document: Document, base: Path) -> Iterator[Finding]:
    for name, profile in section(document.data.get("auth")).items():
        if section(profile).get("type") != "oauth2":
            continue
        for option in ("client_key", "sign_assertion", "dpop"):
            options = section(section(profile).get(option))
            at = ("auth", name, option, "key")
            try:
                text = key_text(options.get("key"), base)
            except OSError as error:
                hint = "write the path of a key; relative paths start at the folder of this file"
                yield Finding(at, f"the key cannot be read: {error.strerror}", hint, False, "warning")
                continue
            if text is not None and (problem := key_problem(text, options.get("algorithm"))):
                what, _, right = problem.partition("; ")
                yield Finding(at, what, right or "write a key and an algorithm that fit")


def key_of_login(document: Document, base: Path) -> Iterator[Finding]:
    """A login happens in another process: a key that is made has to be kept where both find it."""
    if section(document.data.get("state")).get("dir") is not None:
        return
    for name, profile in section(document.data.get("auth")).items():
        options = section(profile)
        dpop = options.get("dpop")
        if options.get("grant") in LOGIN_GRANTS and isinstance(dpop, dict) and "key" not in dpop:
            message = "tokens of a login would be bound to a key that no daemon has"
            yield Finding(
                ("auth", name, "dpop"), message, "name a folder under state.dir, or add key: {file: PATH}", True
            )


def key_text(key: Any, base: Path) -> str | None:
    """What stands in the file, or in the configuration; None for what only use will show."""
    if isinstance(key, str):
        return key
    file = section(key).get("file")
    if not isinstance(file, str) or "\0" in file:
        return None
    with (base / file).open("rb") as opened:
        return opened.read(_LONGEST).decode(errors="replace")


def key_problem(text: str, algorithm: Any) -> str | None:
    # Imported here: only a file with such a key pays for what it takes to read one.
    from proxy.policy.signing_key import ALGORITHMS, KeyUnfit, SigningKey

    try:
        SigningKey(text, algorithm if algorithm in ALGORITHMS else None)
    except KeyUnfit as unfit:
        return str(unfit)
    return None
