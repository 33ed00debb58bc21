"""Bridges and worlds for tests of the core."""

from __future__ import annotations

from dataclasses import replace

import pytest

from sidecar.core.bridge import Bridge, Policy, Proof, Selector, SignalReload, Source
from sidecar.core.evidence import Evidence, Role, Series
from sidecar.core.table import Transition
from sidecar.testing.pod_daemon import Habits
from sidecar.testing.world import Latency, World

GAUGE = Evidence(name="gauge", role=Role.OK_GAUGE, source=Series(metric="ok"))
TIMESTAMP = Evidence(name="timestamp", role=Role.SUCCESS_TIMESTAMP, source=Series(metric="ts"))
PROMETHEUS = Proof(groups=((GAUGE, TIMESTAMP),))
UNWATCHED = pytest.mark.usefixtures("swift_copies", "untraced")
"""What coverage asks for must not depend on what is drawn, or comes again in other tests."""

OBSERVED: set[Transition] = set()
"""What the machine did in all worlds that were not told to keep it for themselves."""


def make_bridge(proof: Proof = PROMETHEUS, policy: Policy | None = None) -> Bridge:
    return Bridge(
        name="test",
        source=Source(mount="/config"),
        checks=(),
        target=Selector(process="daemon"),
        reload=SignalReload(number=1),
        proof=proof,
        policy=policy or Policy(),
    )


def make_world(
    proof: Proof = PROMETHEUS,
    *,
    policy: Policy | None = None,
    habits: Habits | None = None,
    latency: Latency | None = None,
    observed: set[Transition] | None = None,
) -> World:
    """A world whose daemon has the habits that its proof speaks of."""
    habits = replace(
        habits or Habits(), noop=proof.noop, on_invalid=proof.on_invalid, cache_s=proof.cache_s
    )
    bridge = make_bridge(proof, policy)
    transitions = OBSERVED if observed is None else observed
    return World(
        bridge=bridge, habits=habits, latency=latency or Latency(), transitions=transitions
    )
