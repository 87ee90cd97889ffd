"""The promise of whoever knows the fields that a collector wants to see.

Beside the exporter and not in it, so that the exporter's libraries are not imported for it. What must not live here:
secrets (`proxy.chain.collector_secrets` reads them).
"""

from collections.abc import Mapping
from typing import Protocol

__all__ = ["CollectorFields", "FieldsMissing"]


class FieldsMissing(Exception):
    """A field has no value now; the message may be shown."""


class CollectorFields(Protocol):
    """Names and values. Called in the exporter's thread, which may wait. Raises FieldsMissing."""

    def __call__(self) -> Mapping[str, str]: ...
    def refused(self) -> None:
        """The collector does not accept what they were; also in the exporter's thread."""

    async def close(self) -> None: ...
