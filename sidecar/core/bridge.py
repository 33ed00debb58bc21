"""One bridge as data: a source, its checks, a target, its proof, and the policy between them.

`settings` builds these from the file, flags, environment and preset; every other room reads them.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from sidecar.core.evidence import Evidence


class Mode(StrEnum):
    """Who writes the files that the daemon reads: the kubelet, or the sidecar after its checks."""

    MOUNTED = "mounted"
    PUBLISHED = "published"


@dataclass(frozen=True, slots=True)
class Companion:
    """Another folder that the daemon reads: its files count with those of the source.

    `prefix` is what their keys begin with.
    """

    mount: str
    prefix: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """Where the configuration comes from.

    `mount` is the folder that the main container mounts too, empty where only the API is asked.
    `config_map` or `secret` is the object itself, as ``NAMESPACE/NAME``. `publish` is the shared
    folder that the sidecar writes in published mode. `items` are the keys that the volume maps and
    their paths in it, as the pod's spec has them; empty: every key, under its own name. An attempt
    takes `companions` along, once no folder has changed for `steady_s`.
    """

    mount: str
    config_map: str | None = None
    secret: str | None = None
    mode: Mode = Mode.MOUNTED
    publish: str = ""
    items: tuple[tuple[str, str], ...] = ()
    companions: tuple[Companion, ...] = ()
    steady_s: float = 2.0

    @property
    def object(self) -> str | None:
        """The object's name, whatever its kind; None where the API is not asked."""
        return self.config_map or self.secret


@dataclass(frozen=True, slots=True, kw_only=True)
class RefuseEmpty:
    """Refuses a snapshot without keys, and empty (or blank) files among `files` (globs)."""

    files: tuple[str, ...] = ("*",)


class Language(StrEnum):
    """Syntaxes that can be checked without the daemon."""

    YAML = "yaml"
    JSON = "json"
    TOML = "toml"


@dataclass(frozen=True, slots=True, kw_only=True)
class Syntax:
    """Parses every key that matches `files` (globs) as `language`."""

    language: Language
    files: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Schema:
    """Holds every key that matches `files` against the JSON Schema in the file `schema`."""

    schema: str
    files: tuple[str, ...]


class Output(StrEnum):
    """What a program prints: lines for people, or findings as JSON."""

    TEXT = "text"
    JSON = "json"


class Origin(StrEnum):
    """Whose program a command means.

    `target`: the one in the main container, so that the version that judges is the version that
    runs; the sidecar's own where that cannot be had. `sidecar`: only the sidecar's own. `any`: the
    sidecar's own, or the main container's where the sidecar has none.
    """

    ANY = "any"
    TARGET = "target"
    SIDECAR = "sidecar"


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """Runs a program; ``{dir}`` is the candidate's folder, ``{file:KEY}`` one of its files.

    No shell. `must_match` is a regular expression that the output must contain besides an exit
    code in `ok_codes`. `optional`: a program that is not installed is skipped and said once.
    `pattern` finds findings in its text: a regular expression with the named groups file, line,
    column, severity, code and message, as far as the program tells them. `origin` is whose it is.
    """

    argv: tuple[str, ...]
    timeout_s: float = 30.0
    ok_codes: tuple[int, ...] = (0,)
    must_match: str = ""
    memory_bytes: int = 1 << 30
    optional: bool = False
    output: Output = Output.TEXT
    pattern: str = ""
    origin: Origin = Origin.ANY


Check = RefuseEmpty | Syntax | Schema | Command


@dataclass(frozen=True, slots=True, kw_only=True)
class Selector:
    """Which process: all given parts must hold.

    `process` is a regular expression that must match the whole executable path, its base name,
    the whole ``argv[0]`` or its base name. Processes of the sidecar's own are never matched.
    """

    container: str = ""
    process: str = ""
    pid: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SignalReload:
    """Reload by signal. `sigwait`: the daemon takes it without a handler, as tini does."""

    number: int
    sigwait: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpReload:
    """Reload by a request to the daemon; its answer is evidence, its body the reason."""

    url: str
    method: str = "POST"


Reload = SignalReload | HttpReload


@dataclass(frozen=True, slots=True, kw_only=True)
class Access:
    """How to reach the daemon's endpoints. Secrets are named by file and read at each use."""

    bearer_token_file: str = ""
    username: str = ""
    password_file: str = ""
    ca_file: str = ""
    cert_file: str = ""
    key_file: str = ""
    server_name: str = ""
    insecure_skip_verify: bool = False
    unix_socket: str = ""


class Noop(StrEnum):
    """What success evidence does when unchanged content is reloaded."""

    MOVES = "moves"
    STAYS = "stays"
    FAILS = "fails"


class OnInvalid(StrEnum):
    """What the daemon does with content it cannot load."""

    KEEPS = "keeps"
    PARTIAL = "partial"
    DIES = "dies"
    OUTAGE = "outage"


@dataclass(frozen=True, slots=True, kw_only=True)
class Proof:
    """How a reload is proven. `groups` are alternatives: one that decides is enough.

    `url` may be empty when no evidence needs it. `cache_s`: the daemon serves a page that may be
    this old. `agree`: equal answers needed in a row before success is believed.
    """

    groups: tuple[tuple[Evidence, ...], ...]
    url: str = ""
    access: Access = Access()
    deadline_s: float = 5.0
    cache_s: float = 0.0
    agree: int = 1
    noop: Noop = Noop.MOVES
    on_invalid: OnInvalid = OnInvalid.KEEPS

    @property
    def evidence(self) -> tuple[Evidence, ...]:
        """All evidence of all groups."""
        return tuple(evidence for group in self.groups for evidence in group)

    @property
    def resolution_s(self) -> float:
        """The coarsest clock among the evidence: signals closer than this cannot be told apart."""
        return max((evidence.resolution_s for evidence in self.evidence), default=0.0)


class Rollback(StrEnum):
    """What is rolled back on failure."""

    ANNOTATION = "annotation"
    DATA = "data"
    NONE = "none"


class Strategy(StrEnum):
    """How several replicas take new content: one goes first, or each for itself."""

    CANARY = "canary"
    INDEPENDENT = "independent"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rollout:
    """How content reaches several replicas.

    `spread_s`: the followers reload spread over this time. `patience_s`: how long an absent API is
    waited for before a pod goes on alone, None for ever. `replicas`: how many there are, None where
    that is not told. `tolerate`: pods that may fail. `takeovers`: holders that may vanish.
    """

    strategy: Strategy = Strategy.CANARY
    spread_s: float = 10.0
    patience_s: float | None = None
    replicas: int | None = None
    tolerate: int = 0
    takeovers: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """The waits between the stages, in seconds, and what replicas do together.

    `group` keeps the annotations of several workloads on one object apart.
    """

    debounce_s: float = 1.0
    patience_s: float = 60.0
    rollback: Rollback = Rollback.ANNOTATION
    group: str = ""
    rollout: Rollout = Rollout()


@dataclass(frozen=True, slots=True, kw_only=True)
class Bridge:
    """One source, its checks, one target, its proof. `pod` is the name it reports under."""

    name: str
    source: Source
    checks: tuple[Check, ...]
    target: Selector
    reload: Reload
    proof: Proof
    policy: Policy = Policy()
    preset: str = ""
    pod: str = ""
