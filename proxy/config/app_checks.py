"""Rules of `github_app` and `google_service_account` that look into files: the keys.

A key from the environment, a credential or a command is looked at when it is used. What must not live here: rules of
single options (`proxy.config.app_model`).
"""

from collections.abc import Callable, Iterator
from pathlib import Path

from proxy.config.cross_checks import Finding, section
from proxy.config.document import Document
from proxy.config.oauth2_checks import key_problem, key_text

__all__ = ["app_keys"]


def app_keys(document: Document, base: Path) -> Iterator[Finding]:
    for name, profile in section(document.data.get("auth")).items():
        kind = section(profile).get("type")
        option, problem_of = _KEYS.get(kind, (None, None)) if isinstance(kind, str) else (None, None)
        if option is None or problem_of is None:
            continue
        at = ("auth", name, option)
        try:
            text = key_text(section(profile).get(option), base)
        except OSError as error:
            hint = "write the path of a key; relative paths start at the folder of this file"
            yield Finding(at, f"the key cannot be read: {error.strerror}", hint, False, "warning")
            continue
        if text is not None and (problem := problem_of(text)):
            what, _, right = problem.partition("; ")
            yield Finding(at, what, right or "write the key as it was given")


def _of_github(text: str) -> str | None:
    return key_problem(text, "RS256")


def _of_google(text: str) -> str | None:
    # Imported here: only a file with such a key pays for what it takes to read one.
    from proxy.policy.service_account import service_account
    from proxy.policy.signing_key import KeyUnfit

    try:
        service_account(text)
    except KeyUnfit as unfit:
        return str(unfit)
    return None


_KEYS: dict[str, tuple[str, Callable[[str], str | None]]] = {
    "github_app": ("private_key", _of_github),
    "google_service_account": ("key", _of_google),
}
