"""The options of TLS toward another machine.

What must not live here: loading the files (`proxy.upstream.tls`).
"""

from typing import Literal

from pydantic import Field

from proxy.config.base import Model
from proxy.config.values import HostName

__all__ = ["Tls"]


class Tls(Model):
    """TLS toward an upstream or a token endpoint."""

    verify: bool = Field(True, description="Verify the certificate; turning it off is warned about at every start.")
    ca: str | None = Field(None, description="PEM file of the authorities to trust instead of the system's.")
    cert: str | None = Field(None, description="PEM file of the client certificate.")
    key: str | None = Field(
        None, description="PEM file of the client certificate's key; the certificate's file when left out."
    )
    server_name: HostName | None = Field(None, description="Name to ask for and to verify instead of the URL's host.")
    min_version: Literal["1.2", "1.3"] = Field("1.2", description="The least TLS version.")
