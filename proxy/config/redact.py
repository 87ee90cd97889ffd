"""The configuration as it may be shown: every option with its value, and no secret.

The models' own serialisers do the hiding, so that any other way to dump them hides the same.
"""

from typing import Any

from proxy.config.model import Config

__all__ = ["redacted"]


def redacted(config: Config) -> dict[str, Any]:
    """JSON-able; keys as in the file, durations and sizes as people write them, what may be secret hidden."""
    return config.model_dump(mode="json", by_alias=True)
