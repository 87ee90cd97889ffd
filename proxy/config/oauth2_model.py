"""The options of `type: oauth2`.

What must not live here: which of them go together (`proxy.config.oauth2_rules`), what is done with them (`proxy.auth`).
"""

from collections.abc import Sequence
from typing import Annotated, Literal, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, model_validator

from proxy.config.base import wrong
from proxy.config.login_parts import AuthorizationParameters, RedirectUri
from proxy.config.oauth2_parts import AnswerMap, AssertionOptions, DpopOptions, KeyOptions
from proxy.config.oauth2_rules import CLIENT_PROOFS, GRANTS, LOGIN_GRANTS, check_options
from proxy.config.profile import Scheme, SessionProfile
from proxy.config.secret_model import SecretRef
from proxy.config.tls_model import Tls
from proxy.config.units import Duration
from proxy.config.values import EndpointUrl, FieldName, FieldValue, Hidden, is_loopback_url, unique_fields

__all__ = ["ClientAuthentication", "OAuth2Profile"]

ClientAuthentication = Literal[
    "client_secret_basic",
    "client_secret_basic_raw",
    "client_secret_post",
    "private_key_jwt",
    "tls_client_auth",
    "none",
]

_TOKEN_TYPE = "urn:ietf:params:oauth:token-type:"
_OWN_PARAMETERS = frozenset(
    {
        "actor_token",
        "actor_token_type",
        "assertion",
        "audience",
        "client_assertion",
        "client_assertion_type",
        "client_id",
        "client_secret",
        "grant_type",
        "password",
        "refresh_token",
        "requested_token_type",
        "resource",
        "scope",
        "subject_token",
        "subject_token_type",
        "username",
    }
)


def _own_options(parameters: dict[str, str]) -> dict[str, str]:
    if not _OWN_PARAMETERS.isdisjoint(parameters):
        raise wrong("a parameter that has an option of its own", "write it as that option, beside parameters")
    return parameters


def _issuer(url: str) -> str:
    if "?" in url:
        raise wrong("an issuer has no query", "remove what follows ?")
    if urlsplit(url).scheme != "https" and not is_loopback_url(url):
        raise wrong("what an issuer says is believed, so it is asked over TLS alone", "write https://")
    return url


def _token_type(kind: str) -> str:
    """A type by its last word, or a URI of its own (RFC 8693 §3)."""
    if ":" in kind:
        return kind
    if kind not in ("access_token", "refresh_token", "id_token", "saml1", "saml2", "jwt"):
        raise wrong("not a type of token", "write access_token, refresh_token, id_token, jwt, saml1, saml2 or a URI")
    return _TOKEN_TYPE + kind


TokenType = Annotated[str, AfterValidator(_token_type)]


class OAuth2Profile(SessionProfile):
    """A token from an OAuth 2.0 token endpoint (RFC 6749), renewed before it ends."""

    type: Literal["oauth2"] = Field(description="A token from an OAuth 2.0 token endpoint, renewed before it ends.")
    grant: Literal[
        "client_credentials",
        "refresh_token",
        "device_code",
        "authorization_code",
        "password",
        "jwt_bearer",
        "token_exchange",
    ] = Field(description="What is exchanged for a token.")
    token_url: EndpointUrl | None = Field(None, description="The token endpoint.")
    issuer: Annotated[EndpointUrl, AfterValidator(_issuer)] | None = Field(
        None, description="Instead of `token_url`: the server, which says itself where its endpoints are (RFC 8414)."
    )
    client_id: str | None = Field(None, min_length=1, description="The client's name at the server.")
    client_secret: SecretRef | None = Field(None, description="The client's secret; left out for a public client.")
    client_key: KeyOptions | None = Field(
        None, description="The client's key, for `private_key_jwt` (RFC 7523): each call has a signed proof of its own."
    )
    client_auth: ClientAuthentication | None = Field(
        None,
        description="How the client proves who it is; `client_secret_basic` where there is a secret, `private_key_jwt` "
        "where there is a key, else `none`. `client_secret_basic_raw` leaves both parts unencoded, which some servers "
        "want. `tls_client_auth` (RFC 8705) is the certificate of `tls`, self-signed or not.",
    )
    dpop: DpopOptions | None = Field(
        None,
        description="Bind the tokens to a key (RFC 9449): each call and each request has a signed proof of its own, "
        "beside `Authorization: DPoP`. `dpop: {}` makes a key.",
    )
    tls: Tls | None = Field(None, description="TLS toward the server: `ca`, `cert`, `key` and so on, as of upstreams.")
    refresh_token: SecretRef | None = Field(
        None, description="The first refresh token, for the grant of that name; what the server gives later is kept."
    )
    reuse_grace: Duration = Field(
        0.0,
        description="How long after an exchange whose answer was lost the server takes the same refresh token again; "
        "without such a window it is not presented twice.",
    )
    device_authorization_url: EndpointUrl | None = Field(
        None, description="Where a device asks for its code (RFC 8628); an `issuer` says it itself."
    )
    authorization_url: EndpointUrl | None = Field(
        None, description="Where a person is sent with a browser, for the grant `authorization_code`."
    )
    authorization_parameters: AuthorizationParameters = Field(
        {}, repr=False, description="Further parameters of that address, such as `access_type: offline`."
    )
    redirect_uri: RedirectUri = Field(
        "http://127.0.0.1/callback",
        description="Where the browser comes back to, on this machine (RFC 8252); without a port a free one is taken.",
    )
    revocation_url: EndpointUrl | None = Field(
        None, description="Where the server is told that a session is ended (RFC 7009); an `issuer` says it itself."
    )
    username: SecretRef | None = Field(None, description="The user's name, for the grant `password`.")
    password: SecretRef | None = Field(None, description="The user's password, for the grant `password`.")
    assertion: SecretRef | None = Field(
        None, description="The assertion that something else makes, for the grant `jwt_bearer`."
    )
    sign_assertion: AssertionOptions | None = Field(
        None, description="The assertion that is signed for each exchange, for the grant `jwt_bearer` (RFC 7523)."
    )
    subject_token: SecretRef | None = Field(
        None, description="The token that is exchanged, such as a workload's own, for the grant `token_exchange`."
    )
    subject_token_type: TokenType = Field(
        _TOKEN_TYPE + "jwt", description="Its type: `access_token`, `id_token`, `jwt` and so on, or a URI."
    )
    actor_token: SecretRef | None = Field(None, description="The token of who acts in the subject's name.")
    actor_token_type: TokenType = Field(_TOKEN_TYPE + "jwt", description="Its type.")
    requested_token_type: TokenType | None = Field(None, description="The type of token to ask for.")
    scope: str | list[str] = Field([], description="Scopes to ask for.")
    scope_separator: str = Field(" ", min_length=1, max_length=1, description="What stands between two scopes.")
    audience: str | None = Field(None, description="The parameter `audience`.")
    resource: str | list[str] = Field([], description="The parameter `resource` (RFC 8707), once for each.")
    parameters: Annotated[dict[str, Hidden], AfterValidator(_own_options)] = Field(
        {}, repr=False, description="Further parameters of the token request."
    )
    headers: Annotated[dict[FieldName, FieldValue], AfterValidator(unique_fields)] = Field(
        {}, repr=False, description="Further fields of the token request."
    )
    response: AnswerMap | None = Field(
        None, description="Where the tokens stand in an answer that nests or renames them, as JMESPath."
    )
    timeout: Duration = Field(10.0, description="How long the token endpoint may take.")
    prewarm: bool = Field(True, description="Obtain the token at start; else with the first request.")
    header: FieldName = Field("Authorization", description="Field that carries the token to the upstream.")
    scheme: Scheme = Field("Bearer", description="Word before the token; empty for none.")

    @property
    def client_authentication(self) -> ClientAuthentication:
        if self.client_auth is not None:
            return self.client_auth
        if self.client_secret is not None:
            return "client_secret_basic"
        return "none" if self.client_key is None else "private_key_jwt"

    @property
    def wants_login(self) -> bool:
        """Whether a person has to be there for its session to begin."""
        return self.grant in LOGIN_GRANTS

    @property
    def server(self) -> str:
        """What the profile names of the server: the issuer, or the token endpoint."""
        return self.issuer or self.token_url or ""

    @property
    def scopes(self) -> Sequence[str]:
        return _listed(self.scope)

    @property
    def resources(self) -> Sequence[str]:
        return _listed(self.resource)

    @model_validator(mode="after")
    def _server_is_named(self) -> Self:
        if (self.token_url is None) == (self.issuer is None):
            what = "neither token_url nor issuer" if self.token_url is None else "both token_url and issuer"
            raise wrong(f"{what}: one of them says which server is asked", "write token_url: https://… alone")
        if self.tls is not None and urlsplit(self.server).scheme != "https":
            raise wrong("tls has no meaning for a server that is asked over plain HTTP", "write https://, or remove it")
        return self

    @model_validator(mode="after")
    def _parts_fit(self) -> Self:
        given = [name for name in self.model_fields_set if getattr(self, name) is not None]
        check_options("grant", self.grant, GRANTS, given)
        proof = self.client_authentication
        check_options("client_auth", proof, CLIENT_PROOFS, given)
        if proof == "tls_client_auth" and (self.tls is None or self.tls.cert is None):
            raise wrong("client_auth tls_client_auth wants a certificate", "add cert and key to tls")
        if self.issuer is None and self.grant == "device_code" and self.device_authorization_url is None:
            raise wrong("nothing says where the device's code comes from", "add device_authorization_url, or issuer")
        if self.issuer is None and self.grant == "authorization_code" and self.authorization_url is None:
            raise wrong("nothing says where a person logs in", "add authorization_url, or issuer")
        if proof == "none" and self.grant == "client_credentials":
            raise wrong("client_credentials wants a client that proves who it is", "add client_secret: {env: NAME}")
        if self.assertion is not None and self.sign_assertion is not None:
            raise wrong("two assertions: assertion and sign_assertion", "keep one of them")
        if self.sign_assertion is not None and self.client_id is None and self.sign_assertion.issuer is None:
            raise wrong("nothing says who signs the assertion", "add issuer to sign_assertion, or client_id")
        if self.dpop is not None and (strange := {"header", "scheme"} & self.model_fields_set):
            raise wrong(f"dpop says itself where the token stands: {min(strange)} is of no use", "remove it, or dpop")
        if self.actor_token is None and "actor_token_type" in self.model_fields_set:
            raise wrong("an actor_token_type without its actor_token", "add actor_token: {file: PATH}")
        return self


def _listed(value: str | list[str]) -> Sequence[str]:
    return [value] if isinstance(value, str) else value
