"""Security: what Alertmanager accepts and an attacker likes."""

from __future__ import annotations

from collections.abc import Iterator

from sidecar.validate.alertmanager.golang.addresses import SECRET_TOKEN, parse_url
from sidecar.validate.alertmanager.models.base import Block, list_fields
from sidecar.validate.alertmanager.models.config import Global
from sidecar.validate.alertmanager.models.delivery import EmailConfig, WebhookConfig
from sidecar.validate.alertmanager.models.http import TlsConfig
from sidecar.validate.alertmanager.rules.registry import Fault, World, checks, checks_all, define
from sidecar.validate.alertmanager.tree import Path

PLAIN_HTTP = define(
    "W801",
    "alerts leave the pod over plain HTTP",
    why="Whoever sits on the way reads and changes alerts, and the secrets sent with them.",
    fix="Use https://.",
    anchor="http_config-shared",
)
NO_VERIFICATION = define(
    "W802",
    "certificates are not verified",
    why="insecure_skip_verify lets anybody answer in the other side's name.",
    fix="Set ca_file to the authority that signed the certificate, and remove this.",
    anchor="tls_config-shared",
)
CLEAR_SECRET = define(
    "W803",
    "a secret stands in the file",
    why="Everybody who may read the ConfigMap, or its repository, can use it.",
    fix="Move it into a Secret, mount that, and name the file where a _file field exists.",
    anchor="configuration-file-introduction",
)
MAIL_IN_CLEAR = define(
    "W804",
    "mail may be sent unencrypted",
    why="Without required TLS the server's answer decides, and an attacker can forge it.",
    fix="Leave require_tls at true.",
    anchor="email_config",
)
OLD_TLS = define(
    "W805",
    "an outdated TLS version is allowed or demanded",
    why="TLS 1.0 and 1.1 have been withdrawn since 2021 (RFC 8996).",
    fix="Write TLS12 or TLS13.",
    anchor="tls_config-shared",
)
USER_IN_URL = define(
    "W806",
    "a URL carries a user or password",
    why="URLs end up in logs and on status pages.",
    fix="Use basic_auth or authorization in http_config.",
    anchor="http_config-shared",
)


@checks_all
def check_urls(block: Block, path: Path, _: World) -> Iterator[Fault]:
    """Every field that is a URL. Those of proxies are not judged: they speak to the next hop."""
    facts = list_fields(type(block))
    for name in block.model_fields_set:
        value = getattr(block, name)
        if not isinstance(value, str) or "://" not in value or not _is_address(name):
            continue
        try:
            url = parse_url(value)
        except ValueError:
            continue
        where = (*path, facts[name].key)
        if url.scheme == "http" and not url.is_local:
            yield Fault(PLAIN_HTTP, where, f"{facts[name].key} is spoken to over plain HTTP")
        if url.user:
            yield Fault(USER_IN_URL, where, f"{facts[name].key} carries a user or password")


def _is_address(name: str) -> bool:
    named = name == "url" or name.endswith(("_api_url", "webhook_url", "_app_url", "pagerduty_url"))
    return named or name in {"api_url", "app_url", "token_url"}


@checks_all
def check_secrets(block: Block, path: Path, _: World) -> Iterator[Fault]:
    """Every field that is a secret and holds one."""
    facts = list_fields(type(block))
    for name in block.model_fields_set:
        value = getattr(block, name)
        if not facts[name].is_secret or value in {None, "", SECRET_TOKEN}:
            continue
        if isinstance(block, WebhookConfig):
            continue
        key = facts[name].key
        beside = f"{name}_file"
        advice = f"use {beside}" if beside in facts else "keep the file in a Secret"
        yield Fault(CLEAR_SECRET, (*path, key), f"the secret {key} stands in the file: {advice}")


@checks(TlsConfig)
def check_tls(tls: TlsConfig, path: Path, _: World) -> Iterator[Fault]:
    """Verification and versions."""
    if tls.insecure_skip_verify:
        message = "insecure_skip_verify is true: certificates are not verified"
        yield Fault(NO_VERIFICATION, (*path, "insecure_skip_verify"), message)
    for name in ("min_version", "max_version"):
        if getattr(tls, name) in {"TLS10", "TLS11"}:
            yield Fault(OLD_TLS, (*path, name), f"{name} is {getattr(tls, name)}")


@checks(EmailConfig)
def check_mail(mail: EmailConfig, path: Path, _: World) -> Iterator[Fault]:
    """TLS that is turned off for one receiver."""
    if mail.require_tls is False:
        yield Fault(MAIL_IN_CLEAR, (*path, "require_tls"), "require_tls is false")


@checks(Global)
def check_global(settings: Global, path: Path, _: World) -> Iterator[Fault]:
    """TLS that is turned off for all."""
    if not settings.smtp_require_tls:
        yield Fault(MAIL_IN_CLEAR, (*path, "smtp_require_tls"), "smtp_require_tls is false")
