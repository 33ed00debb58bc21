"""What no single field can tell: fields that exclude, need or miss each other."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from sidecar.core.bridge import Mode, OnInvalid, Rollback
from sidecar.core.evidence import Role
from sidecar.presets.convert import FILE, HTTP, choose_groups, name_evidence, needs_url
from sidecar.presets.evidence import PROVING, EvidenceShape
from sidecar.presets.model import CheckShape
from sidecar.presets.problems import Problem
from sidecar.settings.model import BridgeShape, RolloutShape
from sidecar.settings.values import Need

Problems = Iterator[Problem]


def find_contradictions(own: BridgeShape, filled: BridgeShape, needs: frozenset[Need]) -> Problems:
    """What is wrong with a bridge: `own` as the user wrote it, `filled` with its preset."""
    yield from _look_at_source(filled, needs)
    yield from _look_at_api(filled)
    yield from _look_at_trigger(own, filled)
    yield from _look_at_evidence(own, filled)
    yield from _look_at_main_file(filled)
    if Need.TARGET in needs:
        yield from _look_at_target(filled)
    if Need.PROOF in needs:
        yield from _look_at_proof(filled)
        yield from _look_at_gate(filled)


def _look_at_source(bridge: BridgeShape, needs: frozenset[Need]) -> Problems:
    source = bridge.source
    published = bridge.mode is Mode.PUBLISHED
    if published and bridge.publish is None:
        yield Problem(("publish",), "is missing: mode published needs the shared folder")
    if bridge.mode is Mode.MOUNTED and bridge.publish is not None:
        yield Problem(("publish",), "contradicts mode mounted: leave one of them out")
    if bridge.publish is not None and bridge.publish == source.mount:
        message = "must not be the mount: the kubelet writes there; share an emptyDir"
        yield Problem(("publish",), message)
    if source.companions and (published or source.mount is None):
        message = "go with a mounted source: name source.mount, and leave mode published out"
        yield Problem(("source", "companions"), message)
    if Need.SOURCE not in needs:
        return
    has_object = source.config_map is not None or source.secret is not None
    if source.mount is None and not has_object:
        message = "is missing: name the mounted folder (--mount DIR) or a ConfigMap (--configmap)"
        yield Problem(("source",), message)
    elif source.mount is None and bridge.publish is None and not published:
        message = (
            "is missing: mount the ConfigMap into the sidecar too, or have the sidecar publish it"
        )
        yield Problem(("source", "mount"), message)


def _look_at_api(bridge: BridgeShape) -> Problems:
    if bridge.source.config_map is not None or bridge.source.secret is not None:
        return
    asked = {
        "rollback": bridge.rollback is Rollback.DATA,
        "group": bridge.group is not None,
        "source": bool(bridge.source.items),
        "rollout": bridge.rollout != RolloutShape(),
    }
    changes_strategy = bridge.rollout.strategy is not RolloutShape().strategy
    inner = {"rollout": ("strategy",) if changes_strategy else (), "source": ("items",)}
    for name, holds in asked.items():
        if holds:
            what = "data " if name == "rollback" else ""
            message = f"{what}needs source.configMap (--configmap NS/NAME)"
            yield Problem((name, *inner.get(name, ())), message)


def _look_at_trigger(own: BridgeShape, filled: BridgeShape) -> Problems:
    target, place = filled.target, ("target", "reloadUrl")
    if own.target.trigger == HTTP and own.target.signal is not None:
        yield Problem(("target", "signal"), "contradicts trigger http: leave one of them out")
    if target.trigger != HTTP:
        for name, given in (
            ("reloadUrl", own.target.reload_url),
            ("reloadMethod", own.target.reload_method),
        ):
            if given is not None:
                yield Problem(("target", name), "is for trigger http only")
    elif target.reload_url is None:
        yield Problem(place, "is missing: trigger http needs the address to ask")
    elif "://" not in target.reload_url and filled.confirm.url is None:
        yield Problem(place, "is a path, and there is no confirm.url that it could be beside")


def _look_at_target(bridge: BridgeShape) -> Problems:
    target = bridge.target
    if target.process is None and target.container is None and target.pid is None:
        message = "names no process: give a preset, a container or a process (--process REGEX)"
        yield Problem(("target",), message)


def _look_at_proof(bridge: BridgeShape) -> Problems:
    confirm = bridge.confirm
    if (
        confirm.cache is not None
        and confirm.deadline is not None
        and (confirm.deadline <= confirm.cache)
    ):
        message = "must be longer than cache: the page would still be the old one"
        yield Problem(("confirm", "deadline"), message)
    if choose_groups(bridge) or confirm.evidence == []:
        return
    if confirm.evidence is None:
        message = (
            "is missing, so that nothing would prove a reload: give a preset or evidence, or [] "
            "if every reload may stay Unconfirmed"
        )
        yield Problem(("confirm", "evidence"), message)
    elif confirm.url is None:
        message = "is missing: the evidence is read from there (--metrics-url URL)"
        yield Problem(("confirm", "url"), message)


def _look_at_evidence(own: BridgeShape, filled: BridgeShape) -> Problems:
    """The user's own groups; those of presets are known to be sound."""
    sources: dict[str, EvidenceShape] = {}
    for index, group in enumerate(own.confirm.evidence or ()):
        place = ("confirm", "evidence", index)
        if not any(evidence.role in PROVING for evidence in group):
            roles = ", ".join(sorted(PROVING))
            yield Problem(place, f"cannot prove a reload: add evidence of a role among {roles}")
        for number, evidence in enumerate(group):
            yield from _look_at_one((*place, number), evidence, filled)
            name = evidence.name or name_evidence(evidence)
            known = sources.setdefault(name, evidence)
            if _without_meaning(known) != _without_meaning(evidence):
                message = f"{name!r} already names other evidence: give it another name"
                yield Problem((*place, number, "name"), message)


def _without_meaning(evidence: EvidenceShape) -> dict[str, object]:
    return evidence.model_dump(include={"metric", "labels", "json_field", "path", "page"})


def _look_at_one(
    place: tuple[str | int, ...], evidence: EvidenceShape, filled: BridgeShape
) -> Problems:
    if evidence.role is Role.ANSWER and filled.target.trigger != HTTP:
        yield Problem(place, "is the answer to a reload by HTTP and needs trigger http")
    if needs_url(evidence) and filled.confirm.url is None:
        yield Problem(place, "needs confirm.url (--metrics-url URL) to be read from")


def _look_at_main_file(bridge: BridgeShape) -> Problems:
    if bridge.file is not None:
        return
    message = f"{FILE} needs the bridge's file (--file KEY); or write {{file:KEY}}"
    for index, check in enumerate(bridge.checks or ()):
        if any(FILE in word for word in (*(check.command or ()), *(check.files or ()))):
            yield Problem(("validate", index), message)
    for index, group in enumerate(bridge.confirm.evidence or ()):
        if any(evidence.file == FILE for evidence in group):
            yield Problem(("confirm", "evidence", index), message)


def _look_at_gate(bridge: BridgeShape) -> Problems:
    """Where invalid content is an outage, something must judge it before every signal."""
    harm = {OnInvalid.DIES: "ends", OnInvalid.OUTAGE: "stops serving"}
    on_invalid = bridge.confirm.on_invalid
    if on_invalid not in harm or any(map(_is_gate, bridge.checks or ())):
        return
    message = (
        f"must have a command or schema that is not optional: the daemon {harm[on_invalid]} "
        "when it is told to load invalid content"
    )
    yield Problem(("validate",), message)


def _is_gate(check: CheckShape) -> bool:
    return check.syntax is None and not check.optional


def find_duplicates(bridges: list[BridgeShape], name: Callable[[BridgeShape], str]) -> Problems:
    """Bridges that share what must be their own; paths begin at the list of bridges."""
    firsts: dict[tuple[str, object], int] = {}
    for index, bridge in enumerate(bridges):
        for field, own, say in _list_own(bridge, name(bridge)):
            first = firsts.setdefault((field, own), index)
            if first != index:
                yield Problem((index, field), say(f"bridges[{first}]"))


def _list_own(bridge: BridgeShape, name: str) -> Iterator[tuple[str, object, Callable[[str], str]]]:
    """Field by field what no two bridges share, and what to say of the one that was first."""
    source = bridge.source
    written_on = source.config_map or source.secret
    yield "name", name, lambda first: f"{name!r} is already the name of {first}"
    if bridge.publish is not None:
        yield "publish", bridge.publish, lambda first: f"{first} already writes there"
    if written_on is not None:
        word = (source.secret is None, written_on, bridge.group)
        yield "group", word, lambda first: f"must differ: {first} annotates {written_on} as well"
