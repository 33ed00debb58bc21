"""The whole file: global settings, routes, inhibition, receivers, time intervals."""

from __future__ import annotations

from typing import Annotated

from pydantic import BeforeValidator, Field

from sidecar.validate.alertmanager.fields import (
    Duration,
    Flag,
    HostPort,
    Mapped,
    Maybe,
    Optional,
    OptionalSecret,
    Secret,
    SecretUrl,
    Several,
    Text,
    TextMap,
    Texts,
    WebUrl,
)
from sidecar.validate.alertmanager.golang.scalars import Kind
from sidecar.validate.alertmanager.models import chat, delivery, paging
from sidecar.validate.alertmanager.models.base import Block
from sidecar.validate.alertmanager.models.http import HttpConfig, TlsConfig
from sidecar.validate.alertmanager.models.intervals import NamedIntervals
from sidecar.validate.alertmanager.models.recording import EventRecorder, Tracing
from sidecar.validate.alertmanager.tree import Scalar, Table
from sidecar.validate.alertmanager.versions import since


class Global(Block):
    """`global`: what receivers inherit. The defaults are Alertmanager's own."""

    resolve_timeout: Duration = 300.0
    http_config: Maybe[HttpConfig] = None
    jira_api_url: Annotated[WebUrl, since("0.28")] = None
    smtp_from: Text = ""
    smtp_hello: Text = "localhost"
    smtp_smarthost: HostPort = ""
    smtp_auth_username: Text = ""
    smtp_auth_password: Secret = ""
    smtp_auth_password_file: Text = ""
    smtp_auth_secret: Secret = ""
    smtp_auth_secret_file: Annotated[Text, since("0.31")] = ""
    smtp_auth_identity: Text = ""
    smtp_require_tls: Flag = True
    smtp_tls_config: Annotated[Maybe[TlsConfig], since("0.28")] = None
    smtp_force_implicit_tls: Annotated[Optional[Flag], since("0.31")] = None
    slack_api_url: SecretUrl = None
    slack_api_url_file: Text = ""
    slack_app_token: Annotated[Secret, since("0.30")] = ""
    slack_app_token_file: Annotated[Text, since("0.30")] = ""
    slack_app_url: Annotated[WebUrl, since("0.30")] = "https://slack.com/api/chat.postMessage"
    pagerduty_url: WebUrl = "https://events.pagerduty.com/v2/enqueue"
    opsgenie_api_url: WebUrl = "https://api.opsgenie.com/"
    opsgenie_api_key: Secret = ""
    opsgenie_api_key_file: Text = ""
    wechat_api_url: WebUrl = "https://qyapi.weixin.qq.com/cgi-bin/"
    wechat_api_secret: Secret = ""
    wechat_api_secret_file: Annotated[Text, since("0.31")] = ""
    wechat_api_corp_id: Text = ""
    victorops_api_url: WebUrl = "https://alert.victorops.com/integrations/generic/20131114/alert/"
    victorops_api_key: Secret = ""
    victorops_api_key_file: Text = ""
    telegram_api_url: WebUrl = "https://api.telegram.org"
    telegram_bot_token: Annotated[Secret, since("0.31")] = ""
    telegram_bot_token_file: Annotated[Text, since("0.31")] = ""
    webex_api_url: WebUrl = "https://webexapis.com/v1/messages"
    rocketchat_api_url: Annotated[WebUrl, since("0.28")] = "https://open.rocket.chat/"
    rocketchat_token: Annotated[OptionalSecret, since("0.28")] = None
    rocketchat_token_file: Annotated[Text, since("0.28")] = ""
    rocketchat_token_id: Annotated[OptionalSecret, since("0.28")] = None
    rocketchat_token_id_file: Annotated[Text, since("0.28")] = ""
    mattermost_webhook_url: Annotated[SecretUrl, since("0.32")] = None
    mattermost_webhook_url_file: Annotated[Text, since("0.32")] = ""


class Route(Block):
    """A node of the routing tree."""

    receiver: Text = ""
    group_by: Texts = ()
    match: TextMap = Field(default_factory=dict)
    match_re: Mapped[Optional[Text]] = Field(default_factory=dict)
    matchers: Texts = ()
    mute_time_intervals: Texts = ()
    active_time_intervals: Texts = ()
    continues: Flag = Field(default=False, alias="continue")
    routes: Several[Maybe[Route]] = ()
    group_wait: Optional[Duration] = None
    group_interval: Optional[Duration] = None
    repeat_interval: Optional[Duration] = None
    labels: Annotated[TextMap, since("0.34")] = Field(default_factory=dict)


class InhibitRule(Block):
    """While a source alert fires, its targets are not told."""

    name: Annotated[Text, since("0.30")] = ""
    source_match: TextMap = Field(default_factory=dict)
    source_match_re: Mapped[Optional[Text]] = Field(default_factory=dict)
    source_matchers: Texts = ()
    target_match: TextMap = Field(default_factory=dict)
    target_match_re: Mapped[Optional[Text]] = Field(default_factory=dict)
    target_matchers: Texts = ()
    equal: Several[Optional[Text]] = ()


class Receiver(Block):
    """A name for ways to be told."""

    name: Text = ""
    labels: Annotated[TextMap, since("0.33")] = Field(default_factory=dict)
    discord_configs: Several[Maybe[chat.DiscordConfig]] = ()
    email_configs: Several[Maybe[delivery.EmailConfig]] = ()
    incidentio_configs: Annotated[Several[Maybe[paging.IncidentioConfig]], since("0.30")] = ()
    pagerduty_configs: Several[Maybe[paging.PagerdutyConfig]] = ()
    slack_configs: Several[Maybe[chat.SlackConfig]] = ()
    webhook_configs: Several[Maybe[delivery.WebhookConfig]] = ()
    opsgenie_configs: Several[Maybe[paging.OpsGenieConfig]] = ()
    wechat_configs: Several[Maybe[chat.WechatConfig]] = ()
    pushover_configs: Several[Maybe[paging.PushoverConfig]] = ()
    victorops_configs: Several[Maybe[paging.VictorOpsConfig]] = ()
    sns_configs: Several[Maybe[delivery.SnsConfig]] = ()
    telegram_configs: Several[Maybe[chat.TelegramConfig]] = ()
    webex_configs: Several[Maybe[chat.WebexConfig]] = ()
    msteams_configs: Annotated[Several[Maybe[chat.TeamsConfig]], since("0.26")] = ()
    msteamsv2_configs: Annotated[Several[Maybe[chat.TeamsV2Config]], since("0.28")] = ()
    jira_configs: Annotated[Several[Maybe[paging.JiraConfig]], since("0.28")] = ()
    rocketchat_configs: Annotated[Several[Maybe[chat.RocketchatConfig]], since("0.28")] = ()
    mattermost_configs: Annotated[Several[Maybe[chat.MattermostConfig]], since("0.30")] = ()


def _empty_global(node: object) -> object:
    """In capitals, null takes all defaults away."""
    if not isinstance(node, Scalar) or not node.is_empty or node.is_null:
        return node
    table = Table(node.place)
    for name, info in Global.model_fields.items():
        if info.default:
            table.put(name, Scalar(Kind.NULL, "", node.place), node.place)
    return table


class Config(Block):
    """The file."""

    globals: Annotated[Maybe[Global], BeforeValidator(_empty_global)] = Field(
        default=None, alias="global"
    )
    route: Maybe[Route] = None
    inhibit_rules: Several[Maybe[InhibitRule]] = ()
    receivers: Several[Maybe[Receiver]] = ()
    templates: Texts = ()
    mute_time_intervals: Several[Maybe[NamedIntervals]] = ()
    time_intervals: Several[Maybe[NamedIntervals]] = ()
    tracing: Annotated[Maybe[Tracing], since("0.30")] = None
    event_recorder: Annotated[Maybe[EventRecorder], since("0.33")] = None

    @property
    def defaults(self) -> Global:
        """The global settings, or Alertmanager's defaults where the file has none."""
        return self.globals if self.globals is not None else Global()
