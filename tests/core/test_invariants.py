"""The promises of the design, held against random histories in virtual time."""

from __future__ import annotations

from dataclasses import replace

import pytest
from bridges import PROMETHEUS, TIMESTAMP, make_world
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from sidecar.core.attempt import Outcome, Status
from sidecar.core.bridge import Noop, OnInvalid, Policy, Proof
from sidecar.core.content import bears_repeating
from sidecar.core.errors import TargetTrouble
from sidecar.core.machine import wake_at
from sidecar.core.view import view
from sidecar.testing.pod_daemon import Habits
from sidecar.testing.world import Latency, World

CONTENTS = st.sampled_from(
    ["one", "two", "one", "two", "three", "bad", "bad two", "bad subtle", "bad subtle two"]
)
DELAYS = st.sampled_from([0.0, 0.001, 0.004, 0.012, 0.03, 0.2, 1.0, 4.0, 11.0])
TICK_S = 0.011
"""The kernel gives no two processes one start tick and PID."""

PROOFS = st.builds(
    replace,
    st.just(PROMETHEUS),
    cache_s=st.sampled_from([0.0, 0.0, 1.0]),
    agree=st.sampled_from([1, 1, 2]),
    noop=st.sampled_from([Noop.MOVES, Noop.MOVES, Noop.FAILS]),
    on_invalid=st.sampled_from([OnInvalid.KEEPS, OnInvalid.KEEPS, OnInvalid.DIES, OnInvalid.OUTAGE]),
)
HABITS = st.builds(
    Habits,
    read_s=st.sampled_from([0.001, 0.001, 0.3]),
    work_s=st.sampled_from([0.003, 0.003, 1.5]),
    torn_s=st.sampled_from([0.0, 0.05]),
    gauge_first=st.booleans(),
    lies=st.booleans(),
    whole_s=st.booleans(),
)
LATENCIES = st.builds(
    Latency,
    watch_s=st.sampled_from([0.002, 0.1, 1.0]),
    look_s=st.sampled_from([0.002, 0.02, 0.3]),
    validate_s=st.sampled_from([0.001, 0.5]),
    signal_s=st.sampled_from([0.002, 0.1]),
)
POLICIES = st.builds(
    Policy, debounce_s=st.sampled_from([0.0, 1.0, 1.0]), patience_s=st.just(20.0)
)


def coarsen(proof: Proof) -> Proof:
    """The same evidence of a daemon that shows whole seconds."""
    groups = tuple(
        tuple(replace(e, resolution_s=1.0) if e == TIMESTAMP else e for e in group)
        for group in proof.groups
    )
    return replace(proof, groups=groups)


class History(RuleBasedStateMachine):
    """People edit, daemons restart, sidecars crash, at any moment."""

    @initialize(
        proof=PROOFS,
        habits=HABITS,
        latency=LATENCIES,
        policy=POLICIES,
        first=CONTENTS,
        daemon_first=st.booleans(),
    )
    def begin(
        self,
        proof: Proof,
        habits: Habits,
        latency: Latency,
        policy: Policy,
        first: str,
        daemon_first: bool,
    ) -> None:
        if habits.whole_s:
            proof = coarsen(proof)
        self.world = make_world(proof, policy=policy, habits=habits, latency=latency)
        self.world.edit(first)
        if daemon_first:
            self.world.run_for(1)
            self.world.start_daemon()
        self.world.start_sidecar()

    @rule(content=CONTENTS)
    def edit(self, content: str) -> None:
        self.world.edit(content)

    @rule()
    def write_the_same_again(self) -> None:
        self.world.edit(self.world.mounted.snapshot.files)

    @rule(seconds=DELAYS)
    def wait(self, seconds: float) -> None:
        self.world.run_for(seconds)

    @rule()
    def wait_for_a_signal(self) -> None:
        signals = len(self.world.signalled)
        self.world.run_until(lambda: len(self.world.signalled) > signals, within_s=3)

    @precondition(lambda self: self.world.daemon is not None)
    @rule()
    def kill_daemon(self) -> None:
        self.world.kill_daemon()

    @precondition(lambda self: self.world.daemon is None)
    @rule()
    def start_daemon(self) -> None:
        self.world.run_for(TICK_S)
        self.world.start_daemon()

    @rule()
    def crash_sidecar(self) -> None:
        self.world.crash_sidecar()

    @precondition(lambda self: self.world.state is None or self.world.state.stopped)
    @rule()
    def start_sidecar(self) -> None:
        self.world.start_sidecar()

    @rule()
    def stop_sidecar(self) -> None:
        self.world.stop_sidecar()

    @rule()
    def ask(self) -> None:
        self.world.ask(request=len(self.world.effects))

    @rule()
    def lose_mount(self) -> None:
        self.world.lose_mount()

    @rule()
    def regain_mount(self) -> None:
        self.world.regain_mount()

    @rule(trouble=st.sampled_from(["", "", "no such program"]))
    def break_or_mend_validator(self, trouble: str) -> None:
        self.world.validator_trouble = trouble

    @rule(refusal=st.sampled_from([None, None, TargetTrouble.PERMISSION, TargetTrouble.UNHANDLED]))
    def refuse_signals(self, refusal: TargetTrouble | None) -> None:
        self.world.refusal = refusal

    @invariant()
    def promises_are_kept(self) -> None:
        assert self.world.broken == []

    @invariant()
    def waits_are_finite(self) -> None:
        if self.world.state is not None:
            wake_s = wake_at(self.world.state)
            assert wake_s is None or wake_s < self.world.now_s + 3600

    def teardown(self) -> None:
        settle(self.world)
        self.world.run_for(120)
        check_last_edit_is_decided(self.world)
        check_rest_is_quiet(self.world)
        assert self.world.broken == []


def settle(world: World) -> None:
    """Whatever was broken is mended."""
    world.validator_trouble, world.refusal = "", None
    world.regain_mount()
    if world.state is None or world.state.stopped or world.state.stopping_s is not None:
        world.crash_sidecar()
        world.start_sidecar()
    if world.daemon is None:
        world.run_for(TICK_S)
        world.start_daemon()


def check_last_edit_is_decided(world: World) -> None:
    state = world.state
    assert state is not None
    mounted = world.mounted.snapshot
    is_decided = state.decided is not None and state.decided.digest == mounted.digest
    assert is_decided or (world.daemon is None and state.blocked), view(state)
    if not world.invalid(mounted) and bears_repeating(world.bridge.proof):
        assert view(state).status is Status.APPLIED, view(state)
    if world.daemon is not None and view(state).status is Status.APPLIED:
        assert world.daemon.process.is_same(state.process)


def check_rest_is_quiet(world: World) -> None:
    world.run_for(700)  # lingering has ended
    state = world.state
    assert state is not None
    if world.daemon is not None and view(state).status is Status.APPLIED:
        assert world.daemon.loaded == world.mounted.snapshot.digest
    looks, signals = world.looks, len(world.signalled)
    world.run_for(500)
    assert len(world.signalled) == signals
    if world.daemon is not None:
        assert world.looks == looks


TestHistory = pytest.mark.timeout(600)(History.TestCase)
TestHistory.settings = settings(stateful_step_count=30)


def test_content_that_failed_is_not_signalled_again_by_itself() -> None:
    world = make_world()
    world.edit("one")
    world.run_for(1)
    world.start_daemon()
    world.start_sidecar()
    world.run_for(3)
    world.edit("bad subtle")
    world.run_for(900)
    assert [record.outcome for record in world.records] == [Outcome.APPLIED, Outcome.FAILED]
    assert len(world.signalled) == 1
    world.ask(request=7)
    world.run_for(10)
    assert len(world.signalled) == 2
    assert [answer.reply.value for answer in world.answers] == ["unconfirmed"]
