"""The sidecar's own metrics: what happened, counted; how it stands, as gauges.

Heard by `app` after each step of the loop, read by `serve` at each scrape. Every series exists from
the start, at 0, so that `rate()` and alert rules see the first event too. A record costs a lookup
in a dict and one or two additions: children are made once, labels are never looked up again.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from platform import python_version

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    ProcessCollector,
    disable_created_metrics,
)
from prometheus_client.exposition import choose_encoder

from sidecar import __version__
from sidecar.core.attempt import AttemptRecord, BridgeStatus, Outcome, Status, Trigger
from sidecar.core.ports import Clock
from sidecar.tell.series import ConfigInfo

DURATION_BUCKETS_S = (0.001, 0.01, 0.1, 0.5, 1, 2.5, 5, 10, 30, 60, 120)
PROPAGATION_BUCKETS_S = (0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 20, 30, 60, 90, 120)
"""A kubelet refreshes a mount within 0.15 s after a nudge, else 20 to 90 s after the edit."""

OUTCOME_LABELS = {
    Outcome.APPLIED: "success",
    Outcome.REJECTED: "rejected",
    Outcome.FAILED: "failed",
    Outcome.UNCONFIRMED: "unconfirmed",
    Outcome.SUPERSEDED: "superseded",
}
"""How the label `status` spells an outcome."""

FAILURES = frozenset({Outcome.REJECTED, Outcome.FAILED, Outcome.UNCONFIRMED})
REFUSALS = frozenset({Status.REJECTED, Status.FAILED, Status.ROLLED_BACK, Status.UNCONFIRMED})

OPENMETRICS = "application/openmetrics-text"

MOST_CHECKS = 32
OTHER = "other"
"""Values beyond a label's bound are counted under this one."""

API_VERBS = {"get": 200, "list": 200, "watch": 200, "patch": 200, "create": 201, "delete": 200}
"""Verbs of the Kubernetes API, each with the code of its success."""


class Metrics:
    """All series of the sidecar, in a registry of its own.

    `bridges` are the values of the label `bridge`; calls for any other raise `KeyError`. Times come
    from `clock`: monotonic ones of the core are shown as seconds since the epoch.
    """

    def __init__(self, bridges: Sequence[str], *, clock: Clock) -> None:
        # Series of creation times would double the page, and nothing here is created late.
        disable_created_metrics()  # type: ignore[no-untyped-call]  # the library left it untyped
        self._clock = clock
        self._registry = CollectorRegistry(auto_describe=False)
        ProcessCollector(registry=self._registry)
        self._make_attempt_series(bridges)
        self._make_state_series(bridges)
        self._make_api_series()
        for bridge in bridges:
            self.expect(bridge, signal="SIGHUP", checks=[OTHER])

    def render(self, accept: str = "") -> tuple[bytes, str]:
        """The page in the format that the `Accept` header prefers, and its content type."""
        # The library's own choice raises for a malformed version and echoes any other back.
        wanted = OPENMETRICS if OPENMETRICS in accept.lower() else ""
        encode, content_type = choose_encoder(wanted)
        return encode(self._registry), content_type

    def expect(self, bridge: str, *, signal: str = "", checks: Sequence[str] = ()) -> None:
        """Show series at 0 for what may happen to `bridge`: its signal, its checks by name."""
        if signal:
            self._signals.labels(bridge, signal)
        for check in checks:
            self._find_check(bridge, check)

    # --- what happened

    def attempt_received(self, bridge: str, trigger: Trigger) -> None:
        """New content, or a person's wish, arrived."""
        self._counts[bridge, trigger, "received"].inc()

    def attempt_debounced(self, bridge: str, trigger: Trigger) -> None:
        """New content waits for the end of the debounce window."""
        self._counts[bridge, trigger, "debounced"].inc()

    def attempt_ended(self, bridge: str, record: AttemptRecord) -> None:
        """An attempt has its outcome. Counts each finding that rejected it by its check."""
        outcome, trigger = record.outcome, record.trigger
        count, observe, set_time = self._ends[bridge, trigger, outcome]
        count()
        observe(record.duration_s)
        if set_time is not None:
            set_time(self._clock.wall())
        if record.findings:
            for check in {finding.check for finding in record.findings}:
                self.validation_failed(bridge, check)

    def validation_failed(self, bridge: str, check: str) -> None:
        """The validator `check` refused a candidate, whatever the number of its findings."""
        self._find_check(bridge, check).inc()

    def signalled(self, bridge: str, signal: str) -> None:
        """The process got `signal` (its name, as `SIGHUP`; `http` for a reload by request)."""
        self._signals.labels(bridge, signal).inc()

    def propagated(self, bridge: str, seconds: float) -> None:
        """An edit reached the mounted files `seconds` after the API told of it."""
        self._propagations[bridge].observe(seconds)

    def api_requested(self, verb: str, code: int | None) -> None:
        """A request to the Kubernetes API ended; `code` None: it got no answer."""
        known = code is not None and 100 <= code <= 599  # noqa: PLR2004  the codes of HTTP
        shown = verb if verb in API_VERBS else OTHER
        self._api_requests.labels(shown, str(code) if known else "error").inc()

    def api_connected(self, *, connected: bool) -> None:
        """The watch on the Kubernetes API runs, or no longer."""
        self._api_connected.set(connected)

    def watch_restarted(self) -> None:
        """A watch had to be begun anew."""
        self._watch_restarts.inc()

    # --- how it stands

    def show(self, status: BridgeStatus) -> None:
        """Set the gauges of one bridge. Cheap where nothing changed."""
        bridge = status.bridge
        if self._shown.get(bridge) == status:
            return
        self._shown[bridge] = status
        states = self._states[bridge]
        states["applied"].set(status.status is Status.APPLIED)
        states["restart_safe"].set(status.restart_safe)
        states["target_up"].set(status.target is not None)
        states["paused"].set(status.paused)
        if status.status is Status.APPLIED:
            states["last_successful"].set(1)
        elif status.status in REFUSALS:
            states["last_successful"].set(0)
        if self._since_s[bridge] != status.out_of_sync_since_s:
            self._since_s[bridge] = status.out_of_sync_since_s
            states["out_of_sync_since"].set(self._to_wall(status.out_of_sync_since_s))
        self._info.set(bridge, digest=(status.active or "")[:12], revision=status.revision)

    def _to_wall(self, monotonic_s: float | None) -> float:
        if monotonic_s is None:
            return 0.0
        return self._clock.wall() - (self._clock.monotonic() - monotonic_s)

    def _find_check(self, bridge: str, check: str) -> Counter:
        known = self._checks[bridge]
        if check not in known and len(known) >= MOST_CHECKS:
            check = OTHER
        if check not in known:
            known[check] = self._validation_failures.labels(bridge, check)
        return known[check]

    # --- the series, once

    def _make_attempt_series(self, bridges: Sequence[str]) -> None:
        by_end = ("bridge", "source", "status")
        attempts = self._counter("surehup_reload_attempts", "Reload attempts, by stage.", by_end)
        durations = Histogram(
            "surehup_reload_duration_seconds",
            "From the start of an attempt to its outcome.",
            by_end,
            buckets=DURATION_BUCKETS_S,
            registry=self._registry,
        )
        by_source = ("bridge", "source")
        name, text = "surehup_last_reload_timestamp_seconds", "When content was last applied."
        successes = self._gauge(name, text, by_source)
        name, text = "surehup_last_failure_timestamp_seconds", "When an attempt last failed."
        failures = self._gauge(name, text, by_source)
        name = "surehup_config_last_reload_success_timestamp_seconds"
        last_successes = self._gauge(name, "When content was last applied.", ("bridge",))
        self._counts: dict[tuple[str, Trigger, str], Counter] = {}
        self._ends: dict[tuple[str, Trigger, Outcome], _Records] = {}
        for bridge in bridges:
            last_success = last_successes.labels(bridge)
            for trigger in Trigger:
                success, failure = (g.labels(bridge, trigger) for g in (successes, failures))
                for status in ("received", "debounced"):
                    count = attempts.labels(bridge, trigger, status)
                    self._counts[bridge, trigger, status] = count
                for outcome, status in OUTCOME_LABELS.items():
                    set_time: Callable[[float], None] | None = None
                    if outcome is Outcome.APPLIED:
                        set_time = partial(_set_both, success, last_success)
                    elif outcome in FAILURES:
                        set_time = failure.set
                    self._ends[bridge, trigger, outcome] = (
                        attempts.labels(bridge, trigger, status).inc,
                        durations.labels(bridge, trigger, status).observe,
                        set_time,
                    )

    def _make_state_series(self, bridges: Sequence[str]) -> None:
        labels = ("bridge",)
        gauges = {
            key: self._gauge(name, text, labels) for key, (name, text) in STATE_GAUGES.items()
        }
        self._states: Mapping[str, Mapping[str, Gauge]] = {
            bridge: {key: gauge.labels(bridge) for key, gauge in gauges.items()}
            for bridge in bridges
        }
        self._since_s: dict[str, float | None] = dict.fromkeys(bridges)
        self._shown: dict[str, BridgeStatus] = {}
        self._info = ConfigInfo(bridges)
        self._registry.register(self._info)
        self._signals = self._counter(
            "surehup_signals", "Signals sent to the target.", ("bridge", "signal")
        )
        name, text = "surehup_validation_failures", "Candidates refused, by validator."
        self._validation_failures = self._counter(name, text, ("bridge", "check"))
        self._checks: dict[str, dict[str, Counter]] = {bridge: {} for bridge in bridges}
        propagation = Histogram(
            "surehup_propagation_seconds",
            "From the API event to the mounted files.",
            labels,
            buckets=PROPAGATION_BUCKETS_S,
            registry=self._registry,
        )
        self._propagations = {bridge: propagation.labels(bridge) for bridge in bridges}

    def _make_api_series(self) -> None:
        name, text = "surehup_api_connected", "Whether the watch on the Kubernetes API runs."
        self._api_connected = self._gauge(name, text)
        name, text = "surehup_watch_restarts", "Watches that had to be begun anew."
        self._watch_restarts = self._counter(name, text)
        name, text = "surehup_api_requests", "Requests to the Kubernetes API."
        self._api_requests = self._counter(name, text, ("verb", "code"))
        for verb, code in API_VERBS.items():
            self._api_requests.labels(verb, str(code))
            self._api_requests.labels(verb, "error")
        build = self._gauge("surehup_build_info", "This build.", ("version", "python"))
        build.labels(__version__, python_version()).set(1)

    def _counter(self, name: str, text: str, labels: Sequence[str] = ()) -> Counter:
        return Counter(name, text, labels, registry=self._registry)

    def _gauge(self, name: str, text: str, labels: Sequence[str] = ()) -> Gauge:
        return Gauge(name, text, labels, registry=self._registry)


_Records = tuple[Callable[[], None], Callable[[float], None], Callable[[float], None] | None]

STATE_GAUGES = {
    "applied": ("surehup_config_applied", "Whether the process runs what is mounted, proven."),
    "restart_safe": (
        "surehup_config_restart_safe",
        "Whether a process that starts now would start with validated or proven content.",
    ),
    "last_successful": (
        "surehup_config_last_reload_successful",
        "Whether the newest decided content was applied.",
    ),
    "out_of_sync_since": (
        "surehup_config_out_of_sync_since_timestamp_seconds",
        "Since when the process is not proven to run what is mounted; 0 while in sync.",
    ),
    "target_up": ("surehup_target_up", "Whether the process to reload is found."),
    "paused": ("surehup_paused", "Whether attempts are paused."),
}


def _set_both(first: Gauge, second: Gauge, value: float) -> None:
    first.set(value)
    second.set(value)
