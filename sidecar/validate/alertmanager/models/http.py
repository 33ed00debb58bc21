"""How Alertmanager speaks HTTP: authentication, TLS, proxies, headers."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from sidecar.validate.alertmanager.fields import (
    Anything,
    AnyUrl,
    Flag,
    Mapped,
    Maybe,
    Optional,
    Secret,
    Several,
    Text,
    TextMap,
    Texts,
)
from sidecar.validate.alertmanager.models.base import Block
from sidecar.validate.alertmanager.versions import since


class TlsConfig(Block):
    """`tls_config`: certificates, and how far the other side's are checked."""

    ca: Annotated[Text, since("0.26")] = ""
    cert: Annotated[Text, since("0.26")] = ""
    key: Annotated[Secret, since("0.26")] = ""
    ca_file: Text = ""
    cert_file: Text = ""
    key_file: Text = ""
    ca_ref: Annotated[Text, since("0.28")] = ""
    cert_ref: Annotated[Text, since("0.28")] = ""
    key_ref: Annotated[Text, since("0.28")] = ""
    server_name: Text = ""
    insecure_skip_verify: Flag = False
    min_version: Optional[Text] = None
    max_version: Optional[Text] = None


class BasicAuth(Block):
    """`basic_auth`."""

    username: Text = ""
    username_file: Annotated[Text, since("0.27")] = ""
    username_ref: Annotated[Text, since("0.28")] = ""
    password: Secret = ""
    password_file: Text = ""
    password_ref: Annotated[Text, since("0.28")] = ""


class Authorization(Block):
    """`authorization`: one header with a type and credentials."""

    type: Text = ""
    credentials: Secret = ""
    credentials_file: Text = ""
    credentials_ref: Annotated[Text, since("0.28")] = ""


class ProxyBlock(Block):
    """What HTTP clients and OAuth 2.0 know of proxies."""

    proxy_url: AnyUrl = None
    no_proxy: Annotated[Text, since("0.26")] = ""
    proxy_from_environment: Annotated[Flag, since("0.26")] = False
    proxy_connect_header: Annotated[Mapped[Several[Secret]], since("0.26")] = Field(
        default_factory=dict
    )


class OAuth2(ProxyBlock):
    """`oauth2`: a token fetched with client credentials or a signed assertion."""

    client_id: Text = ""
    client_secret: Secret = ""
    client_secret_file: Text = ""
    client_secret_ref: Annotated[Text, since("0.28")] = ""
    client_certificate_key_id: Annotated[Text, since("0.30")] = ""
    client_certificate_key: Annotated[Secret, since("0.30")] = ""
    client_certificate_key_file: Annotated[Text, since("0.30")] = ""
    client_certificate_key_ref: Annotated[Text, since("0.30")] = ""
    grant_type: Annotated[Text, since("0.30")] = ""
    signature_algorithm: Annotated[Text, since("0.30")] = ""
    iss: Annotated[Text, since("0.30")] = ""
    audience: Annotated[Text, since("0.30")] = ""
    claims: Annotated[Mapped[Anything], since("0.30")] = Field(default_factory=dict)
    scopes: Texts = ()
    token_url: Text = ""
    endpoint_params: TextMap = Field(default_factory=dict)
    tls_config: Maybe[TlsConfig] = None


class Header(Block):
    """The values of one header of `http_headers`."""

    values: Texts = ()
    secrets: Several[Secret] = ()
    files: Texts = ()


class HttpConfig(ProxyBlock):
    """`http_config`."""

    basic_auth: Maybe[BasicAuth] = None
    authorization: Maybe[Authorization] = None
    oauth2: Maybe[OAuth2] = None
    bearer_token: Secret = ""
    bearer_token_file: Text = ""
    tls_config: Maybe[TlsConfig] = None
    follow_redirects: Flag = True
    enable_http2: Flag = True
    http_headers: Annotated[Mapped[Maybe[Header]], since("0.28")] = Field(default_factory=dict)

    @property
    def authorizes(self) -> bool:
        """Whether an authorization is in force; a bearer token counts as one."""
        return (
            self.authorization is not None
            or self.has("bearer_token")
            or self.has("bearer_token_file")
        )
