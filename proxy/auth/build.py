"""From a profile to the source of its credential: the one list of schemes."""

from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import assert_never

from proxy.auth.api_key import api_key_source
from proxy.auth.basic import basic_source
from proxy.auth.bearer import bearer_source
from proxy.auth.exec_token import exec_source
from proxy.auth.file_token import file_source
from proxy.auth.headers import headers_source
from proxy.auth.secret_reader import open_secret
from proxy.auth.source import CredentialSource
from proxy.clock import Clock
from proxy.config.auth_model import (
    ApiKeyProfile,
    AuthProfile,
    BasicProfile,
    BearerProfile,
    ExecProfile,
    FileProfile,
    HeadersProfile,
    NoneProfile,
)

__all__ = ["build_source"]


def build_source(profile: AuthProfile, base: Path, environ: Mapping[str, str], clock: Clock) -> CredentialSource | None:
    """The profile's source; None for type `none`. Nothing is read or run yet.

    `base` is the folder of the configuration file, `clock` is monotonic. Raises ValueError for a template that is
    wrong, which the configuration's checks find before; a missing secret is not an error here.
    """
    open_ = partial(open_secret, base=base, environ=environ, clock=clock)
    match profile:
        case NoneProfile():
            return None
        case BearerProfile():
            return bearer_source(profile, open_, clock)
        case BasicProfile():
            return basic_source(profile, open_, clock)
        case ApiKeyProfile():
            return api_key_source(profile, open_, clock)
        case HeadersProfile():
            return headers_source(profile, open_, clock)
        case FileProfile():
            return file_source(profile, open_, clock)
        case ExecProfile():
            return exec_source(profile, base, environ, clock)
        case _:
            assert_never(profile)
