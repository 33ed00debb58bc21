"""What newer releases write elsewhere: traces and events."""

from __future__ import annotations

from pydantic import Field

from sidecar.validate.alertmanager.fields import (
    Duration,
    Flag,
    Mapped,
    Maybe,
    Number,
    Optional,
    SecretUrl,
    Several,
    Text,
    Texts,
    Whole,
)
from sidecar.validate.alertmanager.models.base import Block
from sidecar.validate.alertmanager.models.http import Header, HttpConfig, TlsConfig


class Tracing(Block):
    """`tracing`."""

    client_type: Optional[Text] = None
    endpoint: Text = ""
    sampling_fraction: Number = 0.0
    insecure: Flag = False
    tls_config: Maybe[TlsConfig] = None
    headers: Mapped[Maybe[Header]] = Field(default_factory=dict)
    compression: Text = ""
    timeout: Duration = 0.0


class FileOutput(Block):
    """Events into a file."""

    path: Text = ""


class WebhookOutput(Block):
    """Events to a webhook."""

    url: SecretUrl = None
    http_config: Maybe[HttpConfig] = None
    timeout: Duration = 0.0
    workers: Whole = 0
    max_retries: Whole = 0
    retry_backoff: Duration = 0.0
    batch: Flag = False
    batch_max_events: Whole = 0
    batch_max_bytes: Whole = 0
    batch_flush_interval: Duration = 0.0


class KafkaOutput(Block):
    """Events to Kafka."""

    brokers: Texts = ()
    topic: Text = ""
    client_id: Text = ""
    format: Text = ""
    acks: Text = ""
    compression: Text = ""
    buffer_size: Whole = 0
    tls_config: Maybe[TlsConfig] = None


class StdoutOutput(Block):
    """Events to standard output."""


class EventRecorder(Block):
    """`event_recorder`."""

    file_outputs: Several[Maybe[FileOutput]] = ()
    webhook_outputs: Several[Maybe[WebhookOutput]] = ()
    kafka_outputs: Several[Maybe[KafkaOutput]] = ()
    stdout_outputs: Several[Maybe[StdoutOutput]] = ()
