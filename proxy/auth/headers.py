"""Scheme `headers`: any fields, their values templates over named secrets."""

from collections.abc import Callable, Sequence

from proxy.auth.field import field_line, owned
from proxy.auth.secret_rules import SecretReader
from proxy.auth.secret_source import SecretSource
from proxy.auth.source import PreparedInjection
from proxy.clock import Clock
from proxy.config.auth_model import HeadersProfile, SecretRef
from proxy.policy.template import check_template, compile_template
from proxy.secret import Secret

__all__ = ["headers_source"]


def headers_source(profile: HeadersProfile, open_: Callable[[SecretRef], SecretReader], clock: Clock) -> SecretSource:
    """Raises ValueError for a template that cannot be read or names what is not there."""
    for name, text in profile.set.items():
        if problem := check_template(text, profile.secrets):
            raise ValueError(f"set.{name}: {problem}")
    templates = [(name, compile_template(text)) for name, text in profile.set.items()]
    # Only what a template uses is read, so that a secret nobody names cannot stop requests.
    used = list(dict.fromkeys(name for _, template in templates for name in template.names))

    def prepare(values: Sequence[Secret]) -> PreparedInjection:
        texts = {name: value.reveal() for name, value in zip(used, values, strict=True)}
        return PreparedInjection(
            lines=b"".join(field_line(name, template.render(texts)) for name, template in templates)
        )

    readers = [open_(profile.secrets[name]) for name in used]
    return SecretSource(readers, prepare, clock, strip=owned(*profile.set))
