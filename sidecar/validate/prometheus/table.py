"""The rules as a table, and what a broken one is. docs/prometheus-lint.md is written from it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from sidecar.core.report import Severity
from sidecar.validate.nodes import Node

MANUAL = "https://prometheus.io/docs/prometheus/latest/configuration/configuration/"


class Family(StrEnum):
    """What a rule is about, told by the first digit of its code."""

    RULES = "rule files"
    FILES = "files that Prometheus opens"
    JOBS = "scrape jobs"
    SECURITY = "security"
    PRACTICE = "good practice"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One rule: `why` it is there, how to `fix` what breaks it, where the manual speaks of it."""

    code: str
    title: str
    severity: Severity
    why: str
    fix: str
    anchor: str = ""

    @property
    def family(self) -> Family:
        """What it is about."""
        return tuple(Family)[int(self.code[2]) - 1]

    @property
    def link(self) -> str:
        """The chapter of the manual."""
        return f"{MANUAL}#{self.anchor}" if self.anchor else MANUAL


@dataclass(frozen=True, slots=True)
class Fault:
    """A broken rule at a node of the main file. `message` quotes no secret.

    `severity` where it weighs less than the rule.
    """

    rule: Rule
    at: Node
    message: str
    severity: Severity | None = None


_W, _E, _I = Severity.WARNING, Severity.ERROR, Severity.INFO

RULES: tuple[Rule, ...] = (
    Rule(
        code="PW101",
        title="a rule pattern matches no file",
        severity=_W,
        why="Prometheus and promtool accept it silently, and the alerts in it never fire.",
        fix="correct the path, or remove the entry; keys of a ConfigMap hold no folders",
    ),
    Rule(
        code="PW102",
        title="`**` in a pattern",
        severity=_W,
        why="Prometheus takes `**` for `*`: it does not look into folders below.",
        fix="write one pattern for each level, like `rules/*.yml` and `rules/*/*.yml`",
    ),
    Rule(
        code="PW103",
        title="a rule pattern matches the configuration itself",
        severity=_E,
        why="Prometheus then reads its own configuration as a rule file and refuses to load.",
        fix="make the pattern narrower, for instance `*.rules.yml`",
    ),
    Rule(
        code="PW201",
        title="a file with a secret is missing",
        severity=_W,
        why="promtool does not open password files; Prometheus does at each scrape, and fails.",
        fix="add the file, or correct the path",
        anchor="http_config",
    ),
    Rule(
        code="PW202",
        title="a TLS file is missing",
        severity=_W,
        why="Prometheus refuses to load, or every scrape of the job fails.",
        fix="add the file, or correct the path",
        anchor="tls_config",
    ),
    Rule(
        code="PW203",
        title="a file_sd pattern matches no file",
        severity=_W,
        why="The job has no targets, and only a line in the log says so.",
        fix="add the file, or correct the path",
        anchor="file_sd_config",
    ),
    Rule(
        code="PW204",
        title="a scrape_config_files pattern matches no file",
        severity=_W,
        why="Prometheus accepts it silently, and nothing is scraped.",
        fix="correct the path, or remove the entry",
        anchor="configuration-file",
    ),
    Rule(
        code="PW301",
        title="two jobs of one name",
        severity=_E,
        why="Prometheus refuses the whole configuration.",
        fix="give each job a name of its own",
        anchor="scrape_config",
    ),
    Rule(
        code="PW302",
        title="one target in two jobs",
        severity=_W,
        why="It is scraped twice and stored twice, under two job labels.",
        fix="remove it from one of the jobs",
        anchor="scrape_config",
    ),
    Rule(
        code="PW303",
        title="a job without targets",
        severity=_W,
        why="It has no service discovery and no static target, so it never scrapes anything.",
        fix="add static_configs or a service discovery, or remove the job",
        anchor="scrape_config",
    ),
    Rule(
        code="PW401",
        title="a secret in clear",
        severity=_E,
        why="Everybody who may read the ConfigMap or the repository has it. In a plain file this "
        "is a warning, in a Secret it is fine.",
        fix="mount a Secret and name it: password_file, credentials_file, client_secret_file",
        anchor="http_config",
    ),
    Rule(
        code="PW402",
        title="the mask of a secret instead of a secret",
        severity=_E,
        why="`<secret>` is what Prometheus shows on its own pages; copied from there it is the "
        "password that is sent.",
        fix="write the secret into a file and name the file",
        anchor="http_config",
    ),
    Rule(
        code="PW403",
        title="a password in a URL",
        severity=_E,
        why="URLs end up in logs, metrics labels and pages. In a plain file this is a warning, in "
        "a Secret it is fine.",
        fix="use basic_auth with password_file",
        anchor="remote_write",
    ),
    Rule(
        code="PW404",
        title="certificates are not checked",
        severity=_W,
        why="insecure_skip_verify lets anybody on the way answer, and take the credentials.",
        fix="name the CA in ca_file, and the name in server_name if it differs",
        anchor="tls_config",
    ),
    Rule(
        code="PW405",
        title="credentials over plain HTTP",
        severity=_W,
        why="They can be read on the way.",
        fix="use https",
        anchor="remote_write",
    ),
    Rule(
        code="PW501",
        title="alerts, but no Alertmanager",
        severity=_W,
        why="The alerting rules are evaluated and nobody is told.",
        fix="add alerting.alertmanagers",
        anchor="alertmanager_config",
    ),
    Rule(
        code="PW502",
        title="remote_write without external_labels",
        severity=_I,
        why="The receiver cannot tell this Prometheus from another, nor its replicas apart.",
        fix="set global.external_labels, for instance cluster and replica",
        anchor="configuration-file",
    ),
    Rule(
        code="PW503",
        title="a scrape interval above two minutes",
        severity=_W,
        why="A sample is forgotten after five minutes, so that one lost scrape leaves a gap.",
        fix="scrape at least every two minutes",
        anchor="scrape_config",
    ),
    Rule(
        code="PW504",
        title="an environment variable that nobody expands",
        severity=_W,
        why="Prometheus expands variables in external_labels only; elsewhere the text is taken as "
        "it stands.",
        fix="write the value, or have the tool that makes the ConfigMap fill it in",
    ),
)

BY_CODE = {rule.code: rule for rule in RULES}


def fault(code: str, at: Node, message: str) -> Fault:
    """A fault of the rule `code`."""
    return Fault(BY_CODE[code], at, message)
