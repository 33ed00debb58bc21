"""What the settings come to: plain frozen data, free of everything that read it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum, auto

from sidecar.core.bridge import Bridge


class Need(Enum):
    """What a command cannot do without."""

    SOURCE = auto()
    TARGET = auto()
    PROOF = auto()


@dataclass(frozen=True, slots=True)
class Address:
    """Where our HTTP server listens. `host` is empty for all addresses, IPv6 without brackets."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Notify:
    """A webhook. `on`: any of applied, rejected, rolledback, failed, unconfirmed."""

    url: str
    on: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """All settings, complete and free of contradictions.

    `listen` is None where nothing is served. `origin` says where the settings came from, for
    `/api/v2/config`; `effective_json` is the same with presets filled in, as the file would spell
    it, addresses without their secrets. `secrets` are, by bridge, the dotted paths of what is
    masked in shown content besides what always is.
    """

    bridges: tuple[Bridge, ...]
    listen: Address | None = Address("", 9808)
    http_control: bool = False
    log_format: str = "json"
    log_level: str = "info"
    state_dir: str = "/run/surehup"
    poll_s: float = 1.0
    notify: tuple[Notify, ...] = ()
    secrets: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    origin: str = "flags"
    effective_json: str = "{}"
