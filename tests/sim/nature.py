"""How the world of one history is: drawn from its seed, and the same for all that follows."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from random import Random

from sidecar.core.bridge import (
    Bridge,
    Mode,
    Noop,
    OnInvalid,
    Policy,
    Proof,
    Rollback,
    Rollout,
    Selector,
    SignalReload,
    Source,
    Strategy,
)
from sidecar.core.evidence import Evidence, Role, Series
from sidecar.testing.cluster import Pace
from sidecar.testing.pod_daemon import Habits
from sidecar.testing.world import Latency

GAUGE = Evidence(name="gauge", role=Role.OK_GAUGE, source=Series(metric="ok"))
TIMESTAMP = Evidence(name="timestamp", role=Role.SUCCESS_TIMESTAMP, source=Series(metric="ts"))
SUCCESSES = Evidence(name="successes", role=Role.SUCCESS_COUNTER, source=Series(metric="good"))
FAILURES = Evidence(name="failures", role=Role.FAILURE_COUNTER, source=Series(metric="bad"))
LIAR = ((SUCCESSES, FAILURES, GAUGE),)
"""A time that moves on failure too is no evidence of such a daemon."""

QUIRKS = (
    *["plain"] * 6,
    "torn",
    "torn",
    "cached",
    "whole seconds",
    "lies",
    "slow",
    "slow start",
    "agrees twice",
)
INVALIDS = (*[OnInvalid.KEEPS] * 5, OnInvalid.DIES, OnInvalid.DIES, OnInvalid.OUTAGE)
NOOPS = (*[Noop.MOVES] * 5, Noop.STAYS, Noop.FAILS)
FORBIDDEN = (*[""] * 20, "keep", "recall", "restore", "write")
DEADLINE_S = 5.0
BRIEF_S = 0.001
"""A daemon that reads its files so soon ends of bad ones before any look can find it."""
UNTOLD = "how often the container has ended may not be read"


@dataclass(frozen=True, slots=True, kw_only=True)
class Nature:
    """What the pods of one history have in common, and `bridges`, which they have in turn."""

    size: int
    quirk: str = "plain"
    bridges: tuple[Bridge, ...]
    habits: Habits = field(default_factory=Habits)
    latency: Latency = field(default_factory=Latency)
    pace: Pace = field(default_factory=Pace)
    shakes_s: float = 0.0
    restart_s: float = 1.0
    forbidden: str = ""
    ends_untold: str = ""

    @property
    def bridge(self) -> Bridge:
        """What most of them are set to."""
        return self.bridges[0]

    @property
    def rollout(self) -> Rollout:
        return self.bridge.policy.rollout

    @property
    def is_published(self) -> bool:
        return self.bridge.source.mode is Mode.PUBLISHED

    @property
    def takes_turns(self) -> bool:
        """Whether one pod of this fleet goes first, and nothing but the API keeps the others."""
        alone = any(b.policy.rollout.patience_s is not None for b in self.bridges)
        each = any(b.policy.rollout.strategy is Strategy.INDEPENDENT for b in self.bridges)
        return not alone and not each and self.forbidden != "write"

    def __str__(self) -> str:
        policy, proof = self.bridge.policy, self.bridge.proof
        rollout = policy.rollout
        words = [
            self.bridge.source.mode.value,
            *(["offered by a folder"] if self.is_published and self.bridge.source.mount else []),
            f"{self.size} pods",
            rollout.strategy.value,
            f"replicas {rollout.replicas}",
            f"takeovers {rollout.takeovers}",
            f"tolerate {rollout.tolerate}",
            f"rollback {policy.rollback.value}",
            f"{proof.on_invalid.value} on invalid",
            f"noop {proof.noop.value}",
            self.quirk,
            *(["mixed settings"] if len(self.bridges) > 1 else []),
            *([f"may not {self.forbidden}"] if self.forbidden else []),
            *(["ends unseen"] if self.habits.start_s == BRIEF_S else []),
            *(["ends untold"] if self.ends_untold else []),
        ]
        return ", ".join(words)


def draw_nature(random: Random, later: Random) -> Nature:
    """A world that a seed stands for.

    What was thought of later is drawn apart, so that older seeds stand for what they stood for.
    """
    size = random.choice((1, 2, 3, 3, 3, 4, 5, 7))
    quirk = random.choice(QUIRKS)
    noop, on_invalid = random.choice(NOOPS), random.choice(INVALIDS)
    published = random.choice((True, False))
    offered = later.choice((True, False, False, False))
    proof = _draw_proof(quirk, noop, on_invalid)
    policy = Policy(
        debounce_s=random.choice((0.0, 1.0)),
        patience_s=20.0,
        rollback=random.choice((Rollback.ANNOTATION, Rollback.ANNOTATION, Rollback.DATA)),
        rollout=_draw_rollout(random, size),
    )
    bridge = Bridge(
        name="test",
        source=Source(
            mount="/config" if not published or offered else "",
            config_map="ns/config",
            mode=Mode.PUBLISHED if published else Mode.MOUNTED,
            publish="/shared" if published else "",
        ),
        checks=(),
        target=Selector(process="daemon"),
        reload=SignalReload(number=1),
        proof=proof,
        policy=policy,
    )
    is_brief = later.choice((True, *[False] * 7))
    ends_untold = later.choice((UNTOLD, *[""] * 3))
    return Nature(
        size=size,
        quirk=quirk,
        bridges=_mix(random, bridge),
        habits=_draw_habits(random, quirk, proof, is_brief=is_brief),
        latency=Latency(
            watch_s=random.choice((0.002, 0.1)),
            validate_s=random.choice((0.01, 0.3)),
            look_s=random.choice((0.003, 0.05)),
            signal_s=random.choice((0.001, 0.05)),
        ),
        pace=Pace(
            watch_s=random.choice((0.005, 0.05, 0.5)),
            call_s=random.choice((0.01, 0.05, 0.4)),
            mount_s=random.choice((5.0, 40.0)),
            behind_s=random.choice((0.0, 0.0, 0.3)),
            coalesces=random.choice((True, False)),
        ),
        shakes_s=random.choice((0.0, 0.0, 0.2)),
        restart_s=random.choice((1.0, 1.0, 8.0)),
        forbidden=random.choice(FORBIDDEN),
        ends_untold=ends_untold,
    )


def _draw_rollout(random: Random, size: int) -> Rollout:
    each = size == 1 or random.choice((*[False] * 11, True))
    return Rollout(
        strategy=Strategy.INDEPENDENT if each else Strategy.CANARY,
        replicas=random.choice((size, size, None)),
        spread_s=random.choice((0.0, 2.0, 10.0)),
        patience_s=random.choice((*[None] * 9, 20.0)),
        tolerate=random.choice((0, 0, 0, 1)),
        takeovers=random.choice((0, 1, 1, 2)),
    )


def _mix(random: Random, bridge: Bridge) -> tuple[Bridge, ...]:
    """Some fleets are in the middle of a change of their settings."""
    if random.choice((True, True, True, True, False)):
        return (bridge,)
    policy = bridge.policy
    rollout = replace(policy.rollout, spread_s=5.0, replicas=None)
    return bridge, replace(bridge, policy=replace(policy, debounce_s=0.5, rollout=rollout))


def _draw_proof(quirk: str, noop: Noop, on_invalid: OnInvalid) -> Proof:
    groups = LIAR if quirk == "lies" else ((GAUGE, TIMESTAMP),)
    if quirk == "whole seconds":
        groups = ((GAUGE, replace(TIMESTAMP, resolution_s=1.0)),)
    return Proof(
        groups=groups,
        deadline_s=DEADLINE_S,
        noop=noop,
        on_invalid=on_invalid,
        cache_s=1.0 if quirk == "cached" else 0.0,
        agree=2 if quirk == "agrees twice" else 1,
    )


def _draw_habits(random: Random, quirk: str, proof: Proof, *, is_brief: bool) -> Habits:
    start_s = BRIEF_S if is_brief else 0.03
    return Habits(
        start_s=3.0 if quirk == "slow start" else start_s,
        read_s=random.choice((0.001, 0.1)),
        work_s=2.5 if quirk == "slow" else random.choice((0.003, 0.5)),
        torn_s=0.05 if quirk == "torn" else 0.0,
        gauge_first=random.choice((True, False)),
        lies=quirk == "lies",
        whole_s=quirk == "whole seconds",
        cache_s=proof.cache_s,
        noop=proof.noop,
        on_invalid=proof.on_invalid,
    )
