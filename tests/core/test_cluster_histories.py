"""The promises of the design, held against random histories of an object, its mount and a pod."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from sidecar.core.bridge import Mode, OnInvalid, Proof, Rollback, Rollout, Source, Strategy
from sidecar.core.content import bears_repeating
from sidecar.core.errors import TargetTrouble
from sidecar.core.machine import wake_at
from sidecar.core.proof import UNREADABLE
from sidecar.core.view import view
from sidecar.testing.cluster import Pace
from sidecar.testing.declaration import Naming
from sidecar.testing.pod_daemon import Habits
from sidecar.testing.world import Latency, World
from tests.core.bridges import PROMETHEUS, UNWATCHED
from tests.core.clusters import MOUNTED, PUBLISHED, files, make_cluster, mark

GOOD = st.sampled_from(["one", "two", "three"])
CONTENTS = GOOD | GOOD | st.sampled_from(["bad subtle", "bad subtle two", "bad"])
DELAYS = st.sampled_from([0.0, 0.004, 0.011, 0.03, 0.2, 1.0, 4.0, 20.0])
MOMENTS = st.sampled_from([0.0, 0.0005, 0.003, 0.0105, 0.04, 0.5])
HAPPENINGS = st.sampled_from(
    [
        "edit",
        "take back",
        "replace",
        "strip",
        "annotate",
        "recreate",
        "delete",
        "pause",
        "request",
        "ask",
        "go away",
        "fall silent",
        "lose an answer",
        "forbid writing",
        "forbid keeping",
        "waste nudges",
        "break publishing",
        "break validator",
        "refuse signals",
        "kill daemon",
        "crash",
        "recreate the pod",
        "stop",
        "tamper",
        "lose mount",
        "storm",
    ]
)
FATES = st.lists(HAPPENINGS, min_size=1, max_size=3)
FINAL = {"Applied", "Rejected", "RolledBack", "Failed", "Unconfirmed"}
TICK_S = 0.011

PROOFS = st.builds(
    replace,
    st.just(PROMETHEUS),
    on_invalid=st.sampled_from([OnInvalid.KEEPS, OnInvalid.KEEPS, OnInvalid.DIES]),
)
HABITS = st.builds(
    Habits,
    read_s=st.sampled_from([0.001, 0.3]),
    work_s=st.sampled_from([0.003, 1.5]),
    torn_s=st.sampled_from([0.0, 0.05]),
    lies=st.booleans(),
).filter(lambda habits: not (habits.lies and habits.torn_s))
"""A time that moves on failure too, and later than the rest, is no evidence of the next reload."""

LATENCIES = st.builds(
    Latency,
    watch_s=st.sampled_from([0.002, 0.1, 1.0]),
    look_s=st.sampled_from([0.002, 0.3]),
    validate_s=st.sampled_from([0.001, 0.5]),
    signal_s=st.sampled_from([0.002, 0.1]),
    publish_s=st.sampled_from([0.002, 0.1]),
)
PACES = st.builds(
    Pace,
    watch_s=st.sampled_from([0.005, 0.1, 1.0]),
    call_s=st.sampled_from([0.02, 0.3, 1.5]),
    behind_s=st.sampled_from([0.0, 0.5]),
    coalesces=st.booleans(),
)
ROLLOUTS = st.sampled_from(
    [Rollout(replicas=1), Rollout(strategy=Strategy.INDEPENDENT), Rollout(), Rollout(patience_s=5)]
)
NAMINGS = st.sampled_from(
    [
        Naming(),
        Naming(items=(("config", "config"),)),
        Naming(salt="theirs", own_salt="ours"),
    ]
)


class ClusterHistory(RuleBasedStateMachine):
    """People edit, annotate and delete, the API goes away, daemons restart, sidecars crash."""

    @initialize(
        source=st.sampled_from([MOUNTED, PUBLISHED]),
        rollback=st.sampled_from(Rollback),
        rollout=ROLLOUTS,
        naming=NAMINGS,
        proof=PROOFS,
        habits=HABITS,
        latency=LATENCIES,
        pace=PACES,
        first=GOOD | CONTENTS,
        daemon_first=st.booleans(),
    )
    def begin(  # noqa: PLR0913, PLR0917  what histories vary
        self,
        source: Source,
        rollback: Rollback,
        rollout: Rollout,
        naming: Naming,
        proof: Proof,
        habits: Habits,
        latency: Latency,
        pace: Pace,
        first: str,
        *,
        daemon_first: bool,
    ) -> None:
        self.count = 0
        self.world = world = make_cluster(
            source,
            rollback=rollback,
            rollout=rollout,
            naming=naming,
            proof=proof,
            habits=habits,
            latency=latency,
            pace=pace,
            observed=set(),
        )
        world.config.create(files(first))
        world.mount(files(first))
        world.run_for(1)
        if daemon_first:
            world.start_daemon()
            world.run_for(1)
        world.start_sidecar()

    @rule(content=CONTENTS, moment_s=MOMENTS, fate=FATES, other=CONTENTS, then_s=DELAYS)
    def edit_and(
        self, content: str, moment_s: float, fate: list[str], other: str, then_s: float
    ) -> None:
        """An edit, and what happens just when the daemon is signalled for it, or just not."""
        self.edit(content)
        signals = len(self.world.signalled)
        self.world.run_until(lambda: len(self.world.signalled) > signals, within_s=6)
        self.world.run_for(moment_s)
        self.disturb(fate, then_s, other)

    @rule(content=CONTENTS, for_s=DELAYS, fate=FATES, other=CONTENTS, then_s=DELAYS)
    def edit_and_soon(
        self, content: str, for_s: float, fate: list[str], other: str, then_s: float
    ) -> None:
        self.edit(content)
        self.world.run_for(for_s)
        self.disturb(fate, then_s, other)

    @rule(fate=FATES, for_s=DELAYS, other=CONTENTS, then_s=DELAYS)
    def disturb_and_wait(self, fate: list[str], for_s: float, other: str, then_s: float) -> None:
        self.disturb(fate, for_s, other)
        self.world.run_for(then_s)

    @rule(seconds=DELAYS)
    def wait(self, seconds: float) -> None:
        self.world.run_for(seconds)

    @rule()
    def come_to_rest(self) -> None:
        come_to_rest(self.world)

    def edit(self, content: str) -> None:
        """The object may be gone."""
        if self.world.config.now is not None:
            self.world.config.edit(files(content))
        else:
            self.world.config.create(files(content))

    def disturb(self, fate: list[str], for_s: float, other: str) -> None:
        """Some things happen, or are wrong for a while."""
        for what in fate:
            self.do(what, other)
        self.world.run_for(for_s)
        mend(self.world)

    def do(self, what: str, other: str) -> None:
        world, config, self.count = self.world, self.world.config, self.count + 1
        now = config.now
        acts: dict[str, Callable[[], object]] = {
            "edit": lambda: self.edit(other),
            "take back": lambda: self.edit("one"),
            "recreate": lambda: recreate(world, other),
            "ask": lambda: world.ask(request=self.count),
            "go away": world.cluster.go_away,
            "fall silent": world.cluster.fall_silent,
            "lose an answer": lambda: setattr(config, "loses", 1),
            "forbid writing": lambda: config.forbidden.add("write"),
            "forbid keeping": lambda: config.forbidden.add("keep"),
            "waste nudges": lambda: setattr(world.cluster, "wasted", 2),
            "break publishing": lambda: setattr(world, "publish_trouble", "no space"),
            "break validator": lambda: setattr(world, "validator_trouble", "no such program"),
            "refuse signals": lambda: setattr(world, "refusal", TargetTrouble.UNHANDLED),
            "kill daemon": world.kill_daemon,
            "crash": world.crash_sidecar,
            "stop": world.stop_sidecar,
            "lose mount": world.lose_mount,
            "recreate the pod": world.recreate_pod,
            "tamper": lambda: tamper(world, other),
        }
        if now is not None:
            acts |= {
                "replace": lambda: config.replace(files(other)),
                "strip": lambda: config.replace(now.files),
                "annotate": lambda: config.annotate(stranger=str(self.count)),
                "delete": config.delete,
                "pause": lambda: config.annotate(paused="true"),
                "request": lambda: config.annotate(requested=str(self.count)),
                "storm": lambda: storm(world),
            }
        acts.get(what, lambda: None)()

    @invariant()
    def promises_are_kept(self) -> None:
        assert self.world.broken == []

    @invariant()
    def waits_are_finite(self) -> None:
        if self.world.state is not None:
            wake_s = wake_at(self.world.state)
            assert wake_s is None or wake_s < self.world.now_s + 3600

    def teardown(self) -> None:
        come_to_rest(self.world)
        check_rest_is_quiet(self.world)
        assert self.world.broken == []


def tamper(world: World, other: str) -> None:
    """Somebody else writes the shared folder; of a mount only the kubelet does."""
    if world.bridge.source.mode is Mode.PUBLISHED:
        world.edit(other)


def recreate(world: World, other: str) -> None:
    """Deleted and created again, before anybody may have seen that it was gone."""
    if world.config.now is not None:
        world.config.delete()
    world.config.create(files(other))


def storm(world: World) -> None:
    for number in range(20):
        if world.config.now is not None:
            world.config.annotate(stranger=f"storm {number}")
        world.run_for(0.05)


def mend(world: World) -> None:
    """Whatever is broken works again."""
    world.validator_trouble, world.publish_trouble, world.refusal = "", "", None
    world.config.forbidden.clear()
    world.config.loses = world.cluster.wasted = 0
    if world.config.is_away:
        world.cluster.come_back()
    if world.cluster.is_silent:
        world.cluster.speak_up()
    if world.config.now is None:
        world.config.create(files("one"))
    world.config.annotate(paused=None)
    world.regain_mount()
    if world.state is None or world.state.stopping_s is not None:
        world.crash_sidecar()
        world.start_sidecar()
    if world.daemon is None:
        world.run_for(TICK_S)
        world.start_daemon()


def come_to_rest(world: World) -> None:
    """All is well for as long as anything waits; a container that ended is started again."""
    mend(world)
    for _ in range(20):
        world.run_for(10)
        if world.daemon is None:
            world.start_daemon()
    world.run_for(10)
    check_object_is_decided(world)
    check_files_are_good(world)


def check_object_is_decided(world: World) -> None:
    state, config = world.state, world.config
    assert state is not None
    declared = config.declare()
    assert declared is not None
    shown = view(state)
    if world.daemon is None and mark(world, "status") == "Pending":
        assert shown.blocked, shown
        return
    assert state.decided is not None, shown
    assert state.decided.digest == declared.content.digest, shown
    assert mark(world, "status") in FINAL, (declared.marks, shown)
    assert mark(world, "observed") == declared.digest, (declared.marks, shown)
    if mark(world, "status") == "Applied" and world.daemon is not None:
        assert world.daemon.loaded == declared.content.digest, shown
        assert world.mounted.snapshot.digest == declared.content.digest
    good = not world.invalid(declared.content) and world.daemon is not None
    undone = state.api is not None and state.api.restored == declared.digest
    unreadable = UNREADABLE in (mark(world, "message") or "")
    if good and not undone and not unreadable and bears_repeating(world.bridge.proof):
        assert mark(world, "status") == "Applied", (declared.marks, shown)


def check_files_are_good(world: World) -> None:
    """A daemon that starts now comes up, where the sidecar writes the files and may go back.

    Not told from one that was never started: a daemon that ends between two looks for it.
    """
    state = world.state
    assert state is not None
    if world.daemon is None and mark(world, "status") == "Pending":
        return
    if world.bridge.source.mode is Mode.PUBLISHED and world.bridge.policy.rollback is not (
        Rollback.NONE
    ):
        assert state.good is None or not world.invalid(world.mounted.snapshot), view(state)


def check_rest_is_quiet(world: World) -> None:
    if world.daemon is None:
        return  # it is waited for
    world.run_for(700)  # lingering has ended
    before = (world.looks, len(world.signalled), world.config.writes, len(world.cluster.nudges))
    world.run_for(500)
    after = (world.looks, len(world.signalled), world.config.writes, len(world.cluster.nudges))
    assert before == after


TestClusterHistory = UNWATCHED(pytest.mark.timeout(600)(ClusterHistory.TestCase))
TestClusterHistory.settings = settings(stateful_step_count=15)
