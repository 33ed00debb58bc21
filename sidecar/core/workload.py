"""Whose annotations stand on an object: those of one group serve one workload.

A second workload there writes none and heeds none, until it is given a group of its own: a verdict
on another daemon says nothing of its own.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping

from sidecar.core.bridge import Bridge
from sidecar.core.holder import read_holder

TARGET_MAX_BYTES = 120
_HASH_CHARS = 8

_LETTERS = "[bcdfghjklmnpqrstvwxz2456789]"
"""What Kubernetes makes names of (k8s.io/apimachinery/pkg/util/rand)."""

_OF_THE_POD = re.compile(rf"-(?:(?:{_LETTERS}{{6,10}}-)?{_LETTERS}{{5}}|\d+)$")


def name_target(bridge: Bridge) -> str:
    """What `bridge` reloads, as ``CONTAINER/PROCESS/PRESET``: the same in all pods of a workload.

    Where that is long, its end gives way to a hash of the whole.
    """
    target = f"{bridge.target.container}/{bridge.target.process}/{bridge.preset}"
    encoded = target.encode()
    if len(encoded) <= TARGET_MAX_BYTES:
        return target
    mark = f"~{hashlib.sha256(encoded).hexdigest()[:_HASH_CHARS]}"
    return encoded[: TARGET_MAX_BYTES - len(mark)].decode(errors="ignore") + mark


def name_workload(pod: str) -> str:
    """What the pods of one Deployment, StatefulSet, DaemonSet or Job have in common."""
    return _OF_THE_POD.sub("", pod)


def find_stranger(bridge: Bridge, marks: Mapping[str, str]) -> str:
    """What the annotations are about, where that is another workload's; else empty.

    A workload whose own settings changed finds what its earlier pods reloaded, and goes on there.
    """
    target, holder = marks.get("target", ""), read_holder(marks).pod
    if not (target and holder) or target == name_target(bridge):
        return ""
    return "" if name_workload(holder) == name_workload(bridge.pod) else target


def keep_wishes(marks: Mapping[str, str]) -> Mapping[str, str]:
    """Of all that stands there what people say of the object, whatever runs on it.

    Not that another try is asked for: that it was heeded could not be told.
    """
    return {key: marks[key] for key in ("desired", "paused") if key in marks}


def explain_stranger(bridge: Bridge, stranger: str) -> str:
    """What it means that they are, and what to do."""
    name, group = bridge.source.object, bridge.policy.group
    prefix = f"{group}.surehup.dev" if group else "surehup.dev"
    return (
        f"the annotations on {name} are of another workload, which reloads {stranger}: this one"
        f" reloads {name_target(bridge)}, alone, and writes none; give it a group of its own"
        f" (--group NAME), or remove {prefix}/target if there is no other workload"
    )
