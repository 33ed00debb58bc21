"""The shape that presets and the settings file share: what is checked, signalled and looked at.

Every field may be left out: a preset fills what a user leaves out, a default what both leave out.
Facts about single fields come from the daemons' sources and from measurements: docs/presets.md.
"""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator
from pydantic.alias_generators import to_camel

from sidecar.core.bridge import Language, Noop, OnInvalid, Origin, Output
from sidecar.presets.evidence import EvidenceShape
from sidecar.presets.fields import (
    CommandLine,
    Duration,
    Place,
    PositiveDuration,
    Regex,
    SecretPath,
    Signal,
    Size,
    Url,
)
from sidecar.presets.shape import Shape, otherwise, refuse_unless_one


class CheckShape(Shape):
    """One validator: a syntax, a JSON Schema or a program."""

    syntax: Language | None = Field(None, description="Parses files as this language.")
    json_schema: str | None = Field(
        None, alias="schema", description="Path of a JSON Schema that files must follow."
    )
    command: CommandLine | None = Field(
        None,
        description="Runs a program, without a shell. `{dir}` is the candidate's folder, "
        "`{file:KEY}` one of its files, `{file}` the bridge's `file`.",
    )
    files: list[str] | None = Field(
        None, description="Globs of the keys that `syntax` and `schema` look at."
    )
    timeout: PositiveDuration | None = Field(
        None, description="How long the program may run.", json_schema_extra=otherwise("30s")
    )
    ok_codes: list[int] | None = Field(
        None, description="Exit codes that mean valid.", json_schema_extra=otherwise("[0]")
    )
    must_match: Regex | None = Field(
        None, description="What the program's output must contain besides."
    )
    memory: Size | None = Field(
        None,
        description="How much memory the program may take.",
        json_schema_extra=otherwise("1Gi"),
    )
    optional: bool | None = Field(
        None, description="Skip the check, and say so once, where the program is not installed."
    )
    output: Output | None = Field(
        None, description="Whether the program prints its findings as `text` or `json`."
    )
    pattern: Regex | None = Field(
        None,
        description="Finds findings in its text, with the named groups `file`, `line`, `column`, "
        "`severity`, `code` and `message`.",
    )
    origin: Origin | None = Field(
        None,
        alias="from",
        description="Whose program it is: `target` the one in the main container, or the sidecar's "
        "own where that cannot be run; `sidecar` its own only; `any` its own, or the main "
        "container's where it has none.",
        json_schema_extra=otherwise("any"),
    )

    @model_validator(mode="after")
    def _has_one_kind(self) -> Self:
        refuse_unless_one(self, ("syntax", "json_schema", "command"))
        of_command = (
            "timeout",
            "ok_codes",
            "must_match",
            "memory",
            "optional",
            "output",
            "pattern",
            "origin",
        )
        for name in of_command if self.command is None else ("files",):
            if getattr(self, name) is not None:
                where = "syntax and schema only" if self.command else "a command only"
                spelled = "from" if name == "origin" else to_camel(name)
                msg = f"{spelled} is for {where}"
                raise ValueError(msg)
        return self


class BasicAuthShape(Shape):
    """A user and where the password is."""

    username: str = Field(description="The user.", min_length=1)
    password_file: str | None = Field(None, description="The file that holds the password.")


class TlsShape(Shape):
    """How an `https` address is trusted."""

    ca_file: str | None = Field(None, description="The CA that signed the daemon's certificate.")
    cert_file: str | None = Field(None, description="Our own certificate, if the daemon asks.")
    key_file: str | None = Field(None, description="The key of our own certificate.")
    server_name: str | None = Field(None, description="The name that the certificate is for.")
    insecure_skip_verify: bool | None = Field(None, description="Trust any certificate.")

    @model_validator(mode="after")
    def _is_whole(self) -> Self:
        if self.key_file is not None and self.cert_file is None:
            msg = "keyFile needs certFile"
            raise ValueError(msg)
        return self


class TargetShape(Shape):
    """Which process is told to reload, and how."""

    container: str | None = Field(
        None, description="Name of the container that it runs in.", min_length=1
    )
    process: Regex | None = Field(
        None,
        description="Matches the whole executable path, its base name, the whole argv[0] or its "
        "base name.",
    )
    pid: Annotated[int, Field(gt=0)] | None = Field(None, description="Its PID.")
    signal: Signal | None = Field(
        None, description="The signal that makes it reload.", json_schema_extra=otherwise("SIGHUP")
    )
    sigwait: bool | None = Field(
        None, description="It takes the signal without a handler, as tini does."
    )
    trigger: Literal["signal", "http"] | None = Field(
        None,
        description="Whether it is told by signal or by an HTTP request.",
        json_schema_extra=otherwise("signal"),
    )
    reload_url: Place | None = Field(
        None,
        description="Where it takes reloads by HTTP: an address, or a path beside the metrics.",
    )
    reload_method: Literal["POST", "PUT", "GET"] | None = Field(
        None, description="The method of that request.", json_schema_extra=otherwise("POST")
    )
    reload_answers: bool | None = Field(
        None,
        description="Whether the answer to that request says if the reload worked.",
        json_schema_extra=otherwise("true"),
    )
    patience: PositiveDuration | None = Field(
        None,
        description="How long an attempt waits for it to be up and ready.",
        json_schema_extra=otherwise("60s"),
    )


class ConfirmShape(Shape):
    """How a reload is proven."""

    url: Url | None = Field(None, description="The page that its metrics (or JSON) are read from.")
    deadline: PositiveDuration | None = Field(
        None,
        description="How long after the reload proof is waited for.",
        json_schema_extra=otherwise("5s"),
    )
    cache: Duration | None = Field(
        None,
        description="How old the page may be that it serves.",
        json_schema_extra=otherwise("0s"),
    )
    agree: Annotated[int, Field(ge=1, le=100)] | None = Field(
        None,
        description="Equal answers in a row before success is believed.",
        json_schema_extra=otherwise("1"),
    )
    noop: Noop | None = Field(
        None,
        description="What success evidence does when unchanged content is reloaded.",
        json_schema_extra=otherwise("moves"),
    )
    on_invalid: OnInvalid | None = Field(
        None,
        description="What it does with content that it cannot load.",
        json_schema_extra=otherwise("keeps"),
    )
    evidence: list[list[EvidenceShape]] | None = Field(
        None, description="Groups of evidence; groups are alternatives, one that decides suffices."
    )
    bearer_token_file: str | None = Field(None, description="A token for its pages.")
    basic_auth: BasicAuthShape | None = Field(None, description="A user for its pages.")
    tls: TlsShape | None = Field(None, description="How its certificate is checked.")
    unix_socket: str | None = Field(None, description="The socket that its pages are served on.")

    @model_validator(mode="after")
    def _has_one_login(self) -> Self:
        if self.bearer_token_file is not None and self.basic_auth is not None:
            msg = "bearerTokenFile and basicAuth exclude each other"
            raise ValueError(msg)
        return self


class DaemonShape(Shape):
    """What a preset knows of a daemon, and a bridge may say otherwise."""

    file: str | None = Field(
        None, description="The key that the daemon starts from; `{file}` in commands.", min_length=1
    )
    refuse_empty: list[str] | None = Field(
        None,
        description="Globs of keys that must not be empty; `[]` for none.",
        json_schema_extra=otherwise("`file`, or every key"),
    )
    checks: list[CheckShape] | None = Field(
        None,
        alias="validate",
        description="The validators, in order. Replaces the preset's list.",
    )
    secrets: list[SecretPath] | None = Field(
        None,
        description="Names whose values are masked in pages and in findings, besides passwords, "
        "tokens and the like, and those of the preset: dotted paths of globs, as "
        "`slack_configs.api_url`, matching the end of a path; lists do not count.",
        json_schema_extra=otherwise("[]"),
    )
    target: TargetShape = Field(TargetShape(), description="Which process, and how it reloads.")
    confirm: ConfirmShape = Field(ConfirmShape(), description="How a reload is proven.")


class Preset(DaemonShape):
    """One daemon."""

    description: str = Field(description="What it is.")
    traps: list[str] = Field(description="What to know before it is used.")
