"""Rules between the options of profiles that sign requests.

What must not live here: rules of a single option (`proxy.config.signing_model`).
"""

from collections.abc import Iterator
from pathlib import Path

from proxy.config.cross_checks import Finding, section, uses
from proxy.config.document import Document
from proxy.config.problem import quoted
from proxy.config.values import is_loopback_url
from proxy.policy.signing_names import SIGNATURE, check_set, check_sign
from proxy.policy.template import template_names

__all__ = ["hmac_templates", "open_content"]


def hmac_templates(document: Document, base: Path) -> Iterator[Finding]:
    """The templates of an `hmac` profile name what there is, and one of its fields carries the signature."""
    for name, profile in section(document.data.get("auth")).items():
        at = ("auth", name)
        if section(profile).get("type") != "hmac":
            continue
        secrets, fields = section(profile.get("secrets")), section(profile.get("set"))
        text = profile.get("sign")
        if isinstance(text, str) and (problem := check_sign(text, secrets)):
            hint = 'write such as "{{ method }}\\n{{ target }}\\n{{ timestamp }}\\n{{ content_sha256 }}"'
            yield Finding((*at, "sign"), f"the template: {problem}", hint)
        problems = {
            field: problem
            for field, value in fields.items()
            if isinstance(value, str) and (problem := check_set(value, secrets))
        }
        for field, problem in problems.items():
            hint = "write {{ signature }}, {{ timestamp }}, {{ nonce }} or {{ secret.NAME }} with a name under secrets:"
            yield Finding((*at, "set", field), f"the template: {problem}", hint)
        texts = [value for value in fields.values() if isinstance(value, str)]
        if texts and not problems and not any(SIGNATURE in template_names(value) for value in texts):
            yield Finding((*at, "set"), "no field carries the signature", "write {{ signature }} in one of them", True)


def open_content(document: Document, base: Path) -> Iterator[Finding]:
    """Content that nothing protects: not signed, and sent to another machine without TLS."""
    profiles = section(document.data.get("auth"))
    for path, name, _, upstream in uses(document):
        url = upstream.get("url")
        profile = section(profiles.get(name))
        if profile.get("type") != "aws_sigv4" or profile.get("payload") != "unsigned":
            continue
        if isinstance(url, str) and url.lower().startswith("http://") and not is_loopback_url(url):
            message = f"the profile {quoted(name)} signs no content, and this upstream has no TLS to protect it"
            yield Finding(path, message, "write https://, or payload: signed or streaming", False, "warning")
