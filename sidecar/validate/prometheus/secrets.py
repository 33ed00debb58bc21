"""Secrets in clear, and ways to lose them. Nothing here is ever quoted."""

from __future__ import annotations

import re
from collections.abc import Iterator
from urllib.parse import urlsplit

from sidecar.validate.nodes import Mapping, Node, Scalar
from sidecar.validate.prometheus.table import Fault, fault
from sidecar.validate.prometheus.tree import list_mappings, list_texts, walk

SECRET_FIELDS = frozenset(
    {
        "password",
        "bearer_token",
        "credentials",
        "client_secret",
        "secret_key",
        "auth_token",
        "application_credential_secret",
        "secret",
        "secrets",
        "api_key",
        "token",
    }
)
MASK = "<secret>"
_PRIVATE_KEY = "-----BEGIN"
_LOOPBACK = re.compile(r"localhost|127\.\d+\.\d+\.\d+|::1")
_CREDENTIALS = ("basic_auth", "authorization", "oauth2", "bearer_token", "bearer_token_file")
_VARIABLE = re.compile(r"\$\{[A-Za-z_]\w*\}|\$\([A-Za-z_]\w*\)")
_TRUE = frozenset({"true", "True", "TRUE", "yes", "on"})


def check_secrets(root: Mapping) -> Iterator[Fault]:
    """Secrets that stand in the file, masks of secrets, and connections that give them away."""
    for label, mapping in walk(root):
        if label in {"external_labels", "labels", "match", "match_re"}:
            continue
        for field, value in mapping.values.items():
            if field in SECRET_FIELDS or _is_key(field, value):
                yield from _check_secret(field, mapping.keys[field], value)
            elif field.endswith("url") and isinstance(value, Scalar) and has_password(value.text):
                yield fault("PW403", mapping.keys[field], f"{field} holds a password")
            elif field == "insecure_skip_verify" and _is_true(value):
                message = "insecure_skip_verify is on: any certificate is taken"
                yield fault("PW404", mapping.keys[field], message)
    yield from _check_plain_http(root)


def _is_true(value: Node) -> bool:
    return isinstance(value, Scalar) and value.text in _TRUE


def _is_key(field: str, value: Node) -> bool:
    """Whether it is a private key that stands in the file, as tls_config allows."""
    return field == "key" and isinstance(value, Scalar) and _PRIVATE_KEY in value.text


def _check_secret(field: str, at: Scalar, value: Node) -> Iterator[Fault]:
    texts = list(list_texts(value))
    if any(text.text == MASK for text in texts):
        yield fault("PW402", at, f"{field} is the text {MASK}, not a secret")
    elif texts and not all(_VARIABLE.fullmatch(text.text) for text in texts):
        yield fault("PW401", at, f"{field} stands in clear")


def has_password(url: str) -> bool:
    """Whether the URL carries one."""
    try:
        return bool(urlsplit(url).password)
    except ValueError:
        return False


def _check_plain_http(root: Mapping) -> Iterator[Fault]:
    for field in ("remote_write", "remote_read"):
        for remote in list_mappings(root.find(field)):
            if not any(name in remote.values for name in _CREDENTIALS):
                continue
            try:
                parts = urlsplit(remote.text("url"))
            except ValueError:
                continue
            if parts.scheme == "http" and not _LOOPBACK.fullmatch(parts.hostname or ""):
                at = remote.find("url") or remote
                yield fault("PW405", at, f"{field} sends its credentials over plain HTTP")


def check_variables(root: Mapping) -> Iterator[Fault]:
    """``${NAME}`` where Prometheus does not expand it. In `replacement` it is a regex group."""
    for label, mapping in walk(root):
        if label == "external_labels":
            continue
        for field, value in mapping.values.items():
            if field in {"replacement", "external_labels"}:
                continue
            for text in list_texts(value):
                found = _VARIABLE.search(text.text)
                if found:
                    message = f"{field} holds {found[0]}, which Prometheus does not expand"
                    yield fault("PW504", text, message)
