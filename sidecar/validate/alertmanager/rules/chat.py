"""Receivers that post into a chat."""

from __future__ import annotations

from collections.abc import Iterator

from sidecar.validate.alertmanager.models.chat import (
    DiscordConfig,
    MattermostConfig,
    RocketchatConfig,
    SlackAction,
    SlackConfig,
    SlackConfirmation,
    TeamsConfig,
    TeamsV2Config,
    TelegramConfig,
    TitledField,
    WebexConfig,
    WechatConfig,
)
from sidecar.validate.alertmanager.rules.needs import forbid_both, require_one
from sidecar.validate.alertmanager.rules.registry import Fault, World, checks, define
from sidecar.validate.alertmanager.tree import Path

SLACK_POST = "https://slack.com/api/chat.postMessage"
APP_TOKENS = ("app_token", "app_token_file")
API_URLS = ("api_url", "api_url_file")

NO_SLACK_URL = define(
    "E330",
    "a Slack receiver has neither URL nor token",
    fix="Set api_url or api_url_file, here or under global with the prefix slack_.",
    anchor="slack_config",
)
SLACK_TWICE = define(
    "E331",
    "the URL or token of a Slack receiver is given twice",
    fix="Keep one of api_url, api_url_file, app_token and app_token_file.",
    anchor="slack_config",
)
SLACK_ACTION = define(
    "E332",
    "a Slack action is incomplete",
    fix="Set type, text, and url or name.",
    anchor="action_config-slack",
)
MESSAGE_FIELD = define(
    "E333",
    "a field of a message is incomplete",
    fix="Set title and value.",
    anchor="field_config-slack",
)
SLACK_CONFIRM = define(
    "E334",
    "a Slack confirmation has no text",
    fix="Set text.",
    anchor="action_config-slack",
)
SLACK_UPDATE = define(
    "E335",
    "update_message is used without a bot token",
    fix=f"Set api_url to {SLACK_POST} and give the token, or remove update_message.",
    anchor="slack_config",
)
SLACK_AUTHORIZATION = define(
    "E336",
    "a Slack app token and http_config.authorization exclude each other",
    fix="Remove the authorization from http_config.",
    anchor="slack_config",
)
NO_WECHAT_SECRET = define(
    "E360",
    "a WeChat receiver has no secret",
    fix="Set api_secret here or wechat_api_secret under global.",
    anchor="wechat_config",
)
NO_WECHAT_CORP = define(
    "E361",
    "a WeChat receiver has no corp_id",
    fix="Set corp_id here or wechat_api_corp_id under global.",
    anchor="wechat_config",
)
WECHAT_TYPE = define(
    "E362",
    "the message_type of a WeChat receiver is unknown",
    fix="Write text or markdown.",
    anchor="wechat_config",
)
WECHAT_TWICE = define(
    "E363", "a WeChat secret is given twice", fix="Keep it or its file.", anchor="wechat_config"
)
NO_CHAT_URL = define(
    "E364",
    "the URL of a chat service was emptied",
    fix="Remove the empty line under global, or give a URL.",
    anchor="file-layout-and-global-settings",
)
NO_BOT_TOKEN = define(
    "E370",
    "a Telegram receiver has no bot token",
    fix="Set bot_token or bot_token_file, here or, since 0.31, under global.",
    anchor="telegram_config",
)
NO_CHAT = define(
    "E371",
    "a Telegram receiver has no chat",
    fix="Set chat_id to the number of the chat.",
    anchor="telegram_config",
)
PARSE_MODE = define(
    "E372",
    "the parse_mode of a Telegram receiver is unknown",
    fix="Write Markdown, MarkdownV2, HTML or nothing.",
    anchor="telegram_config",
)
TELEGRAM_TWICE = define(
    "E373",
    "the token or chat of a Telegram receiver is given twice",
    fix="Keep the value or its file.",
    anchor="telegram_config",
)
NO_WEBHOOK = define(
    "E375",
    "a chat receiver has no webhook URL",
    fix="Set webhook_url or webhook_url_file.",
    anchor="discord_config",
)
WEBHOOK_TWICE = define(
    "E376",
    "the webhook URL of a chat receiver is given twice",
    fix="Keep webhook_url or webhook_url_file.",
    anchor="discord_config",
)
NO_ROOM = define("E380", "a Webex receiver has no room_id", fix="Set it.", anchor="webex_config")
NO_WEBEX_AUTHORIZATION = define(
    "E381",
    "a Webex receiver has no authorization",
    fix="Set authorization with the bot's token in its own http_config; global is not looked at.",
    anchor="webex_config",
)
NO_ROCKETCHAT_TOKEN = define(
    "E388",
    "a Rocket.Chat receiver lacks its token or the token's id",
    fix="Set token and token_id (or their files), here or under global.",
    anchor="rocketchat_config",
)
ROCKETCHAT_TWICE = define(
    "E389",
    "a Rocket.Chat secret is given twice",
    fix="Keep the value or its file.",
    anchor="rocketchat_config",
)


@checks(SlackConfig)
def check_slack(slack: SlackConfig, path: Path, world: World) -> Iterator[Fault]:
    """One way to authenticate, here or inherited."""
    inherited = any(world.config.defaults.has(f"slack_{name}") for name in (*API_URLS, *APP_TOKENS))
    if not inherited:
        yield from require_one(NO_SLACK_URL, slack, path, (*API_URLS, *APP_TOKENS))
    yield from forbid_both(SLACK_TWICE, slack, path, (*API_URLS, *APP_TOKENS))
    if slack.update_message and slack.api_url != SLACK_POST:
        message = f"update_message needs the api_url {SLACK_POST}"
        yield Fault(SLACK_UPDATE, (*path, "update_message"), message)
    if slack.app_url is None and world.config.defaults.slack_app_url is None:
        yield Fault(NO_CHAT_URL, path, "the global slack_app_url is empty, and so is app_url")


@checks(SlackConfig)
def check_slack_token(slack: SlackConfig, path: Path, world: World) -> Iterator[Fault]:
    """An app token becomes the authorization, so no other one may be there."""
    defaults, http = world.config.defaults, slack.http_config
    own = any(slack.has(name) for name in APP_TOKENS)
    inherits = (
        any(defaults.has(f"slack_{name}") for name in APP_TOKENS)
        and slack.api_url is None
        and not (http is not None and http.authorizes)
    )
    in_force = http if http is not None else defaults.http_config
    if (own or inherits) and in_force is not None and in_force.authorizes:
        message = "an app token and http_config.authorization are both in force"
        yield Fault(SLACK_AUTHORIZATION, path, message)


@checks(SlackAction)
def check_action(action: SlackAction, path: Path, _: World) -> Iterator[Fault]:
    """What a button needs."""
    for names in (("type",), ("text",), ("url", "name")):
        yield from require_one(SLACK_ACTION, action, path, names)


@checks(SlackConfirmation)
def check_confirmation(confirm: SlackConfirmation, path: Path, _: World) -> Iterator[Fault]:
    """A text."""
    yield from require_one(SLACK_CONFIRM, confirm, path, ("text",))


@checks(TitledField)
def check_field(field: TitledField, path: Path, _: World) -> Iterator[Fault]:
    """Title and value."""
    for name in ("title", "value"):
        yield from require_one(MESSAGE_FIELD, field, path, (name,))


@checks(DiscordConfig, TeamsConfig, TeamsV2Config)
def check_webhook(
    chat: DiscordConfig | TeamsConfig | TeamsV2Config, path: Path, _: World
) -> Iterator[Fault]:
    """One URL."""
    names = ("webhook_url", "webhook_url_file")
    if chat.webhook_url is None:
        yield from require_one(NO_WEBHOOK, chat, path, names)
    yield from forbid_both(WEBHOOK_TWICE, chat, path, names)


@checks(MattermostConfig)
def check_mattermost(chat: MattermostConfig, path: Path, world: World) -> Iterator[Fault]:
    """One URL, here or inherited."""
    defaults, names = world.config.defaults, ("webhook_url", "webhook_url_file")
    if not (defaults.mattermost_webhook_url or defaults.mattermost_webhook_url_file):
        yield from require_one(NO_WEBHOOK, chat, path, names)
    yield from forbid_both(WEBHOOK_TWICE, chat, path, names)


@checks(WebexConfig)
def check_webex(webex: WebexConfig, path: Path, world: World) -> Iterator[Fault]:
    """A room and an authorization of its own."""
    yield from require_one(NO_ROOM, webex, path, ("room_id",))
    if webex.http_config is None or not webex.http_config.authorizes:
        message = "http_config.authorization is missing; the global one does not count here"
        yield Fault(NO_WEBEX_AUTHORIZATION, path, message)
    if webex.api_url is None and world.config.defaults.webex_api_url is None:
        yield Fault(NO_CHAT_URL, path, "the global webex_api_url is empty, and so is api_url")


@checks(TelegramConfig)
def check_telegram(telegram: TelegramConfig, path: Path, world: World) -> Iterator[Fault]:
    """A token, a chat, a mode."""
    defaults = world.config.defaults
    tokens, chats = ("bot_token", "bot_token_file"), ("chat_id", "chat_id_file")
    if not (defaults.telegram_bot_token or defaults.telegram_bot_token_file):
        yield from require_one(NO_BOT_TOKEN, telegram, path, tokens)
    yield from forbid_both(TELEGRAM_TWICE, telegram, path, tokens)
    yield from require_one(NO_CHAT, telegram, path, chats)
    yield from forbid_both(TELEGRAM_TWICE, telegram, path, chats)
    if telegram.parse_mode not in {"", "Markdown", "MarkdownV2", "HTML"}:
        message = f"there is no parse mode {telegram.parse_mode!r}"
        yield Fault(PARSE_MODE, (*path, "parse_mode"), message, at_value=True)


@checks(WechatConfig)
def check_wechat(wechat: WechatConfig, path: Path, world: World) -> Iterator[Fault]:
    """A secret, a corporation, a type."""
    defaults, secrets = world.config.defaults, ("api_secret", "api_secret_file")
    if not (defaults.wechat_api_secret or defaults.wechat_api_secret_file):
        yield from require_one(NO_WECHAT_SECRET, wechat, path, secrets)
    yield from forbid_both(WECHAT_TWICE, wechat, path, secrets)
    if not defaults.wechat_api_corp_id:
        yield from require_one(NO_WECHAT_CORP, wechat, path, ("corp_id",))
    if wechat.message_type not in {"", "text", "markdown"}:
        message = f"there is no message type {wechat.message_type!r}"
        yield Fault(WECHAT_TYPE, (*path, "message_type"), message, at_value=True)
    if wechat.api_url is None and defaults.wechat_api_url is None:
        yield Fault(NO_CHAT_URL, path, "the global wechat_api_url is empty, and so is api_url")


@checks(RocketchatConfig)
def check_rocketchat(chat: RocketchatConfig, path: Path, world: World) -> Iterator[Fault]:
    """A token and its id, each once."""
    defaults = world.config.defaults
    for name in ("token_id", "token"):
        inherited = (
            getattr(defaults, f"rocketchat_{name}"),
            getattr(defaults, f"rocketchat_{name}_file"),
        )
        if getattr(chat, name) is None and inherited[0] is None and not inherited[1]:
            yield from require_one(NO_ROCKETCHAT_TOKEN, chat, path, (name, f"{name}_file"))
        if getattr(chat, name) is not None and getattr(chat, f"{name}_file"):
            message = f"{name} and {name}_file are both set: only one may be"
            yield Fault(ROCKETCHAT_TWICE, (*path, f"{name}_file"), message)
