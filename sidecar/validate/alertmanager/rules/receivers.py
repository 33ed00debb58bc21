"""Receivers: their names, and mail, webhooks and message services."""

from __future__ import annotations

from collections.abc import Iterator

from sidecar.validate.alertmanager.golang.addresses import SECRET_TOKEN, parse_web_url
from sidecar.validate.alertmanager.golang.headers import canonical_header
from sidecar.validate.alertmanager.golang.template import check_template
from sidecar.validate.alertmanager.golang.template_tokens import TemplateError
from sidecar.validate.alertmanager.models.config import Config, Receiver
from sidecar.validate.alertmanager.models.delivery import (
    EmailConfig,
    SigV4,
    SnsConfig,
    WebhookConfig,
)
from sidecar.validate.alertmanager.rules.needs import forbid_both, require_one
from sidecar.validate.alertmanager.rules.registry import Fault, World, checks, define
from sidecar.validate.alertmanager.tree import Path

SECRET_TOKEN_SINCE = (0, 26)
TEMPLATED_URL_SINCE = (0, 31)

NO_NAME = define("E301", "a receiver has no name", fix="Give it one.", anchor="receiver")
NAME_TWICE = define(
    "E302",
    "two receivers have the same name",
    fix="Rename one, or put both sets of settings under one name.",
    anchor="receiver",
)
NAME_LABEL = define(
    "E303",
    "a receiver's label 'name' differs from its name",
    fix="Remove the label; Alertmanager sets it itself.",
    anchor="receiver",
)
NO_ADDRESSEE = define("E310", "a mail has no addressee", fix="Set to.", anchor="email_config")
HEADER_TWICE = define(
    "E311",
    "a mail header is given twice",
    fix="Keep one: upper and lower case do not tell headers apart.",
    anchor="email_config",
)
THREADING = define(
    "E312",
    "mail threading is contradictory",
    fix="Set thread_by_date to none or daily, and do not set References or In-Reply-To yourself.",
    anchor="email_config",
)
NO_SMARTHOST = define(
    "E313",
    "a mail has no server to go through",
    fix="Set smarthost here or smtp_smarthost under global.",
    anchor="email_config",
)
NO_SENDER = define(
    "E314",
    "a mail has no sender",
    fix="Set from here or smtp_from under global.",
    anchor="email_config",
)
NO_WEBHOOK_URL = define(
    "E340", "a webhook has no URL", fix="Set url or url_file.", anchor="webhook_config"
)
WEBHOOK_URL_TWICE = define(
    "E341", "a webhook has two URLs", fix="Keep url or url_file.", anchor="webhook_config"
)
BAD_WEBHOOK_URL = define(
    "E342",
    "the URL of a webhook is malformed",
    fix="Write http:// or https:// and a host; a template only since Alertmanager 0.31.",
    anchor="webhook_config",
)
SNS_TARGETS = define(
    "E365",
    "an SNS receiver has no target or two",
    fix="Set exactly one of topic_arn, target_arn and phone_number.",
    anchor="sns_config",
)
SIGV4_PAIR = define(
    "E366",
    "half of the AWS credentials is missing",
    fix="Set access_key and secret_key, or neither.",
    anchor="sigv4_config-sns",
)
SIGV4_ROLE = define(
    "E367",
    "external_id is set without role_arn",
    fix="Set role_arn, or remove external_id.",
    anchor="sigv4_config-sns",
)


@checks(Receiver)
def check_receiver(receiver: Receiver, path: Path, _: World) -> Iterator[Fault]:
    """A name, and no label that contradicts it."""
    if not receiver.name:
        yield Fault(NO_NAME, path, "this receiver has no name")
    if receiver.labels.get("name", receiver.name) != receiver.name:
        message = f"the label name must be {receiver.name!r} like the receiver"
        yield Fault(NAME_LABEL, (*path, "labels", "name"), message, at_value=True)


@checks(Config)
def check_names(config: Config, _: Path, __: World) -> Iterator[Fault]:
    """Names are unique."""
    seen: set[str] = set()
    for position, receiver in enumerate(config.receivers):
        if receiver is None:
            continue
        if receiver.name and receiver.name in seen:
            message = f"the receiver {receiver.name!r} is defined twice"
            yield Fault(NAME_TWICE, ("receivers", position, "name"), message, at_value=True)
        seen.add(receiver.name)


@checks(EmailConfig)
def check_mail(mail: EmailConfig, path: Path, world: World) -> Iterator[Fault]:
    """Addressee, sender and server."""
    defaults = world.config.defaults
    yield from require_one(NO_ADDRESSEE, mail, path, ("to",))
    if not mail.smarthost and not defaults.smtp_smarthost:
        yield Fault(NO_SMARTHOST, path, "neither smarthost nor the global smtp_smarthost is set")
    if not mail.sender and not defaults.smtp_from:
        yield Fault(NO_SENDER, path, "neither from nor the global smtp_from is set")


@checks(EmailConfig)
def check_headers(mail: EmailConfig, path: Path, _: World) -> Iterator[Fault]:
    """Headers, and what threading adds to them."""
    seen: set[str] = set()
    for name in mail.headers:
        canonical = canonical_header(name)
        if canonical in seen:
            message = f"the header {canonical} is given twice"
            yield Fault(HEADER_TWICE, (*path, "headers", name), message)
        seen.add(canonical)
    threading = mail.threading
    if threading is None or not threading.enabled:
        return
    for name in {"References", "In-Reply-To"} & seen:
        message = f"threading sets the header {name} itself"
        yield Fault(THREADING, (*path, "headers"), message)
    if threading.thread_by_date not in {"none", "daily"}:
        message = "thread_by_date is neither none nor daily"
        yield Fault(THREADING, (*path, "threading"), message)


@checks(WebhookConfig)
def check_webhook(webhook: WebhookConfig, path: Path, world: World) -> Iterator[Fault]:
    """One URL, plain or, since 0.31, a template."""
    if webhook.url is None or (not webhook.url and world.target.may_be_from(TEMPLATED_URL_SINCE)):
        yield from require_one(NO_WEBHOOK_URL, webhook, path, ("url", "url_file"))
    elif webhook.url or world.target.may_be_before(TEMPLATED_URL_SINCE):
        problem = _find_problem(webhook.url, world)
        if problem:
            message = f"this is no URL of a webhook: {problem}"
            yield Fault(BAD_WEBHOOK_URL, (*path, "url"), message)
    yield from forbid_both(WEBHOOK_URL_TWICE, webhook, path, ("url", "url_file"))


def _find_problem(url: str, world: World) -> str:
    if url == SECRET_TOKEN:
        return "it has no scheme" if world.target.may_be_before(SECRET_TOKEN_SINCE) else ""
    try:
        if "{{" in url and world.target.may_be_from(TEMPLATED_URL_SINCE):
            check_template(url, ())
        else:
            parse_web_url(url)
    except TemplateError as error:
        return f"its template does not parse: {error}"
    except ValueError as error:
        return str(error)
    return ""


@checks(SnsConfig)
def check_sns(sns: SnsConfig, path: Path, _: World) -> Iterator[Fault]:
    """One target. Alertmanager lets three pass, but never two."""
    given = [name for name in ("topic_arn", "target_arn", "phone_number") if sns.has(name)]
    if len(given) in {0, 2}:
        found = " and ".join(given) if given else "none"
        message = f"one of topic_arn, target_arn and phone_number is wanted, and {found} is set"
        yield Fault(SNS_TARGETS, path, message)


@checks(SigV4)
def check_signing(sigv4: SigV4, path: Path, _: World) -> Iterator[Fault]:
    """Both halves of the credentials."""
    if sigv4.has("access_key") != sigv4.has("secret_key"):
        missing = "secret_key" if sigv4.access_key else "access_key"
        yield Fault(SIGV4_PAIR, path, f"{missing} is missing beside the other half")
    if sigv4.external_id and not sigv4.role_arn:
        yield Fault(SIGV4_ROLE, (*path, "external_id"), "external_id is set without role_arn")
