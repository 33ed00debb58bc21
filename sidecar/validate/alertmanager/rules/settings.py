"""Global settings, and the HTTP clients, traces and events that they configure."""

from __future__ import annotations

from collections.abc import Iterator

from sidecar.validate.alertmanager.golang.addresses import SECRET_TOKEN
from sidecar.validate.alertmanager.models.config import Config, Global
from sidecar.validate.alertmanager.models.recording import (
    FileOutput,
    KafkaOutput,
    Tracing,
    WebhookOutput,
)
from sidecar.validate.alertmanager.rules.needs import require_one
from sidecar.validate.alertmanager.rules.registry import Fault, World, checks, define
from sidecar.validate.alertmanager.tree import Path

COPIES_HTTP_SINCE = (0, 30)

GLOBAL_TWICE = define(
    "E701",
    "a global secret is given twice",
    fix="Keep the value or its file.",
    anchor="file-layout-and-global-settings",
)
SLACK_BOTH_WAYS = define(
    "E702",
    "a global Slack app token stands beside a global Slack URL",
    fix="Keep one way, or make slack_api_url equal to slack_app_url.",
    anchor="file-layout-and-global-settings",
)
EMPTY_HTTP = define(
    "E703",
    "the global http_config was emptied",
    why="Alertmanager since 0.30 crashes on it as soon as a Slack or Teams receiver inherits it.",
    fix="Remove the line, or put settings under it.",
    anchor="file-layout-and-global-settings",
)
TRACING = define(
    "E740",
    "the tracing settings are incomplete or unknown",
    fix="Set endpoint; client_type is http or grpc, compression gzip or nothing.",
    anchor="tracing_config",
)
EVENT_OUTPUT = define(
    "E741",
    "an output of the event recorder is incomplete or contradictory",
    fix="Give a file its path, a webhook its URL, Kafka its brokers and topic.",
    anchor="event_recorder_config",
)
SHORT_RESOLVE = define(
    "W742",
    "resolve_timeout is shorter than a minute",
    why="Alerts count as resolved between two evaluations of the rule that raises them.",
    fix="Leave it at 5m, or make it several times the evaluation interval.",
    anchor="file-layout-and-global-settings",
)

_TWICE = (
    "slack_app_token",
    "slack_api_url",
    "opsgenie_api_key",
    "victorops_api_key",
    "telegram_bot_token",
    "smtp_auth_password",
    "rocketchat_token",
    "rocketchat_token_id",
    "smtp_auth_secret",
    "wechat_api_secret",
    "mattermost_webhook_url",
)
_KAFKA_WORDS = {
    "acks": ("", "none", "leader", "all"),
    "compression": ("", "none", "gzip", "snappy", "lz4", "zstd"),
    "format": ("", "json", "protobuf"),
}
_BATCH = ("batch_max_events", "batch_max_bytes", "batch_flush_interval")


@checks(Global)
def check_global(settings: Global, path: Path, _: World) -> Iterator[Fault]:
    """Each secret once."""
    for name in _TWICE:
        if getattr(settings, name) not in {None, ""} or name.startswith("rocketchat"):
            yield from _forbid_file_beside(settings, path, name)
    token = settings.slack_app_token or settings.slack_app_token_file
    url = settings.slack_api_url or settings.slack_api_url_file
    if token and url and settings.slack_api_url != settings.slack_app_url:
        message = "a Slack app token and a Slack API URL are both set"
        yield Fault(SLACK_BOTH_WAYS, path, message)
    if "resolve_timeout" in settings.model_fields_set and settings.resolve_timeout < 60:  # noqa: PLR2004 - a minute
        message = "resolve_timeout is shorter than a minute"
        yield Fault(SHORT_RESOLVE, (*path, "resolve_timeout"), message)


def _forbid_file_beside(settings: Global, path: Path, name: str) -> Iterator[Fault]:
    """`NAME` and `NAME_file`; an empty text counts where the field is a pointer in Alertmanager."""
    if getattr(settings, name) is not None and getattr(settings, f"{name}_file"):
        message = f"{name} and {name}_file are both set: only one may be"
        yield Fault(GLOBAL_TWICE, (*path, f"{name}_file"), message)


@checks(Config)
def check_empty_http(config: Config, _: Path, world: World) -> Iterator[Fault]:
    """`http_config:` with nothing behind it takes the default away."""
    settings = config.globals
    emptied = settings is not None and "http_config" in settings.model_fields_set
    if not emptied or config.defaults.http_config is not None:
        return
    inherits = any(
        each is not None and each.http_config is None
        for receiver in config.receivers
        if receiver is not None
        for each in (*receiver.slack_configs, *receiver.msteamsv2_configs)
    )
    if inherits and world.target.may_be_from(COPIES_HTTP_SINCE):
        message = "http_config is empty here, and a receiver inherits it"
        yield Fault(EMPTY_HTTP, ("global", "http_config"), message)


@checks(Tracing)
def check_tracing(tracing: Tracing, path: Path, _: World) -> Iterator[Fault]:
    """An endpoint and known words."""
    yield from require_one(TRACING, tracing, path, ("endpoint",))
    if tracing.client_type not in {None, "http", "grpc"}:
        yield Fault(TRACING, (*path, "client_type"), "client_type is neither http nor grpc")
    if tracing.compression not in {"", "gzip"}:
        yield Fault(TRACING, (*path, "compression"), "compression is not gzip")


@checks(FileOutput)
def check_file_output(output: FileOutput, path: Path, _: World) -> Iterator[Fault]:
    """A path."""
    yield from require_one(EVENT_OUTPUT, output, path, ("path",))


@checks(WebhookOutput)
def check_webhook_output(output: WebhookOutput, path: Path, _: World) -> Iterator[Fault]:
    """A URL, and batch settings only with batches."""
    if output.url is None or output.url == SECRET_TOKEN:
        yield Fault(EVENT_OUTPUT, path, "url is missing")
    for name in _BATCH:
        value = getattr(output, name)
        if value < 0 or (value and not output.batch):
            message = f"{name} is negative or set without batch: true"
            yield Fault(EVENT_OUTPUT, (*path, name), message)


@checks(KafkaOutput)
def check_kafka_output(output: KafkaOutput, path: Path, _: World) -> Iterator[Fault]:
    """Brokers, a topic and known words."""
    yield from require_one(EVENT_OUTPUT, output, path, ("brokers",))
    yield from require_one(EVENT_OUTPUT, output, path, ("topic",))
    if "" in output.brokers:
        yield Fault(EVENT_OUTPUT, (*path, "brokers"), "a broker is empty")
    for name, words in _KAFKA_WORDS.items():
        if getattr(output, name) not in words:
            known = ", ".join(word for word in words if word)
            yield Fault(EVENT_OUTPUT, (*path, name), f"{name} is none of {known}")
