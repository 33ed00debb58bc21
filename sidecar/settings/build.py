"""From checked shapes to the plain values that the program runs on."""

from __future__ import annotations

import json
from collections.abc import Sequence

from sidecar.core.bridge import Bridge, Companion, Mode, Policy, Rollout, Source
from sidecar.presets.convert import HTTP, to_checks, to_proof, to_reload, to_selector
from sidecar.presets.model import DaemonShape
from sidecar.presets.shape import fill
from sidecar.settings.model import BridgeShape, FileShape
from sidecar.settings.values import Address, Notify, Settings

UNNAMED = "default"
BY_SIGNAL = frozenset({"signal", "sigwait"})
BY_HTTP = frozenset({"reload_url", "reload_method", "reload_answers"})
"""What a preset says of one trigger means nothing to the other."""


def fill_from_preset(own: BridgeShape, preset: DaemonShape) -> BridgeShape:
    """`own` with everything that it leaves out taken from `preset`.

    Lists are replaced as a whole: a `validate` or `evidence` of the user's own stands alone. Only
    `secrets` add up: who names one more does not mean to show the others. Who names a PID means
    that process, whatever it is called; who names a signal or an address to ask means that trigger.
    """
    trigger = own.target.trigger or _imply_trigger(own) or preset.target.trigger
    but = BY_SIGNAL if trigger == HTTP else BY_HTTP
    target = fill(
        own.target, preset.target, but=but if own.target.pid is None else but | {"process"}
    )
    return fill(own, preset).model_copy(
        update={
            "target": target.model_copy(update={"trigger": trigger}),
            "confirm": fill(own.confirm, preset.confirm),
            "secrets": list(dict.fromkeys([*(preset.secrets or []), *(own.secrets or [])])),
            "mode": own.mode or (Mode.PUBLISHED if own.publish is not None else Mode.MOUNTED),
        }
    )


def _imply_trigger(own: BridgeShape) -> str | None:
    if own.target.signal is not None:
        return "signal"
    return HTTP if own.target.reload_url is not None else None


def name_bridge(bridge: BridgeShape) -> str:
    """What metrics and messages call the bridge."""
    return bridge.name or bridge.preset or bridge.target.container or UNNAMED


def build_settings(file: FileShape, bridges: Sequence[BridgeShape], origin: str) -> Settings:
    """The plain settings; `bridges` are those of `file` with their presets filled in."""
    plain = file.model_copy(update={"bridges": list(bridges)})
    return Settings(
        bridges=tuple(_build_bridge(bridge, file) for bridge in bridges),
        listen=None if file.listen is None else Address(*file.listen),
        http_control=file.http_control,
        log_format=file.log_format,
        log_level=file.log_level,
        state_dir=file.state_dir,
        poll_s=file.poll,
        notify=tuple(Notify(url=hook.url, on=tuple(hook.on)) for hook in file.notify),
        origin=origin,
        secrets={name_bridge(bridge): tuple(bridge.secrets or ()) for bridge in bridges},
        effective_json=json.dumps(plain.model_dump(mode="json", by_alias=True, exclude_none=True)),
    )


def _build_companion(mount: str) -> Companion:
    return Companion(mount, mount.strip("/").replace("/", "-") + "/")


def _build_bridge(bridge: BridgeShape, file: FileShape) -> Bridge:
    source, rollout = bridge.source, bridge.rollout
    plain = Policy()
    patience = bridge.target.patience
    return Bridge(
        name=name_bridge(bridge),
        preset=bridge.preset or "",
        source=Source(
            mount=source.mount or "",
            config_map=source.config_map,
            secret=source.secret,
            mode=bridge.mode or Mode.MOUNTED,
            publish=bridge.publish or "",
            items=tuple((item.key, item.path) for item in source.items),
            companions=tuple(_build_companion(other.mount) for other in source.companions),
            steady_s=source.steady,
        ),
        checks=to_checks(bridge),
        target=to_selector(bridge.target),
        reload=to_reload(bridge),
        proof=to_proof(bridge),
        policy=Policy(
            debounce_s=file.debounce,
            patience_s=plain.patience_s if patience is None else patience,
            rollback=bridge.rollback,
            group=bridge.group or "",
            rollout=Rollout(
                strategy=rollout.strategy,
                spread_s=rollout.spread,
                patience_s=rollout.patience,
                replicas=rollout.replicas,
                tolerate=rollout.tolerate,
                takeovers=rollout.takeovers,
            ),
        ),
    )
