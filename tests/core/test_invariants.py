"""The promises of the design, held against random histories in virtual time."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from sidecar.core.attempt import Outcome, Status
from sidecar.core.bridge import Noop, OnInvalid, Policy, Proof
from sidecar.core.content import bears_repeating
from sidecar.core.errors import TargetTrouble
from sidecar.core.machine import wake_at
from sidecar.core.table import TRANSITIONS
from sidecar.core.view import view
from sidecar.testing.pod_daemon import Habits
from sidecar.testing.world import Latency, World
from tests.core.bridges import PROMETHEUS, TIMESTAMP, UNWATCHED, make_world

GOOD = st.sampled_from(["one", "two", "three"])
SUBTLE = st.sampled_from(["bad subtle", "bad subtle two"])
CONTENTS = GOOD | GOOD | SUBTLE | st.sampled_from(["bad", "bad two"])
DELAYS = st.sampled_from([0.0, 0.001, 0.004, 0.012, 0.03, 0.2, 1.0, 4.0, 11.0])
MOMENTS = st.sampled_from([0.0, 0.0005, 0.0015, 0.003, 0.01, 0.04, 0.5])
"""Within a signal, a reload or a look."""
DISTURBANCES = st.sampled_from(
    [
        "kill daemon",
        "crash sidecar",
        "crash sidecar, edit",
        "crash sidecar, edit, kill daemon",
        "crash sidecar, restart daemon on other content",
        "stop sidecar",
        "lose mount",
        "lose mount, edit",
        "break validator",
        "refuse signals",
        "ask",
    ]
)
FATES = st.sampled_from(["edit", "take back", "write again", "swap twice"]) | DISTURBANCES
TICK_S = 0.011
"""The kernel gives no two processes one start tick and PID."""

PROOFS = st.builds(
    replace,
    st.just(PROMETHEUS),
    cache_s=st.sampled_from([0.0, 0.0, 1.0]),
    agree=st.sampled_from([1, 1, 2]),
    noop=st.sampled_from([Noop.MOVES, Noop.MOVES, Noop.FAILS]),
    on_invalid=st.sampled_from(
        [OnInvalid.KEEPS, OnInvalid.KEEPS, OnInvalid.DIES, OnInvalid.OUTAGE]
    ),
)
HABITS = st.builds(
    Habits,
    read_s=st.sampled_from([0.001, 0.001, 0.3]),
    work_s=st.sampled_from([0.003, 0.003, 1.5]),
    torn_s=st.sampled_from([0.0, 0.05]),
    gauge_first=st.booleans(),
    lies=st.booleans(),
    whole_s=st.booleans(),
).filter(lambda habits: not (habits.lies and habits.torn_s))
"""A time that moves on failure too, and later than the rest, is no evidence of the next reload."""

LATENCIES = st.builds(
    Latency,
    watch_s=st.sampled_from([0.002, 0.1, 1.0]),
    look_s=st.sampled_from([0.002, 0.02, 0.3]),
    validate_s=st.sampled_from([0.001, 0.5]),
    signal_s=st.sampled_from([0.002, 0.1]),
)
POLICIES = st.builds(Policy, debounce_s=st.sampled_from([0.0, 1.0, 1.0]), patience_s=st.just(20.0))


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
        first=GOOD | CONTENTS,
        daemon_since_s=st.sampled_from([None, 1.0, 1.0, 0.05]),
    )
    def begin(
        self,
        proof: Proof,
        habits: Habits,
        latency: Latency,
        policy: Policy,
        first: str,
        daemon_since_s: float | None,
    ) -> None:
        if habits.whole_s:
            proof = coarsen(proof)
        self.world = make_world(
            proof, policy=policy, habits=habits, latency=latency, observed=set()
        )
        self.world.edit(first)
        if daemon_since_s is not None:
            self.world.run_for(1)
            self.world.start_daemon()
            self.world.run_for(daemon_since_s)
        self.world.start_sidecar()

    @rule(content=CONTENTS, moment_s=MOMENTS, fate=FATES, other=CONTENTS, then_s=DELAYS)
    def edit_and(self, content: str, moment_s: float, fate: str, other: str, then_s: float) -> None:
        """An edit, and what happens just when the daemon is signalled for it, or just not."""
        before = self.world.mounted.snapshot.files
        self.world.edit(content)
        self.wait_for_a_signal()
        self.world.run_for(moment_s)
        match fate:
            case "edit":
                self.world.edit(other)
            case "take back":
                self.world.edit(before)
            case "write again":
                self.world.edit(content)
            case "swap twice":
                self.world.edit(other)
                self.world.run_for(moment_s)
                self.world.edit(content)
            case _:
                self.disturb(fate, then_s, other)
        self.world.run_for(then_s)

    @rule(fate=DISTURBANCES, for_s=DELAYS, other=CONTENTS, then_s=DELAYS)
    def disturb_and_wait(self, fate: str, for_s: float, other: str, then_s: float) -> None:
        self.disturb(fate, for_s, other)
        self.world.run_for(then_s)

    @rule(one=GOOD | SUBTLE, other=GOOD | SUBTLE)
    def edit_twice_in_peace(self, one: str, other: str) -> None:
        for content in (one, other):
            self.world.edit(content)
            self.world.run_for(11)

    @rule(seconds=DELAYS)
    def wait(self, seconds: float) -> None:
        self.world.run_for(seconds)

    @rule()
    def come_to_rest(self) -> None:
        mend(self.world)
        self.world.run_for(40)
        check_last_edit_is_decided(self.world)

    def wait_for_a_signal(self) -> None:
        signals = len(self.world.signalled)
        self.world.run_until(lambda: len(self.world.signalled) > signals, within_s=12)

    def disturb(self, fate: str, for_s: float, other: str) -> None:
        """Something is wrong for a while."""
        for what in fate.split(", "):
            self.do(what, other)
        self.world.run_for(for_s)
        mend(self.world)

    def do(self, what: str, other: str) -> None:
        world = self.world
        acts: dict[str, Callable[[], object]] = {
            "kill daemon": world.kill_daemon,
            "crash sidecar": world.crash_sidecar,
            "stop sidecar": world.stop_sidecar,
            "lose mount": world.lose_mount,
            "break validator": lambda: setattr(world, "validator_trouble", "no such program"),
            "refuse signals": lambda: setattr(world, "refusal", TargetTrouble.UNHANDLED),
            "ask": lambda: world.ask(request=len(world.effects)),
            "edit": lambda: world.edit(other),
            "restart daemon on other content": lambda: restart_daemon_on(world, other),
        }
        acts[what]()

    @invariant()
    def promises_are_kept(self) -> None:
        assert self.world.broken == []

    @invariant()
    def the_table_is_whole(self) -> None:
        assert self.world.transitions <= TRANSITIONS

    @invariant()
    def waits_are_finite(self) -> None:
        if self.world.state is not None:
            wake_s = wake_at(self.world.state)
            assert wake_s is None or wake_s < self.world.now_s + 3600

    def teardown(self) -> None:
        self.world.run_for(60)
        check_last_edit_is_decided(self.world)
        check_rest_is_quiet(self.world)
        assert self.world.broken == []


def restart_daemon_on(world: World, other: str) -> None:
    before = world.mounted.snapshot.files
    world.edit(other)
    world.kill_daemon()
    world.run_for(TICK_S)
    world.start_daemon()
    world.run_for(1)
    world.edit(before)


def mend(world: World) -> None:
    """Whatever is broken works again."""
    world.validator_trouble, world.refusal = "", None
    world.regain_mount()
    if world.state is None or world.state.stopping_s is not None:
        world.crash_sidecar()
        world.start_sidecar()
    if world.daemon is None:
        world.run_for(TICK_S)
        world.start_daemon()


def check_last_edit_is_decided(world: World) -> None:
    state = world.state
    assert state is not None
    mounted = world.mounted.snapshot
    if world.daemon is not None and world.now_s < world.daemon.process.started_s + 30:
        return  # it may yet fail
    is_decided = state.decided is not None and state.decided.digest == mounted.digest
    assert is_decided or (world.daemon is None and state.blocked), view(state)
    is_good = world.daemon is not None and not world.invalid(mounted)
    if is_good and bears_repeating(world.bridge.proof):
        assert view(state).status is Status.APPLIED, view(state)
    if world.daemon is not None and view(state).status is Status.APPLIED:
        assert world.daemon.process.is_same(state.process)
        assert world.daemon.loaded == mounted.digest


def check_rest_is_quiet(world: World) -> None:
    if world.daemon is None:
        return  # it is waited for
    world.run_for(700)  # lingering has ended
    looks, signals = world.looks, len(world.signalled)
    world.run_for(500)
    assert (world.looks, len(world.signalled)) == (looks, signals)


TestHistory = UNWATCHED(pytest.mark.timeout(600)(History.TestCase))
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
