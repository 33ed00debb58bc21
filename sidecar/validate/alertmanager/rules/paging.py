"""Receivers that wake a person or open a ticket."""

from __future__ import annotations

from collections.abc import Iterator

from sidecar.validate.alertmanager.fields import describe
from sidecar.validate.alertmanager.golang.template import check_template
from sidecar.validate.alertmanager.golang.template_tokens import TemplateError
from sidecar.validate.alertmanager.models.paging import (
    IncidentioConfig,
    JiraConfig,
    OpsGenieConfig,
    OpsGenieResponder,
    PagerdutyConfig,
    PushoverConfig,
    VictorOpsConfig,
)
from sidecar.validate.alertmanager.rules.needs import forbid_both, require_one
from sidecar.validate.alertmanager.rules.registry import Fault, World, checks, define
from sidecar.validate.alertmanager.tree import Listing, Path, Table

NESTED_DETAILS_SINCE = (0, 30)
RESPONDERS = frozenset(("team", "teams", "user", "escalation", "schedule"))
RESERVED = (
    "routing_key",
    "message_type",
    "state_message",
    "entity_display_name",
    "monitoring_tool",
    "entity_id",
    "entity_state",
)

NO_PAGERDUTY_KEY = define(
    "E320",
    "a PagerDuty receiver has no key",
    fix="Set routing_key or service_key, or the path of a file with it.",
    anchor="pagerduty_config",
)
PAGERDUTY_KEY_TWICE = define(
    "E321",
    "a PagerDuty key is given twice",
    fix="Keep the key or its file.",
    anchor="pagerduty_config",
)
NESTED_DETAIL = define(
    "E323",
    "a detail of PagerDuty is not a text",
    why="Alertmanager before 0.30 refuses the file.",
    fix="Write a text, or upgrade Alertmanager and set its version.",
    anchor="pagerduty_config",
)
NO_SERVICE_URL = define(
    "E322",
    "the URL of a paging service was emptied",
    fix="Remove the empty line under global, or give a URL.",
    anchor="file-layout-and-global-settings",
)
NO_OPSGENIE_KEY = define(
    "E345",
    "an OpsGenie receiver has no API key",
    fix="Set api_key or api_key_file, here or under global with the prefix opsgenie_.",
    anchor="opsgenie_config",
)
OPSGENIE_KEY_TWICE = define(
    "E346",
    "an OpsGenie key is given twice",
    fix="Keep the key or its file.",
    anchor="opsgenie_config",
)
NAMELESS_RESPONDER = define(
    "E347",
    "an OpsGenie responder is not named",
    fix="Set id, name or username.",
    anchor="responder",
)
RESPONDER_TYPE = define(
    "E348",
    "the type of an OpsGenie responder is unknown",
    fix="Write team, teams, user, escalation or schedule, or a template.",
    anchor="responder",
)
NO_VICTOROPS_KEY = define(
    "E350",
    "a VictorOps receiver has no API key",
    fix="Set api_key or api_key_file, here or under global with the prefix victorops_.",
    anchor="victorops_config",
)
VICTOROPS_KEY_TWICE = define(
    "E351",
    "a VictorOps key is given twice",
    fix="Keep the key or its file.",
    anchor="victorops_config",
)
NO_VICTOROPS_ROUTE = define(
    "E352", "a VictorOps receiver has no routing_key", fix="Set it.", anchor="victorops_config"
)
RESERVED_FIELD = define(
    "E353",
    "a custom field of VictorOps has a reserved name",
    fix="Rename it.",
    anchor="victorops_config",
)
NO_PUSHOVER_USER = define(
    "E355",
    "a Pushover receiver has no user key",
    fix="Set user_key or user_key_file.",
    anchor="pushover_config",
)
NO_PUSHOVER_TOKEN = define(
    "E356",
    "a Pushover receiver has no token",
    fix="Set token or token_file.",
    anchor="pushover_config",
)
PUSHOVER_TWICE = define(
    "E357",
    "a Pushover secret is given twice",
    fix="Keep the secret or its file.",
    anchor="pushover_config",
)
PUSHOVER_STYLE = define(
    "E358", "html and monospace exclude each other", fix="Keep one.", anchor="pushover_config"
)
NO_PROJECT = define("E383", "a Jira receiver has no project", fix="Set it.", anchor="jira_config")
NO_ISSUE_TYPE = define(
    "E384", "a Jira receiver has no issue_type", fix="Set it.", anchor="jira_config"
)
JIRA_API = define(
    "E385",
    "the api_type of a Jira receiver is unknown",
    fix="Write auto, cloud or datacenter.",
    anchor="jira_config",
)
NO_JIRA_URL = define(
    "E386",
    "a Jira receiver has no URL",
    fix="Set api_url here or jira_api_url under global.",
    anchor="jira_config",
)
INCIDENT_URL = define(
    "E394",
    "an incident.io receiver has no URL or two",
    fix="Set url or url_file.",
    anchor="incidentio_config",
)
INCIDENT_TOKEN = define(
    "E395",
    "the credentials of an incident.io receiver are missing or given twice",
    fix="Set one of alert_source_token, alert_source_token_file and http_config.authorization.",
    anchor="incidentio_config",
)


@checks(PagerdutyConfig)
def check_pagerduty(pagerduty: PagerdutyConfig, path: Path, world: World) -> Iterator[Fault]:
    """A key of either kind, once."""
    service, routing = ("service_key", "service_key_file"), ("routing_key", "routing_key_file")
    yield from require_one(NO_PAGERDUTY_KEY, pagerduty, path, (*routing, *service))
    yield from forbid_both(PAGERDUTY_KEY_TWICE, pagerduty, path, routing)
    yield from forbid_both(PAGERDUTY_KEY_TWICE, pagerduty, path, service)
    if pagerduty.url is None and world.config.defaults.pagerduty_url is None:
        yield Fault(NO_SERVICE_URL, path, "the global pagerduty_url is empty, and so is url here")


@checks(PagerdutyConfig)
def check_details(pagerduty: PagerdutyConfig, path: Path, world: World) -> Iterator[Fault]:
    """Texts, or since 0.30 anything."""
    if not world.target.may_be_before(NESTED_DETAILS_SINCE):
        return
    for name, value in pagerduty.details.items():
        if isinstance(value, Table | Listing):
            message = f"details: {name!r} is {describe(value)}, not a text"
            yield Fault(NESTED_DETAIL, (*path, "details", name), message)


@checks(OpsGenieConfig)
def check_opsgenie(opsgenie: OpsGenieConfig, path: Path, world: World) -> Iterator[Fault]:
    """A key, here or inherited, and a URL."""
    defaults = world.config.defaults
    if not (defaults.opsgenie_api_key or defaults.opsgenie_api_key_file):
        yield from require_one(NO_OPSGENIE_KEY, opsgenie, path, ("api_key", "api_key_file"))
    yield from forbid_both(OPSGENIE_KEY_TWICE, opsgenie, path, ("api_key", "api_key_file"))
    if opsgenie.api_url is None and defaults.opsgenie_api_url is None:
        yield Fault(NO_SERVICE_URL, path, "the global opsgenie_api_url is empty, and so is api_url")


@checks(OpsGenieResponder)
def check_responder(responder: OpsGenieResponder, path: Path, _: World) -> Iterator[Fault]:
    """Who, and of which type."""
    yield from require_one(NAMELESS_RESPONDER, responder, path, ("id", "name", "username"))
    where = (*path, "type")
    if "{{" in responder.type:
        try:
            check_template(responder.type, ())
        except TemplateError as error:
            yield Fault(RESPONDER_TYPE, where, f"the template of the type does not parse: {error}")
    elif responder.type.lower() not in RESPONDERS:
        yield Fault(RESPONDER_TYPE, where, f"there is no responder of type {responder.type!r}")


@checks(VictorOpsConfig)
def check_victorops(victorops: VictorOpsConfig, path: Path, world: World) -> Iterator[Fault]:
    """A key, a route, a URL, and no field that is sent anyway."""
    defaults = world.config.defaults
    if not (defaults.victorops_api_key or defaults.victorops_api_key_file):
        yield from require_one(NO_VICTOROPS_KEY, victorops, path, ("api_key", "api_key_file"))
    yield from forbid_both(VICTOROPS_KEY_TWICE, victorops, path, ("api_key", "api_key_file"))
    yield from require_one(NO_VICTOROPS_ROUTE, victorops, path, ("routing_key",))
    if victorops.api_url is None and defaults.victorops_api_url is None:
        message = "the global victorops_api_url is empty, and so is api_url"
        yield Fault(NO_SERVICE_URL, path, message)
    for name in RESERVED:
        if name in victorops.custom_fields:
            message = f"{name} is reserved and cannot be a custom field"
            yield Fault(RESERVED_FIELD, (*path, "custom_fields", name), message)


@checks(PushoverConfig)
def check_pushover(pushover: PushoverConfig, path: Path, _: World) -> Iterator[Fault]:
    """User and token, once each, and one style."""
    user, token = ("user_key", "user_key_file"), ("token", "token_file")
    yield from require_one(NO_PUSHOVER_USER, pushover, path, user)
    yield from require_one(NO_PUSHOVER_TOKEN, pushover, path, token)
    yield from forbid_both(PUSHOVER_TWICE, pushover, path, user)
    yield from forbid_both(PUSHOVER_TWICE, pushover, path, token)
    yield from forbid_both(PUSHOVER_STYLE, pushover, path, ("html", "monospace"))


@checks(JiraConfig)
def check_jira(jira: JiraConfig, path: Path, world: World) -> Iterator[Fault]:
    """What a ticket cannot do without."""
    yield from require_one(NO_PROJECT, jira, path, ("project",))
    yield from require_one(NO_ISSUE_TYPE, jira, path, ("issue_type",))
    if jira.api_type not in {"auto", "cloud", "datacenter"}:
        yield Fault(JIRA_API, (*path, "api_type"), f"there is no API type {jira.api_type!r}")
    if jira.api_url is None and world.config.defaults.jira_api_url is None:
        yield Fault(NO_JIRA_URL, path, "neither api_url nor the global jira_api_url is set")


@checks(IncidentioConfig)
def check_incidentio(incident: IncidentioConfig, path: Path, _: World) -> Iterator[Fault]:
    """One URL and one kind of credentials."""
    yield from require_one(INCIDENT_URL, incident, path, ("url", "url_file"))
    yield from forbid_both(INCIDENT_URL, incident, path, ("url", "url_file"))
    tokens = ("alert_source_token", "alert_source_token_file")
    yield from forbid_both(INCIDENT_TOKEN, incident, path, tokens)
    http = incident.http_config
    if http is None:
        return
    has_token = any(incident.has(name) for name in tokens)
    if has_token and http.authorizes:
        message = "a token and http_config.authorization exclude each other"
        yield Fault(INCIDENT_TOKEN, path, message)
    if not has_token and not http.authorizes:
        message = "with http_config, a token or its authorization must be given"
        yield Fault(INCIDENT_TOKEN, path, message)
