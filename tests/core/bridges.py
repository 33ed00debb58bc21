"""Bridges for tests of the core."""

from __future__ import annotations

from sidecar.core.bridge import Bridge, Policy, Proof, Selector, SignalReload, Source
from sidecar.core.evidence import Evidence, Role, Series

GAUGE = Evidence(name="gauge", role=Role.OK_GAUGE, source=Series(metric="ok"))
TIMESTAMP = Evidence(name="timestamp", role=Role.SUCCESS_TIMESTAMP, source=Series(metric="ts"))


def make_bridge(proof: Proof | None = None, policy: Policy | None = None) -> Bridge:
    return Bridge(
        name="test",
        source=Source(mount="/config"),
        checks=(),
        target=Selector(process="daemon"),
        reload=SignalReload(number=1),
        proof=proof or Proof(groups=((GAUGE, TIMESTAMP),)),
        policy=policy or Policy(),
    )
