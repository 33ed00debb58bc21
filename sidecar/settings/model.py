"""The settings file as pydantic sees it: every field with its type and what it means."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import BeforeValidator, Field, PlainSerializer, model_validator

from sidecar.core.bridge import Mode, Rollback, Strategy
from sidecar.presets.fields import Duration, Kind, PositiveDuration, Url
from sidecar.presets.loading import say_unknown
from sidecar.presets.model import DaemonShape
from sidecar.presets.names import list_presets
from sidecar.presets.shape import Shape

MOST_PORTS = 65535

_NAME = r"[a-z0-9](?:[-a-z0-9.]{0,251}[a-z0-9])?"
_OBJECT = re.compile(rf"(?:{_NAME}/)?{_NAME}")
_BRIDGE = re.compile(r"[a-z0-9][-_.a-z0-9]{0,62}")
_LABEL = re.compile(r"[a-z0-9](?:[-a-z0-9]{0,61}[a-z0-9])?")


def parse_object(value: object) -> str:
    """``[NAMESPACE/]NAME`` of a Kubernetes object."""
    if not isinstance(value, str) or not _OBJECT.fullmatch(value):
        msg = f"{value!r} names no object: write NAMESPACE/NAME"
        raise ValueError(msg)
    return value


def parse_name(value: object) -> str:
    """A name for people: label of metrics, part of messages and of a file's name."""
    if not isinstance(value, str) or not _BRIDGE.fullmatch(value):
        msg = f"{value!r} must be lower-case letters, digits, dashes, dots and underscores"
        raise ValueError(msg)
    return value


def parse_label(value: object) -> str:
    """A name that can be part of an annotation's key."""
    if not isinstance(value, str) or not _LABEL.fullmatch(value):
        msg = f"{value!r} must be lower-case letters, digits and dashes, at most 63"
        raise ValueError(msg)
    return value


def parse_preset(value: object) -> str:
    """The name of a preset that there is."""
    if not isinstance(value, str) or value not in list_presets():
        raise ValueError(say_unknown(str(value)))
    return value


def parse_folder(value: object) -> str:
    """A folder; a relative one is below the working directory."""
    if not isinstance(value, str) or not value or "\0" in value:
        msg = f"{value!r} is no folder: write /etc/prometheus"
        raise ValueError(msg)
    return str(Path(value).absolute())


def parse_address(value: object) -> tuple[str, int] | None:
    """Host and port of ``ADDR:PORT``, ``:PORT`` or ``[::1]:PORT``; None of ``off``."""
    if value == "off":
        return None
    text = str(value)
    host, _, port = text.rpartition(":")
    bare = host.removeprefix("[").removesuffix("]")
    bracketed = host.startswith("[") and host.endswith("]")
    if not port.isdecimal() or int(port) > MOST_PORTS or (":" in bare) is not bracketed:
        msg = f"{value!r} is no address: write :9808, 127.0.0.1:9808, [::1]:9808 or off"
        raise ValueError(msg)
    return bare, int(port)


def write_address(address: tuple[str, int] | None) -> str:
    """Spell an address as the settings file does."""
    if address is None:
        return "off"
    host, port = address
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


Object = Annotated[str, BeforeValidator(parse_object), Kind("[NAMESPACE/]NAME")]
Name = Annotated[str, BeforeValidator(parse_name), Kind("name")]
Label = Annotated[str, BeforeValidator(parse_label), Kind("name")]
PresetName = Annotated[str, BeforeValidator(parse_preset), Kind("preset")]
Folder = Annotated[str, BeforeValidator(parse_folder), Kind("folder")]
Listen = Annotated[
    tuple[str, int] | None,
    BeforeValidator(parse_address),
    PlainSerializer(write_address),
    Kind("address"),
]


class ItemShape(Shape):
    """One key that the volume maps, as `items` of the pod's spec has it."""

    key: Annotated[str, Field(min_length=1)] = Field(description="The key in the object.")
    path: Annotated[str, Field(min_length=1)] = Field(description="Its path in the volume.")


class CompanionShape(Shape):
    """Another folder that the daemon reads."""

    mount: Folder = Field(description="Where it is mounted, in both containers.")


class SourceShape(Shape):
    """Where the configuration comes from."""

    config_map: Object | None = Field(None, description="The ConfigMap.")
    secret: Object | None = Field(None, description="The Secret, instead of a ConfigMap.")
    mount: Folder | None = Field(
        None, description="Where it is mounted, in the sidecar as in the main container."
    )
    items: list[ItemShape] = Field(
        [],
        description="The keys that the volume maps, where it does not carry all under their names.",
    )

    companions: list[CompanionShape] = Field(
        [],
        description="Other folders whose files are checked and loaded with these, as certificates.",
    )
    steady: Duration = Field(
        2.0, description="With companions: how long all folders must rest before they are read."
    )

    @model_validator(mode="after")
    def _has_one_object(self) -> Self:
        if self.config_map is not None and self.secret is not None:
            msg = "configMap and secret exclude each other: write two bridges"
            raise ValueError(msg)
        return self


class RolloutShape(Shape):
    """How content reaches several replicas. Needs the API."""

    strategy: Strategy = Field(Strategy.CANARY, description="Whether one replica goes first.")
    spread: Duration = Field(10.0, description="The others reload spread over this time.")
    patience: PositiveDuration | None = Field(
        None, description="How long an absent API is waited for before a pod goes on alone."
    )
    replicas: Annotated[int, Field(ge=1)] | None = Field(
        None,
        description="How many replicas there are, as pods cannot be listed; of a large fleet"
        " roughly.",
    )
    tolerate: Annotated[int, Field(ge=0)] = Field(
        0, description="How many replicas may fail before content is rolled back."
    )
    takeovers: Annotated[int, Field(ge=0)] = Field(
        1, description="How often another pod tries content whose first pod vanished."
    )


class BridgeShape(DaemonShape):
    """One source, its validators, one target and its proof."""

    name: Name | None = Field(
        None, description="What metrics and messages call it; the preset's name if absent."
    )
    preset: PresetName | None = Field(
        None, description="The daemon whose preset fills what is left out."
    )
    source: SourceShape = Field(SourceShape(), description="Where the configuration comes from.")
    mode: Mode | None = Field(
        None,
        description="`mounted`: the daemon reads the mount. `published`: it reads a shared folder "
        "that only the sidecar writes, after its checks.",
    )
    publish: Folder | None = Field(None, description="That shared folder.")
    rollback: Rollback = Field(
        Rollback.ANNOTATION, description="What goes back when a reload fails."
    )
    rollout: RolloutShape = Field(RolloutShape(), description="How several replicas take it.")
    group: Label | None = Field(
        None, description="Keeps the annotations of several workloads on one object apart."
    )


Occasion = Literal["applied", "rejected", "rolledback", "failed", "unconfirmed"]


class NotifyShape(Shape):
    """A webhook that is told how attempts end."""

    url: Url = Field(description="Where to POST.")
    on: Annotated[list[Occasion], Field(min_length=1)] = Field(
        ["rejected", "rolledback", "failed", "unconfirmed"], description="Which ends to tell."
    )


class FileShape(Shape):
    """The settings file."""

    api_version: Literal["surehup.dev/v1alpha1"] = Field(
        "surehup.dev/v1alpha1", description="Version of this format."
    )
    bridges: list[BridgeShape] = Field([], description="What is watched and reloaded.")
    debounce: Duration = Field(
        1.0, description="Edits within this time after an attempt wait for its end; 0 for none."
    )
    listen: Listen = Field(
        ("", 9808), description="Where metrics and health are served; `off` for nowhere."
    )
    http_control: bool = Field(
        False,
        description="Answer `/status`, `/api/v2/config` and `/-/reload` to everybody, not on "
        "loopback alone.",
    )
    state_dir: Folder = Field("/run/surehup", description="Where the journal is kept: an emptyDir.")
    poll: PositiveDuration = Field(
        1.0, description="How often the mount is looked at, beside inotify."
    )
    log_format: Literal["json", "text"] = Field("json", description="How log lines look.")
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        "info", description="The least important lines that are logged."
    )
    notify: list[NotifyShape] = Field([], description="Webhooks that are told how attempts end.")
