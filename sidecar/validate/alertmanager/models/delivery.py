"""Receivers that only deliver: mail, webhooks, message services."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from sidecar.validate.alertmanager.fields import (
    SECRET,
    Anything,
    Count,
    Flag,
    GoDuration,
    HostPort,
    Maybe,
    Optional,
    Secret,
    Text,
    TextMap,
)
from sidecar.validate.alertmanager.models.base import Block
from sidecar.validate.alertmanager.models.chat import HttpNotifier, Notifier
from sidecar.validate.alertmanager.models.http import TlsConfig
from sidecar.validate.alertmanager.versions import since


class Threading(Block):
    """How mails are bound into threads."""

    enabled: Flag = False
    thread_by_date: Text = ""


class EmailConfig(Notifier):
    """`email_configs`."""

    to: Text = ""
    sender: Text = Field("", alias="from")
    hello: Text = ""
    smarthost: HostPort = ""
    auth_username: Text = ""
    auth_password: Secret = ""
    auth_password_file: Text = ""
    auth_secret: Secret = ""
    auth_secret_file: Annotated[Text, since("0.31")] = ""
    auth_identity: Text = ""
    headers: TextMap = Field(default_factory=dict)
    html: Text = ""
    text: Text = ""
    require_tls: Optional[Flag] = None
    tls_config: Maybe[TlsConfig] = None
    force_implicit_tls: Annotated[Optional[Flag], since("0.31")] = None
    threading: Annotated[Maybe[Threading], since("0.30")] = None


class WebhookConfig(HttpNotifier):
    """`webhook_configs`. The URL may be a template since 0.31, so a rule looks at it."""

    url: Annotated[Optional[Text], SECRET] = None
    url_file: Annotated[Text, since("0.26")] = ""
    max_alerts: Count = 0
    timeout: Annotated[GoDuration, since("0.28")] = 0.0
    payload: Annotated[Anything, since("0.32")] = None


class SigV4(Block):
    """How requests to AWS are signed."""

    region: Text = ""
    access_key: Text = ""
    secret_key: Secret = ""
    profile: Text = ""
    role_arn: Text = ""
    external_id: Annotated[Text, since("0.31")] = ""
    use_fips_sts_endpoint: Annotated[Flag, since("0.30")] = False
    service_name: Annotated[Text, since("0.30")] = ""


class SnsConfig(HttpNotifier):
    """`sns_configs`."""

    api_url: Text = ""
    sigv4: Maybe[SigV4] = None
    topic_arn: Text = ""
    phone_number: Text = ""
    target_arn: Text = ""
    subject: Text = ""
    message: Text = ""
    attributes: TextMap = Field(default_factory=dict)
    use_aws_http_client: Annotated[Flag, since("0.33")] = False
