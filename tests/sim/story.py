"""One history: how the world is, what people do and what befalls it, all drawn from one seed."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, replace

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
from tests.sim.fleet import Fleet, Nature, Pod
from tests.sim.promises import Looker, Promises

GAUGE = Evidence(name="gauge", role=Role.OK_GAUGE, source=Series(metric="ok"))
TIMESTAMP = Evidence(name="timestamp", role=Role.SUCCESS_TIMESTAMP, source=Series(metric="ts"))
GOOD = ("one", "two", "three", "four")
BAD = ("bad one", "bad two")
SUBTLE = ("bad subtle one", "bad subtle two")
REST_S = 800.0
QUIET_S = 200.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Ending:
    """How a history went."""

    seed: int
    pods: int
    edits: int
    faults: int
    events: int
    broken: tuple[str, ...]
    timeline: tuple[str, ...]


class Story:
    """Draws and runs one history."""

    def __init__(self, seed: int) -> None:
        self.seed = seed
        self.random = random.Random(seed)  # noqa: S311  histories, not secrets
        self.promises = Promises()
        self.nature, self.size = self._draw_nature()
        self.fleet = Fleet(self.nature, hear=self.promises.take_change)
        self.promises.watch(self.fleet)
        self.edits = self.faults = 0

    def run(self) -> Ending:
        fleet = self.fleet
        fleet.note(f"seed {self.seed}: {self.size} pods, {describe(self.nature)}")
        self._edit(GOOD)
        for _ in range(self.size):
            self._add_pod()
        fleet.run_for(self._pick(0.5, 8.0, 30.0))
        for _ in range(self.random.randint(4, 12)):
            self._disturb()
            fleet.run_for(self._pick(0.0, 0.01, 0.1, 0.3, 1.0, 3.0, 12.0, 50.0))
        self._heal()
        fleet.run_for(REST_S)
        self.promises.judge_rest()
        writes = self.promises.writes
        fleet.run_for(QUIET_S)
        if self.promises.writes > writes:
            self.promises.accuse(f"{self.promises.writes - writes} writes at rest")
        return Ending(
            seed=self.seed,
            pods=self.size,
            edits=self.edits,
            faults=self.faults,
            events=fleet.events,
            broken=tuple(self.promises.broken),
            timeline=tuple(fleet.timeline),
        )

    # --- what may happen

    def _disturb(self) -> None:
        moves: list[tuple[int, Callable[[], None]]] = [
            (10, lambda: self._edit(GOOD)),
            (3, lambda: self._edit(BAD)),
            (4, lambda: self._edit(SUBTLE)),
            (4, self._crash_sidecar),
            (3, self._kill_daemon),
            (2, self._lose_api),
            (2, self._lose_answers),
            (1, self._silence),
            (1, self._replace),
            (1, self._recreate),
            (1, self._pause),
            (1, self._ask),
            (2, self._replace_pod),
            (1, self._scale),
        ]
        self.random.choices([do for _, do in moves], [weight for weight, _ in moves])[0]()

    def _edit(self, contents: tuple[str, ...]) -> None:
        self.edits += 1
        self.fleet.edit({"config": self.random.choice(contents).encode()})

    def _crash_sidecar(self) -> None:
        pod = self._pod()
        if pod is not None and pod.sidecar_s is None:
            self.faults += 1
            self.fleet.crash_sidecar(pod, self._pick(0.0, 0.5, 5.0, 40.0))

    def _kill_daemon(self) -> None:
        pod = self._pod()
        if pod is not None:
            self.faults += 1
            self.fleet.kill_daemon(pod)

    def _lose_api(self) -> None:
        if not self.fleet.config.is_away:
            self.faults += 1
            self.fleet.lose_api()
            self.fleet.run_for(self._pick(0.1, 2.0, 30.0))
            self._maybe_edit_alone()
            self.fleet.regain_api()

    def _maybe_edit_alone(self) -> None:
        """Somebody else reached the API meanwhile, before the pods do."""
        if self.random.random() < 0.5:  # noqa: PLR2004
            self._edit(GOOD)

    def _lose_answers(self) -> None:
        self.faults += 1
        self.fleet.note("answers get lost")
        self.fleet.config.loses = self.random.randint(1, 3)

    def _silence(self) -> None:
        pod = self._pod()
        if pod is not None:
            self.faults += 1
            self.fleet.note(f"{pod.name}: the watch falls silent")
            pod.world.cluster.fall_silent()
            self.fleet.run_for(self._pick(1.0, 30.0))
            pod.world.cluster.speak_up()

    def _replace(self) -> None:
        if self.fleet.config.now is not None:
            self.fleet.note("replaced without annotations")
            self.fleet.config.replace({"config": self.random.choice(GOOD).encode()})

    def _recreate(self) -> None:
        if self.fleet.config.now is not None:
            self.fleet.config.delete()
            self.fleet.run_for(self._pick(0.1, 3.0))
        self._edit(GOOD)

    def _pause(self) -> None:
        if self.fleet.config.now is None:
            return
        self.fleet.note("paused")
        self.fleet.config.annotate(paused="true")
        self.fleet.run_for(self._pick(0.1, 2.0, 20.0))
        self._edit(GOOD)
        self.fleet.run_for(self._pick(0.1, 2.0, 20.0))
        self.fleet.note("unpaused")
        self.fleet.config.annotate(paused=None)

    def _ask(self) -> None:
        if self.fleet.config.now is not None:
            self.fleet.note("another try is asked for")
            self.fleet.config.annotate(requested=f"at {self.fleet.now_s}")

    def _replace_pod(self) -> None:
        pod = self._pod()
        if pod is not None:
            self.faults += 1
            self.fleet.remove_pod(pod)
            self._add_pod()

    def _scale(self) -> None:
        if len(self.fleet.pods) > 1:
            self.fleet.remove_pod(self.random.choice(self.fleet.pods))
            self.fleet.run_for(self._pick(0.1, 10.0))
            self._add_pod()

    def _add_pod(self) -> None:
        pod = self.fleet.add_pod()
        pod.world.witness = Looker(self.promises, pod.world)  # type: ignore[assignment]

    def _heal(self) -> None:
        self.fleet.config.loses = 0
        while len(self.fleet.pods) < self.size:
            self._add_pod()

    # --- drawing

    def _pod(self) -> Pod | None:
        return self.random.choice(self.fleet.pods) if self.fleet.pods else None

    def _pick(self, *values: float) -> float:
        return self.random.choice(values) * self.random.uniform(0.5, 1.5)

    def _draw_nature(self) -> tuple[Nature, int]:
        draw = self.random
        size = draw.choice((1, 2, 3, 3, 4, 5))
        noop = draw.choice((Noop.MOVES, Noop.MOVES, Noop.MOVES, Noop.STAYS))
        on_invalid = draw.choice((OnInvalid.KEEPS, OnInvalid.KEEPS, OnInvalid.DIES))
        habits = Habits(
            read_s=draw.choice((0.001, 0.1)),
            work_s=draw.choice((0.003, 0.5)),
            torn_s=draw.choice((0.0, 0.05)),
            gauge_first=draw.random() < 0.5,  # noqa: PLR2004
            noop=noop,
            on_invalid=on_invalid,
        )
        published = draw.random() < 0.5  # noqa: PLR2004
        policy = Policy(
            debounce_s=draw.choice((0.0, 1.0)),
            patience_s=20.0,
            rollback=draw.choice((Rollback.ANNOTATION, Rollback.ANNOTATION, Rollback.DATA)),
            rollout=self._draw_rollout(size),
        )
        bridge = Bridge(
            name="test",
            source=Source(
                mount="" if published else "/config",
                config_map="ns/config",
                mode=Mode.PUBLISHED if published else Mode.MOUNTED,
                publish="/shared" if published else "",
            ),
            checks=(),
            target=Selector(process="daemon"),
            reload=SignalReload(number=1),
            proof=Proof(groups=((GAUGE, TIMESTAMP),), noop=noop, on_invalid=on_invalid),
            policy=policy,
        )
        pace = Pace(
            watch_s=draw.choice((0.005, 0.05, 0.5)),
            call_s=draw.choice((0.01, 0.05, 0.4)),
            mount_s=draw.choice((5.0, 40.0)),
            behind_s=draw.choice((0.0, 0.0, 0.3)),
            coalesces=draw.random() < 0.5,  # noqa: PLR2004
        )
        latency = Latency(
            watch_s=draw.choice((0.002, 0.1)),
            validate_s=draw.choice((0.01, 0.3)),
            look_s=draw.choice((0.003, 0.05)),
        )
        return Nature(bridge=bridge, habits=habits, latency=latency, pace=pace), size

    def _draw_rollout(self, size: int) -> Rollout:
        replicas = self.random.choice((size, size, None))
        rollout = Rollout(replicas=replicas, spread_s=self.random.choice((0.0, 2.0, 10.0)))
        return replace(rollout, strategy=Strategy.INDEPENDENT) if size == 1 else rollout


def describe(nature: Nature) -> str:
    """The nature of the world in a line."""
    policy = nature.bridge.policy
    return (
        f"{nature.bridge.source.mode.value}, {policy.rollout.strategy.value},"
        f" replicas {policy.rollout.replicas}, rollback {policy.rollback.value},"
        f" {nature.bridge.proof.on_invalid.value} on invalid, noop {nature.bridge.proof.noop.value}"
    )
