"""From a profile to the source of its credential: the one list of schemes."""

from typing import assert_never

from proxy.auth.api_key import api_key_source
from proxy.auth.basic import basic_source
from proxy.auth.bearer import bearer_source
from proxy.auth.file_token import file_source
from proxy.auth.headers import headers_source
from proxy.auth.means import Means
from proxy.auth.source import CredentialSource
from proxy.config.auth_model import (
    ApiKeyProfile,
    AuthProfile,
    AwsSigV4Profile,
    BasicProfile,
    BearerProfile,
    DigestProfile,
    ExecProfile,
    FileProfile,
    GithubAppProfile,
    GoogleServiceAccountProfile,
    HeadersProfile,
    HmacProfile,
    LoginProfile,
    NoneProfile,
    OAuth2Profile,
    RefreshEndpointProfile,
)

__all__ = ["build_source"]


def build_source(name: str, profile: AuthProfile, means: Means) -> CredentialSource | None:
    """The source of the profile `name`; None for type `none`. Nothing is read, run or asked yet.

    Raises ValueError for a template that is wrong, which the configuration's checks find before; a missing secret is
    not an error here.
    """
    open_, clock = means.open, means.clock
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
        case _:
            return _build_elaborate(name, profile, means)


_Elaborate = (
    ExecProfile
    | OAuth2Profile
    | HmacProfile
    | AwsSigV4Profile
    | LoginProfile
    | RefreshEndpointProfile
    | DigestProfile
    | GithubAppProfile
    | GoogleServiceAccountProfile
)


def _build_elaborate(name: str, profile: _Elaborate, means: Means) -> CredentialSource:
    """Imports here: only a configuration with such a profile loads what it takes to use one."""
    match profile:
        case ExecProfile():
            from proxy.auth.exec_token import exec_source

            return exec_source(name, profile, means)
        case OAuth2Profile():
            from proxy.auth.oauth2 import oauth2_source

            return oauth2_source(name, profile, means)
        case HmacProfile():
            from proxy.auth.hmac import hmac_source

            return hmac_source(name, profile, means)
        case AwsSigV4Profile():
            from proxy.auth.aws_sigv4 import aws_sigv4_source

            return aws_sigv4_source(name, profile, means)
        case LoginProfile():
            from proxy.auth.login_source import login_source

            return login_source(name, profile, means)
        case RefreshEndpointProfile():
            from proxy.auth.refresh_source import refresh_endpoint_source

            return refresh_endpoint_source(name, profile, means)
        case DigestProfile():
            from proxy.auth.digest import digest_source

            return digest_source(name, profile, means)
        case GithubAppProfile():
            from proxy.auth.github_app import github_app_source

            return github_app_source(name, profile, means)
        case GoogleServiceAccountProfile():
            from proxy.auth.google_service_account import google_service_account_source

            return google_service_account_source(name, profile, means)
        case _:
            assert_never(profile)
