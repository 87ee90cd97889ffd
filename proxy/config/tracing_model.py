"""The shape of `tracing`: where spans go, and of how many requests.

What must not live here: making spans (`proxy.observe.tracing`).
"""

from typing import Annotated

from pydantic import AfterValidator, Field

from proxy.config.base import Model
from proxy.config.secret_model import SecretRef
from proxy.config.units import Ratio
from proxy.config.values import FieldName, UpstreamUrl, unique_fields

__all__ = ["Tracing"]


class Tracing(Model):
    """Spans by OTLP over HTTP; wants the extra `tracing`."""

    endpoint: UpstreamUrl = Field(description="Base URL of the collector; spans are posted to `/v1/traces` below it.")
    service: str = Field("outrider", min_length=1, max_length=200, description="Name of this service in the traces.")
    sample: Ratio = Field(1.0, description="Share of the requests whose caller has not decided it (`traceparent`).")
    headers: Annotated[dict[FieldName, SecretRef], AfterValidator(unique_fields)] = Field(
        {}, repr=False, description="Fields sent to the collector; their values are secrets."
    )
