"""What the templates of an `hmac` profile may name, and what is wrong with one.

What must not live here: the values of these names (`proxy.auth.hmac`).
"""

from collections.abc import Collection

from proxy.policy.template import TemplateError, check_template, template_names

__all__ = ["CONTENT_NAMES", "HEADER", "NAMES", "SECRET", "SIGNATURE", "check_set", "check_sign"]

HEADER = "header."
SECRET = "secret."
SIGNATURE = "signature"
CONTENT_NAMES = frozenset(
    {"content", "content_length", "content_md5_base64", "content_sha256", "content_sha256_base64", "content_sha512"}
)
"""Those for which all of the content must be read first."""

NAMES = CONTENT_NAMES | {
    "date",
    "host",
    "method",
    "nonce",
    "path",
    "query",
    "query_sorted",
    "scheme",
    "target",
    "timestamp",
    "timestamp_iso",
    "timestamp_ms",
}


def check_sign(text: str, secrets: Collection[str]) -> str | None:
    """What is wrong with the template of the signed text, or None."""
    problem = _check(text, NAMES | _secret_names(secrets))
    if problem is None and not any(name in NAMES or name.startswith(HEADER) for name in template_names(text)):
        return "it names nothing of the request, so that every request would have one signature"
    return problem


def check_set(text: str, secrets: Collection[str]) -> str | None:
    """What is wrong with the template of a field, or None."""
    return _check(text, (NAMES - {"content"}) | {SIGNATURE} | _secret_names(secrets))


def _secret_names(secrets: Collection[str]) -> set[str]:
    return {SECRET + name for name in secrets}


def _check(text: str, known: Collection[str]) -> str | None:
    try:
        fields = {name for name in template_names(text) if name.startswith(HEADER) and name != HEADER}
    except TemplateError as error:
        return str(error)
    return check_template(text, {*known, *fields})
