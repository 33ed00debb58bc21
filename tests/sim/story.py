"""One history: what people do and what befalls the fleet, all drawn from one seed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random

from sidecar.core.attempt import Trigger
from sidecar.core.errors import TargetTrouble
from sidecar.core.state import (
    Claiming,
    Confirming,
    Idle,
    Lingering,
    Phase,
    Publishing,
    Seeking,
    Signalling,
    Validating,
    Waiting,
)
from sidecar.core.table import Transition
from tests.sim.fleet import Fleet, Pod
from tests.sim.nature import Nature, draw_nature
from tests.sim.promises import STRANGER, Looker, Promises

GOOD = ("one", "two", "three", "four")
BAD = ("bad one", "bad two")
SUBTLE = ("bad subtle one", "bad subtle two")
REST_S = 900.0
"""Longer than anything that is waited for: late proof is looked for up to 600 s."""

QUIET_S = 300.0
SEEN_S = 30.0
"""By then each watch has told what there is, also one that waited to begin anew."""

MOMENTS: tuple[type[Phase], ...] = (
    Validating,
    Waiting,
    Publishing,
    Seeking,
    Claiming,
    Signalling,
    Confirming,
    Lingering,
    Idle,
)
MOMENT_WITHIN_S = 60.0
GRACE_S = 2.0
"""A kubelet waits longer than this for a sidecar that was asked to stop."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ending:
    """How a history went."""

    seed: int
    pods: int
    edits: int
    faults: int
    events: int
    broken: tuple[str, ...] = ()
    timeline: tuple[str, ...] = ()
    counts: Counter[Transition] = field(default_factory=Counter)


class Story:
    """Draws and runs one history."""

    def __init__(self, seed: int) -> None:
        self.seed = seed
        self.random = Random(seed)  # noqa: S311  histories, not secrets
        self.later = Random(f"moves {seed}")  # noqa: S311  as nature draws what is later
        self.last = Random(f"backups {seed}")  # noqa: S311
        self.promises = Promises()
        self.nature: Nature = draw_nature(
            self.random,
            Random(f"later {seed}"),  # noqa: S311
        )
        promises = self.promises
        self.fleet = Fleet(self.nature, seed, hear=promises.take_change, listen=promises.listen)
        self.promises.watch(self.fleet)
        self.edits = self.faults = 0
        self._moves: list[tuple[int, Callable[[], None]]] = [
            (10, lambda: self._edit(GOOD)),
            (3, lambda: self._edit(BAD)),
            (4, lambda: self._edit(SUBTLE)),
            (8, self._strike),
            (3, self._crash_sidecar),
            (2, self._kill_daemon),
            (1, self._lose_api),
            (2, self._lose_answers),
            (2, self._partition),
            (1, self._silence),
            (1, self._expire),
            (1, self._scribble),
            (1, self._replace),
            (1, self._recreate),
            (1, self._pause),
            (1, self._ask),
            (1, self._ask_pod),
            (1, self._stop_sidecar),
            (1, self._trouble),
            (2, self._replace_pod),
            (1, self._scale),
        ]

        self._strikes: tuple[Callable[[Pod], None], ...] = (
            self._swap_now,
            self._swap_now,
            self._crash_there,
            self._crash_there,
            self._kill_there,
            self._kill_there,
            self._cut_there,
            self._stop_there,
            self._lose_mount,
            self._ask_there,
            lambda _pod: self._edit(GOOD),
            lambda _pod: self._lose_answers(),
            lambda _pod: self._scribble(),
            lambda _pod: self._pause(),
            lambda _pod: self._ask(),
        )

    def run(self) -> Ending:
        """Play it through; an assertion of the world or the machine is a broken promise too."""
        try:
            self._play()
        except AssertionError as error:
            self.promises.accuse(f"{type(error).__name__}: {error}"[:300])
        fleet = self.fleet
        return Ending(
            seed=self.seed,
            pods=self.nature.size,
            edits=self.edits,
            faults=self.faults,
            events=fleet.events,
            broken=tuple(self.promises.broken),
            timeline=tuple(fleet.timeline) if self.promises.broken else (),
            counts=fleet.transitions.counts,
        )

    def _play(self) -> None:
        fleet = self.fleet
        fleet.note(f"seed {self.seed}: {self.nature}")
        self._edit(GOOD)
        for _ in range(self.nature.size):
            self._add_pod()
        fleet.run_for(self._pick(0.5, 8.0, 30.0))
        for _ in range(self.random.randint(5, 14)):
            self._disturb()
            fleet.run_for(self._pick(0.0, 0.01, 0.1, 0.3, 1.0, 3.0, 12.0, 50.0))
        for move in (self._usurp, self._mute):
            if self.later.choice((True, *[False] * 5)):
                move()
        if self.last.choice((True, *[False] * 5)):
            self._rewind()
        self._heal()
        fleet.run_for(REST_S)
        self.promises.judge_rest()
        self.promises.begin_quiet()
        fleet.run_for(QUIET_S)
        self.promises.judge_quiet()
        if self.later.choice((True, *[False] * 3)):
            self._vanish()
            self.promises.judge_sight()

    def _disturb(self) -> None:
        weights = [weight for weight, _ in self._moves]
        self.promises.take_disturbance()
        self.random.choices(self._moves, weights)[0][1]()
        self.promises.take_disturbance()

    # --- people

    def _edit(self, contents: tuple[str, ...]) -> None:
        self.edits += 1
        self.fleet.edit({"config": self.random.choice(contents).encode()})

    def _scribble(self) -> None:
        """Other programs annotate the object as well."""
        if self.fleet.config.now is not None:
            self.faults += 1
            self.fleet.note("others annotate the object")
            for number in range(self.random.randint(1, 4)):
                if self.fleet.config.now is not None:
                    self.fleet.config.annotate(stranger=f"{self.fleet.now_s} {number}")
                self.fleet.run_for(self._pick(0.0, 0.01, 0.2))

    def _replace(self) -> None:
        if self.fleet.config.now is not None:
            self.edits += 1
            self.fleet.note("replaced without annotations")
            self.fleet.config.replace({"config": self.random.choice(GOOD).encode()})

    def _recreate(self) -> None:
        if self.fleet.config.now is not None:
            self.fleet.config.delete()
            self.fleet.run_for(self._pick(0.1, 3.0))
        self._edit(GOOD)

    def _vanish(self) -> None:
        """The object is deleted for good, about when something is written on it."""
        self.promises.take_disturbance()
        self._edit(GOOD)
        written = self.promises.writes
        self.fleet.run_until(lambda: self.promises.writes > written, within_s=SEEN_S)
        self.fleet.run_for(self._pick(0.0, 0.002, 0.01))
        if self.fleet.config.now is not None:
            self.fleet.config.delete()
        self.fleet.run_for(SEEN_S)

    def _usurp(self) -> None:
        """A second workload's annotations take the place of ours, until it has a group of its own.

        Those that it found stay as they were: a verdict, or a claim that is nobody's now.
        """
        config = self.fleet.config
        if config.now is None:
            return
        self.faults += 1
        self.fleet.note("another workload holds the annotations")
        config.annotate(target=STRANGER, holder="stranger-x2x4z/12345678/1/0")
        self._edit_on()
        self.fleet.note("they are nobody's")
        self.promises.take_reunion()
        if config.now is not None:
            gone = self.later.choice((("target",), ("target", "holder"), tuple(config.now.marks)))
            config.annotate(**dict.fromkeys(gone))
        self._pass_later()

    def _mute(self) -> None:
        """The API server answers no call, though its watches go on: as without etcd."""
        self.faults += 1
        self.fleet.note("calls are not answered")
        self.fleet.config.is_mute = True
        self._edit_on()
        self.fleet.note("calls are answered again")
        self.fleet.config.is_mute = False
        self._pass_later()

    def _rewind(self) -> None:
        """Etcd is restored from a backup, and what was written since never was."""
        self.faults += 1
        self.fleet.note("etcd is backed up")
        backup = self.fleet.config.back_up()
        self._edit_on()
        self.fleet.lose_api()
        self.fleet.note("etcd is restored")
        self.fleet.config.take_over(backup)
        self.fleet.run_for(self.last.choice((0.1, 2.0, 30.0)))
        self.promises.take_rewind()
        self.fleet.regain_api()
        self.fleet.run_for(self.last.choice((0.0, 0.01, 0.3, 5.0)))
        if self.last.choice((True, False)):
            self._edit(GOOD)

    def _edit_on(self) -> None:
        for _ in range(self.later.randint(1, 3)):
            self._edit(self.later.choice((GOOD, GOOD, SUBTLE, BAD)))
            self._pass_later()

    def _pass_later(self) -> None:
        self.promises.take_disturbance()
        self.fleet.run_for(self.later.choice((0.0, 0.3, 5.0, 40.0)))

    def _pause(self) -> None:
        if self.fleet.config.now is None:
            return
        self.fleet.note("paused")
        self.fleet.config.annotate(paused="true")
        self.fleet.run_for(self._pick(0.1, 2.0, 20.0))
        self._edit(self.random.choice((GOOD, GOOD, SUBTLE)))
        self.fleet.run_for(self._pick(0.1, 2.0, 20.0))
        self.fleet.note("unpaused")
        self.fleet.config.annotate(paused=None)

    def _ask(self) -> None:
        if self.fleet.config.now is not None:
            self.fleet.note("another try is asked for")
            self.fleet.config.annotate(requested=f"at {self.fleet.now_s}")

    def _ask_there(self, pod: Pod) -> None:
        trigger = self.random.choice((Trigger.HTTP, Trigger.SIGNAL))
        self.fleet.note(f"{pod.name} is asked for another try by {trigger.value}")
        self.promises.take_wish(pod)
        pod.world.ask(self.edits, trigger)

    def _ask_pod(self) -> None:
        pod = self._pod()
        if pod is not None and pod.world.state is not None:
            self._ask_there(pod)

    def _scale(self) -> None:
        """To fewer pods, or none, and back."""
        fleet, most = self.fleet, len(self.fleet.pods)
        for _ in range(self.random.choice((1, most))):
            if fleet.pods:
                fleet.remove_pod(self.random.choice(fleet.pods))
        fleet.run_for(self._pick(0.1, 10.0))
        if self.random.choice((True, False)):
            self._edit(GOOD)
        while len(fleet.pods) < most:
            self._add_pod()

    # --- fate

    def _strike(self) -> None:
        """Something happens just as some pod is in a phase that it is rarely met in."""
        if self.random.choice((True, True, False)):
            self._edit(self.random.choice((GOOD, GOOD, SUBTLE)))
        moment, struck = self.random.choice(MOMENTS), self.random.choice(self._strikes)
        there: list[Pod] = []

        def is_there() -> bool:
            there[:] = [
                pod
                for pod in self.fleet.pods
                if pod.world.state is not None and isinstance(pod.world.state.phase, moment)
            ]
            return bool(there)

        if self.fleet.run_until(is_there, within_s=MOMENT_WITHIN_S):
            self.fleet.note(f"as {there[0].name} is {moment.__name__}:")
            struck(there[0])

    def _swap_now(self, pod: Pod) -> None:
        """The kubelet brings another edit in the very moment."""
        self._edit(self.random.choice((GOOD, GOOD, SUBTLE, BAD)))
        if self.nature.bridge.source.mount and self.fleet.config.now is not None:
            self.fleet.note(f"{pod.name}: the kubelet swaps that in at once")
            pod.world.mount(self.fleet.config.now.files)

    def _crash_there(self, pod: Pod) -> None:
        self.faults += 1
        self.fleet.crash_sidecar(pod, self._pick(0.0, 0.5, 5.0, 40.0))

    def _crash_sidecar(self) -> None:
        pod = self._pod()
        if pod is not None and pod.sidecar_s is None:
            self._crash_there(pod)

    def _stop_there(self, pod: Pod) -> None:
        self.faults += 1
        self.fleet.note(f"{pod.name}: the sidecar is asked to stop")
        pod.world.stop_sidecar()
        self.fleet.run_for(GRACE_S)
        state = pod.world.state
        if state is not None and not state.stopped:
            self.promises.accuse(f"{pod.name} did not stop within {GRACE_S:g} s")
        if pod in self.fleet.pods:
            self.fleet.crash_sidecar(pod, self._pick(0.5, 20.0))

    def _stop_sidecar(self) -> None:
        pod = self._pod()
        if pod is not None and pod.world.state is not None:
            self._stop_there(pod)

    def _kill_there(self, pod: Pod) -> None:
        self.faults += 1
        self.fleet.kill_daemon(pod)

    def _kill_daemon(self) -> None:
        pod = self._pod()
        if pod is not None:
            self._kill_there(pod)

    def _lose_api(self) -> None:
        self.faults += 1
        self.fleet.lose_api()
        self.fleet.run_for(self._pick(0.1, 2.0, 30.0))
        if self.random.choice((True, False)):
            self._edit(GOOD)  # somebody else reached it before the pods do
        self.fleet.regain_api()

    def _lose_answers(self) -> None:
        self.faults += 1
        self.fleet.note("answers get lost")
        self.fleet.config.loses = self.random.randint(1, 3)

    def _cut_there(self, pod: Pod) -> None:
        self.faults += 1
        self.fleet.note(f"{pod.name} does not reach the API server")
        pod.world.cluster.cut()
        self.fleet.run_for(self._pick(0.1, 2.0, 25.0))
        if self.random.choice((True, False)):
            self._edit(self.random.choice((GOOD, SUBTLE)))
            self.fleet.run_for(self._pick(0.1, 2.0, 25.0))
        self.fleet.note(f"{pod.name} reaches it again")
        pod.world.cluster.mend()

    def _partition(self) -> None:
        pod = self._pod()
        if pod is not None:
            self._cut_there(pod)

    def _silence(self) -> None:
        pod = self._pod()
        if pod is not None:
            self.faults += 1
            self.fleet.note(f"{pod.name}: the watch falls silent")
            pod.world.cluster.fall_silent()
            self.fleet.run_for(self._pick(1.0, 30.0))
            self.fleet.note(f"{pod.name}: the watch speaks again")
            pod.world.cluster.speak_up()

    def _expire(self) -> None:
        self.faults += 1
        self.fleet.note("the watches expire")
        for pod in self.fleet.pods:
            pod.world.cluster.expire()

    def _lose_mount(self, pod: Pod) -> None:
        self.faults += 1
        self.fleet.note(f"{pod.name} cannot read its folder")
        pod.world.lose_mount()
        self.fleet.run_for(self._pick(0.1, 5.0, 30.0))
        self.fleet.note(f"{pod.name} can read it again")
        pod.world.regain_mount()

    def _trouble(self) -> None:
        """A validator, a folder or a kernel refuses for a while."""
        pod = self._pod()
        if pod is None:
            return
        self.faults += 1
        world, what = pod.world, self.random.choice(("validator", "folder", "signal"))
        self.fleet.note(f"{pod.name}: trouble with the {what}")
        if what == "validator":
            world.validator_trouble = "the validator was killed"
        elif what == "folder":
            world.publish_trouble = "the folder is full"
        else:
            world.refusal = TargetTrouble.PERMISSION
        self._edit(GOOD)
        self.fleet.run_for(self._pick(1.0, 20.0))
        self.fleet.note(f"{pod.name}: the {what} works again")
        world.validator_trouble = world.publish_trouble = ""
        world.refusal = None

    def _replace_pod(self) -> None:
        pod = self._pod()
        if pod is not None:
            self.faults += 1
            self.fleet.remove_pod(pod)
            self._add_pod(self.random.choice(("", "", pod.name)))

    def _add_pod(self, name: str = "") -> None:
        pod = self.fleet.add_pod(name)
        pod.world.witness = Looker(self.promises, pod.world)  # type: ignore[assignment]

    def _heal(self) -> None:
        """Everything works again; nobody edits any more."""
        self.fleet.note("all is healed")
        self.fleet.config.loses = 0
        while len(self.fleet.pods) < self.nature.size:
            self._add_pod()

    # --- drawing

    def _pod(self) -> Pod | None:
        return self.random.choice(self.fleet.pods) if self.fleet.pods else None

    def _pick(self, *values: float) -> float:
        return self.random.choice(values) * self.random.uniform(0.5, 1.5)
