"""Several pods of one workload in virtual time, around one object: each is a `World` of its own.

The pods share nothing but the object. Their events happen in the order of virtual time, so that a
history repeats exactly.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from random import Random

from sidecar.testing.declaration import FakeConfig, Files, Stored
from sidecar.testing.world import MOST_AT_ONCE, World
from tests.sim.coverage import Counted
from tests.sim.nature import Nature

START_S = 0.5
"""A kubelet mounts a new pod's volumes well before it starts its containers."""

NEVER_S = float("inf")

MOST_EVENTS = 200_000
"""A history has some hundreds."""


@dataclass(kw_only=True)
class Pod:
    """One pod: its world, and when its containers are next started.

    `due_s` and `starts_s`: when something happens next, and when a container is started next. They
    hold until the world is stirred: one pod of many is, at each event.
    """

    name: str
    world: World
    sidecar_s: float | None = None
    daemon_s: float | None = 0.0
    heard: int = 0
    due_s: float = NEVER_S
    starts_s: float = NEVER_S


class Fleet:
    """Runs pods until they are told to stop.

    `hear` hears of every change of the object, `listen` of every pod after each of its events.
    """

    def __init__(
        self,
        nature: Nature,
        seed: int,
        *,
        hear: Callable[[Stored | None, Stored | None, str], None],
        listen: Callable[[Pod], None],
    ) -> None:
        self.nature = nature
        self._listen = listen
        self.now_s = 100.0
        self.pods: list[Pod] = []
        self.events = 0
        self.writer = ""
        self.timeline: list[str] = []
        self.transitions = Counted()
        self._random = Random(seed)  # noqa: S311  histories, not secrets
        self._hear = hear
        self._made = 0
        self.config = FakeConfig(hear=self._hear_change)
        if nature.forbidden:
            self.config.forbidden.add(nature.forbidden)

    # --- what people and fate do

    def note(self, line: str) -> None:
        self.timeline.append(f"{self.now_s:10.3f} {line}")

    def add_pod(self, name: str = "") -> Pod:
        """A new pod, of a name of its own or that of one that is gone."""
        nature, number = self.nature, self._made
        self._made += 1
        name = name or f"pod-{self._made}"
        world = World(
            bridge=replace(nature.bridges[number % len(nature.bridges)], pod=name),
            habits=nature.habits,
            latency=nature.latency,
            pace=nature.pace,
            now_s=self.now_s,
            transitions=self.transitions,
            shared=self.config,
            ends_untold=nature.ends_untold,
        )
        world.cluster.shake = lambda: self._random.uniform(0, nature.shakes_s)
        pod = Pod(name=name, world=world, daemon_s=self.now_s + START_S)
        self.pods.append(pod)
        if self.config.now is not None and nature.bridge.source.mount:
            world.mount(self.config.now.files)
        world.start_sidecar()
        self.note(f"{name} comes up")
        return pod

    def remove_pod(self, pod: Pod) -> None:
        self.note(f"{pod.name} is deleted")
        self._listen(pod)
        pod.world.crash_sidecar()
        self.pods.remove(pod)

    def crash_sidecar(self, pod: Pod, for_s: float) -> None:
        self.note(f"{pod.name}: the sidecar is killed")
        pod.world.crash_sidecar()
        pod.sidecar_s = self.now_s + for_s

    def kill_daemon(self, pod: Pod) -> None:
        self.note(f"{pod.name}: the daemon is killed")
        pod.world.kill_daemon()

    def lose_api(self) -> None:
        self.note("the API server goes away")
        for pod in self.pods:
            pod.world.cluster.go_away()
        self.config.is_away = True

    def regain_api(self) -> None:
        self.note("the API server is back")
        self.config.is_away = False
        for pod in self.pods:
            pod.world.cluster.come_back()

    def edit(self, files: Files) -> None:
        text = b" ".join(files.values()).decode()
        if self.config.now is None:
            self.note(f"created: {text}")
            self.config.create(files)
        else:
            self.note(f"edited: {text}")
            self.config.edit(files)

    # --- virtual time

    def run_for(self, seconds: float) -> None:
        self.run_until(lambda: False, within_s=seconds)

    def run_until(self, reached: Callable[[], bool], *, within_s: float) -> bool:
        end_s, stuck = self.now_s + within_s, 0
        while not reached():
            due_s, starts_s, pod = end_s, end_s, None
            for each in self.pods:
                if each.world.stirred or each.starts_s <= self.now_s:
                    self._plan(each)
                if each.starts_s < starts_s:  # noqa: PLR1730  a call would cost what all else here does
                    starts_s = each.starts_s
                if each.due_s < due_s:
                    due_s, pod = each.due_s, each
            if pod is None or starts_s <= due_s:
                self._set_time(min(starts_s, due_s))
                if self.now_s >= end_s:
                    return reached()
                continue
            stuck = 0 if due_s > self.now_s else stuck + 1
            if stuck > MOST_AT_ONCE:
                msg = f"{MOST_AT_ONCE} events at {self.now_s} s do not move {pod.name}"
                raise AssertionError(msg)
            self._set_time(max(due_s, self.now_s))
            self.writer = pod.name
            pod.world.take_next()
            self.writer = ""
            self._listen(pod)
            self.events += 1
            if self.events > MOST_EVENTS:
                msg = f"{MOST_EVENTS} events do not bring the pods to rest"
                raise AssertionError(msg)
        return True

    def _set_time(self, now_s: float) -> None:
        if now_s == self.now_s:
            return
        self.now_s = now_s
        for pod in self.pods:
            pod.world.now_s = now_s

    def _plan(self, pod: Pod) -> None:
        pod.world.stirred = False
        self._start_what_is_due(pod)
        pod.starts_s = _find_start(pod)
        due_s = pod.world.next_due()
        pod.due_s = NEVER_S if due_s is None else due_s

    def _start_what_is_due(self, pod: Pod) -> None:
        world = pod.world
        if pod.sidecar_s is not None and pod.sidecar_s <= self.now_s:
            pod.sidecar_s = None
            self.note(f"{pod.name}: the sidecar starts again")
            world.start_sidecar()
        if world.daemon is not None:
            pod.daemon_s = None
        elif pod.daemon_s is None:
            pod.daemon_s = self.now_s + self.nature.restart_s
        elif pod.daemon_s <= self.now_s:
            pod.daemon_s = self.now_s + self.nature.restart_s
            if world.has_files:
                world.start_daemon()

    def _hear_change(self, before: Stored | None, after: Stored | None, who: str) -> None:
        self._hear(before, after, self.writer if who == "sidecar" else who)
        edited = before is None or after is None or before.files != after.files
        for pod in self.pods:
            if edited:
                pod.world.forget_refusals()
            pod.world.cluster.notice(before, after)


def _find_start(pod: Pod) -> float:
    """When a container of it is started next."""
    sidecar_s = NEVER_S if pod.sidecar_s is None else pod.sidecar_s
    if pod.world.daemon is not None or pod.daemon_s is None:
        return sidecar_s
    return min(sidecar_s, pod.daemon_s)
