"""The promises of the design, held against random histories in virtual time."""

from __future__ import annotations

import pytest
from bridges import GAUGE, TIMESTAMP, make_bridge
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from sidecar.core.attempt import Outcome, Status
from sidecar.core.bridge import OnInvalid, Policy, Proof
from sidecar.core.effects import Look
from sidecar.core.machine import wake_at
from sidecar.core.view import view
from sidecar.testing.world import Latency, World

CONTENTS = st.sampled_from(["one", "two", "three", "bad", "bad two", "bad subtle", "bad subtle two"])
DELAYS = st.sampled_from([0.0, 0.001, 0.004, 0.012, 0.03, 0.2, 1.0, 4.0, 11.0])


class History(RuleBasedStateMachine):
    """People edit, daemons restart, sidecars crash, at any moment."""

    @initialize(
        dies=st.booleans(),
        cache_s=st.sampled_from([0.0, 0.0, 1.0]),
        look_s=st.sampled_from([0.001, 0.02, 0.3]),
        validate_s=st.sampled_from([0.001, 0.5]),
        daemon_first=st.booleans(),
    )
    def begin(
        self, dies: bool, cache_s: float, look_s: float, validate_s: float, daemon_first: bool
    ) -> None:
        on_invalid = OnInvalid.DIES if dies else OnInvalid.KEEPS
        proof = Proof(groups=((GAUGE, TIMESTAMP),), cache_s=cache_s, on_invalid=on_invalid)
        bridge = make_bridge(proof, Policy(patience_s=20.0))
        self.world = World(bridge=bridge, latency=Latency(look_s=look_s, validate_s=validate_s))
        self.world.edit({"config": b"one"})
        if daemon_first:
            self.world.run_for(1)
            self.world.start_daemon()
        self.world.start_sidecar()

    @rule(content=CONTENTS)
    def edit(self, content: str) -> None:
        self.world.edit({"config": content.encode()})

    @rule(seconds=DELAYS)
    def wait(self, seconds: float) -> None:
        self.world.run_for(seconds)

    @precondition(lambda self: self.world.daemon is not None)
    @rule()
    def kill_daemon(self) -> None:
        self.world.kill_daemon()

    @precondition(lambda self: self.world.daemon is None)
    @rule()
    def start_daemon(self) -> None:
        self.world.run_for(0.011)  # the kernel gives no two processes one start tick and PID
        self.world.start_daemon()

    @rule(after_s=st.sampled_from([0.0, 0.005, 0.05]))
    def crash_sidecar(self, after_s: float) -> None:
        self.world.crash_sidecar()
        self.world.run_for(after_s)
        self.world.start_sidecar()

    @rule()
    def ask(self) -> None:
        self.world.ask()

    @invariant()
    def claims_are_true(self) -> None:
        assert self.world.false_claims == []

    @invariant()
    def no_signal_is_blind(self) -> None:
        assert self.world.blind_signals == []

    @invariant()
    def waits_are_finite(self) -> None:
        if self.world.state is not None:
            wake_s = wake_at(self.world.state)
            assert wake_s is None or wake_s < self.world.now_s + 3600

    def teardown(self) -> None:
        world = self.world
        if world.daemon is None:
            world.run_for(0.011)
            world.start_daemon()
        world.run_for(30)
        self.check_last_edit_is_decided()
        self.check_rest_is_quiet()

    def check_last_edit_is_decided(self) -> None:
        state = self.world.state
        assert state is not None
        decided = state.decided
        is_decided = decided is not None and decided.digest == self.world.mounted.snapshot.digest
        assert is_decided or state.blocked, view(state)

    def check_rest_is_quiet(self) -> None:
        world = self.world
        world.run_for(700)  # lingering has ended
        state = world.state
        assert state is not None
        if world.daemon is not None and view(state).status is Status.APPLIED:
            assert world.daemon.loaded == world.mounted.snapshot.digest
        before = sum(isinstance(effect, Look) for effect in world.effects_done)
        signals = len(world.signalled)
        world.run_for(500)
        assert len(world.signalled) == signals
        if world.daemon is not None:
            assert sum(isinstance(effect, Look) for effect in world.effects_done) == before


TestHistory = pytest.mark.timeout(240)(History.TestCase)
TestHistory.settings = settings(
    max_examples=300,
    stateful_step_count=30,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)


def test_content_that_failed_is_not_signalled_again_by_itself() -> None:
    world = World(bridge=make_bridge())
    world.edit({"config": b"one"})
    world.run_for(1)
    world.start_daemon()
    world.start_sidecar()
    world.run_for(3)
    world.edit({"config": b"bad subtle"})
    world.run_for(900)
    assert [record.outcome for record in world.records] == [Outcome.APPLIED, Outcome.FAILED]
    assert len(world.signalled) == 1
    world.ask(request=7)
    world.run_for(10)
    assert len(world.signalled) == 2
    assert [answer.reply.value for answer in world.answers] == ["unconfirmed"]
