"""Receivers that post into a chat."""

from __future__ import annotations

from typing import Annotated

from sidecar.validate.alertmanager.fields import (
    Flag,
    GoDuration,
    Maybe,
    OptionalSecret,
    Secret,
    SecretUrl,
    Several,
    Text,
    Texts,
    WebUrl,
    Whole,
)
from sidecar.validate.alertmanager.models.base import Block
from sidecar.validate.alertmanager.models.http import HttpConfig
from sidecar.validate.alertmanager.versions import since


class Notifier(Block):
    """What every receiver configuration has."""

    send_resolved: Flag = True


class HttpNotifier(Notifier):
    """A receiver that is spoken to by HTTP."""

    http_config: Maybe[HttpConfig] = None


class SlackConfirmation(Block):
    """The question before a Slack button does something."""

    text: Text = ""
    title: Text = ""
    ok_text: Text = ""
    dismiss_text: Text = ""


class SlackAction(Block):
    """A Slack button."""

    type: Text = ""
    text: Text = ""
    url: Text = ""
    style: Text = ""
    name: Text = ""
    value: Text = ""
    confirm: Maybe[SlackConfirmation] = None


class TitledField(Block):
    """A field of a Slack or Mattermost message."""

    title: Text = ""
    value: Text = ""
    short: Flag = False


class SlackConfig(HttpNotifier):
    """`slack_configs`."""

    api_url: SecretUrl = None
    api_url_file: Text = ""
    app_token: Annotated[Secret, since("0.30")] = ""
    app_token_file: Annotated[Text, since("0.30")] = ""
    app_url: Annotated[WebUrl, since("0.30")] = None
    channel: Text = ""
    username: Text = ""
    color: Text = ""
    title: Text = ""
    title_link: Text = ""
    pretext: Text = ""
    text: Text = ""
    message_text: Annotated[Text, since("0.31")] = ""
    fields: Several[Maybe[TitledField]] = ()
    short_fields: Flag = False
    footer: Text = ""
    fallback: Text = ""
    callback_id: Text = ""
    icon_emoji: Text = ""
    icon_url: Text = ""
    image_url: Text = ""
    thumb_url: Text = ""
    link_names: Flag = False
    mrkdwn_in: Texts = ()
    actions: Several[Maybe[SlackAction]] = ()
    update_message: Annotated[Flag, since("0.32")] = False
    timeout: Annotated[GoDuration, since("0.30")] = 0.0


class WebhookUrlNotifier(HttpNotifier):
    """A receiver whose whole address is a secret URL."""

    webhook_url: SecretUrl = None


class DiscordConfig(WebhookUrlNotifier):
    """`discord_configs`."""

    webhook_url_file: Annotated[Text, since("0.27")] = ""
    content: Annotated[Text, since("0.28")] = ""
    title: Text = ""
    message: Text = ""
    username: Annotated[Text, since("0.28")] = ""
    avatar_url: Annotated[Text, since("0.28")] = ""


class TeamsConfig(WebhookUrlNotifier):
    """`msteams_configs`, for the connectors that Microsoft has retired."""

    webhook_url_file: Annotated[Text, since("0.27")] = ""
    title: Text = ""
    summary: Annotated[Text, since("0.27")] = ""
    text: Text = ""


class TeamsV2Config(WebhookUrlNotifier):
    """`msteamsv2_configs`, for workflows."""

    webhook_url_file: Text = ""
    title: Text = ""
    text: Text = ""


class WebexConfig(HttpNotifier):
    """`webex_configs`."""

    api_url: WebUrl = None
    message: Text = ""
    room_id: Text = ""


class TelegramConfig(HttpNotifier):
    """`telegram_configs`."""

    api_url: WebUrl = None
    bot_token: Secret = ""
    bot_token_file: Annotated[Text, since("0.26")] = ""
    chat_id: Whole = 0
    chat_id_file: Annotated[Text, since("0.31")] = ""
    message_thread_id: Annotated[Whole, since("0.28")] = 0
    message: Text = ""
    disable_notifications: Flag = False
    parse_mode: Text = "HTML"


class WechatConfig(HttpNotifier):
    """`wechat_configs`."""

    api_secret: Secret = ""
    api_secret_file: Annotated[Text, since("0.31")] = ""
    corp_id: Text = ""
    message: Text = ""
    api_url: WebUrl = None
    to_user: Text = ""
    to_party: Text = ""
    to_tag: Text = ""
    agent_id: Text = ""
    message_type: Text = ""


class RocketchatField(Block):
    """A field of a Rocket.Chat attachment."""

    short: Flag = False
    title: Text = ""
    value: Text = ""


class RocketchatAction(Block):
    """A button of a Rocket.Chat attachment; the keys are Go's field names in small letters."""

    type: Text = ""
    text: Text = ""
    url: Text = ""
    imageurl: Text = ""
    iswebview: Flag = False
    webviewheightratio: Text = ""
    msg: Text = ""
    msginchatwindow: Flag = False
    msgprocessingtype: Text = ""


class RocketchatConfig(HttpNotifier):
    """`rocketchat_configs`."""

    api_url: WebUrl = None
    token_id: OptionalSecret = None
    token_id_file: Text = ""
    token: OptionalSecret = None
    token_file: Text = ""
    channel: Text = ""
    color: Text = ""
    title: Text = ""
    title_link: Text = ""
    text: Text = ""
    fields: Several[Maybe[RocketchatField]] = ()
    short_fields: Flag = False
    emoji: Text = ""
    icon_url: Text = ""
    image_url: Text = ""
    thumb_url: Text = ""
    link_names: Flag = False
    actions: Several[Maybe[RocketchatAction]] = ()


class MattermostAttachment(Block):
    """An attachment of a Mattermost message."""

    fallback: Text = ""
    color: Text = ""
    pretext: Text = ""
    text: Text = ""
    author_name: Text = ""
    author_link: Text = ""
    author_icon: Text = ""
    title: Text = ""
    title_link: Text = ""
    fields: Several[Maybe[TitledField]] = ()
    thumb_url: Text = ""
    footer: Text = ""
    footer_icon: Text = ""
    image_url: Text = ""


class MattermostProps(Block):
    """`props` of a Mattermost message."""

    card: Text = ""


class MattermostPriority(Block):
    """`priority` of a Mattermost message."""

    priority: Text = ""
    requested_ack: Flag = False
    persistent_notifications: Flag = False


class MattermostConfig(WebhookUrlNotifier):
    """`mattermost_configs`."""

    webhook_url_file: Text = ""
    channel: Text = ""
    username: Text = ""
    text: Text = ""
    fallback: Annotated[Text, since("0.32")] = ""
    color: Annotated[Text, since("0.32")] = ""
    pretext: Annotated[Text, since("0.32")] = ""
    author_name: Annotated[Text, since("0.32")] = ""
    author_link: Annotated[Text, since("0.32")] = ""
    author_icon: Annotated[Text, since("0.32")] = ""
    title: Annotated[Text, since("0.32")] = ""
    title_link: Annotated[Text, since("0.32")] = ""
    fields: Annotated[Several[Maybe[TitledField]], since("0.32")] = ()
    thumb_url: Annotated[Text, since("0.32")] = ""
    footer: Annotated[Text, since("0.32")] = ""
    footer_icon: Annotated[Text, since("0.32")] = ""
    image_url: Annotated[Text, since("0.32")] = ""
    icon_url: Text = ""
    icon_emoji: Text = ""
    attachments: Several[Maybe[MattermostAttachment]] = ()
    type: Text = ""
    props: Maybe[MattermostProps] = None
    priority: Maybe[MattermostPriority] = None
