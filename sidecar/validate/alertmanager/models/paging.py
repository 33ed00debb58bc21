"""Receivers that wake a person or open a ticket."""

from __future__ import annotations

from typing import Annotated

from pydantic import BeforeValidator, Field

from sidecar.validate.alertmanager.fields import (
    Anything,
    Count,
    Duration,
    Flag,
    GoDuration,
    Mapped,
    Maybe,
    Secret,
    Several,
    Text,
    TextDuration,
    TextMap,
    Texts,
    WebUrl,
)
from sidecar.validate.alertmanager.models.base import Block
from sidecar.validate.alertmanager.models.chat import HttpNotifier
from sidecar.validate.alertmanager.tree import Scalar, Table
from sidecar.validate.alertmanager.versions import since


class PagerdutyImage(Block):
    """An image beside an incident."""

    src: Text = ""
    alt: Text = ""
    href: Text = ""


class PagerdutyLink(Block):
    """A link beside an incident."""

    href: Text = ""
    text: Text = ""


class PagerdutyConfig(HttpNotifier):
    """`pagerduty_configs`."""

    service_key: Secret = ""
    service_key_file: Text = ""
    routing_key: Secret = ""
    routing_key_file: Text = ""
    url: WebUrl = None
    client: Text = ""
    client_url: Text = ""
    description: Text = ""
    details: Mapped[Anything] = Field(default_factory=dict)
    images: Several[Maybe[PagerdutyImage]] = ()
    links: Several[Maybe[PagerdutyLink]] = ()
    source: Text = ""
    severity: Text = ""
    category: Text = Field("", alias="class")
    component: Text = ""
    group: Text = ""
    timeout: Annotated[GoDuration, since("0.30")] = 0.0


class OpsGenieResponder(Block):
    """Who is to respond."""

    id: Text = ""
    name: Text = ""
    username: Text = ""
    type: Text = ""


class OpsGenieConfig(HttpNotifier):
    """`opsgenie_configs`."""

    api_key: Secret = ""
    api_key_file: Text = ""
    api_url: WebUrl = None
    message: Text = ""
    description: Text = ""
    source: Text = ""
    details: TextMap = Field(default_factory=dict)
    entity: Text = ""
    responders: Several[Maybe[OpsGenieResponder]] = ()
    actions: Text = ""
    tags: Text = ""
    note: Text = ""
    priority: Text = ""
    update_alerts: Flag = False


class VictorOpsConfig(HttpNotifier):
    """`victorops_configs`."""

    api_key: Secret = ""
    api_key_file: Text = ""
    api_url: WebUrl = None
    routing_key: Text = ""
    message_type: Text = ""
    state_message: Text = ""
    entity_display_name: Text = ""
    monitoring_tool: Text = ""
    custom_fields: TextMap = Field(default_factory=dict)


class PushoverConfig(HttpNotifier):
    """`pushover_configs`."""

    user_key: Secret = ""
    user_key_file: Annotated[Text, since("0.26")] = ""
    token: Secret = ""
    token_file: Annotated[Text, since("0.26")] = ""
    title: Text = ""
    message: Text = ""
    url: Text = ""
    url_title: Text = ""
    device: Annotated[Text, since("0.26")] = ""
    sound: Text = ""
    priority: Text = ""
    retry: TextDuration = 60.0
    expire: TextDuration = 3600.0
    ttl: Annotated[TextDuration, since("0.27")] = 0.0
    html: Flag = False
    monospace: Annotated[Flag, since("0.30")] = False


class IncidentioConfig(HttpNotifier):
    """`incidentio_configs`."""

    url: WebUrl = None
    url_file: Text = ""
    alert_source_token: Secret = ""
    alert_source_token_file: Text = ""
    max_alerts: Count = 0
    timeout: GoDuration = 0.0


class JiraField(Block):
    """A templated field, and whether updates change it."""

    template: Text = ""
    enable_update: Flag = True


def _read_jira_field(node: object) -> object:
    """A text stands for its template."""
    if isinstance(node, Scalar) and not node.is_null:
        table = Table(node.place)
        table.put("template", node, node.place)
        return table
    return node


TemplatedField = Annotated[Maybe[JiraField], BeforeValidator(_read_jira_field)]


class JiraConfig(HttpNotifier):
    """`jira_configs`."""

    api_url: WebUrl = None
    api_type: Annotated[Text, since("0.30")] = "auto"
    project: Text = ""
    summary: TemplatedField = None
    description: TemplatedField = None
    labels: Texts = ()
    priority: Text = ""
    issue_type: Text = ""
    reopen_transition: Text = ""
    resolve_transition: Text = ""
    wont_fix_resolution: Text = ""
    reopen_duration: Duration = 0.0
    fields: Mapped[Anything] = Field(default_factory=dict)
