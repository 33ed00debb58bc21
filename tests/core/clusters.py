"""Worlds whose bridge names an object in the API, and what tests say of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from sidecar.core.attempt import Status
from sidecar.core.bridge import Mode, Policy, Proof, Rollback, Rollout, Source
from sidecar.core.effects import Effect, Milestone
from sidecar.core.state import Phase, State
from sidecar.core.table import Transition
from sidecar.core.view import view
from sidecar.testing.cluster import Pace
from sidecar.testing.declaration import Naming
from sidecar.testing.pod_daemon import Habits
from sidecar.testing.world import Latency, World
from tests.core.bridges import OBSERVED, PROMETHEUS, make_bridge

ALONE = Rollout(replicas=1)
POD = "web-1"
MOUNTED = Source(mount="/config", config_map="shop/web")
PUBLISHED = Source(mount="", config_map="shop/web", mode=Mode.PUBLISHED, publish="/shared")
OFFERED = Source(mount="/config", mode=Mode.PUBLISHED, publish="/shared")


def make_cluster(  # noqa: PLR0913  what tests vary
    source: Source = MOUNTED,
    *,
    proof: Proof = PROMETHEUS,
    rollback: Rollback = Rollback.ANNOTATION,
    rollout: Rollout = ALONE,
    naming: Naming | None = None,
    pace: Pace | None = None,
    habits: Habits | None = None,
    latency: Latency | None = None,
    debounce_s: float = 1.0,
    observed: set[Transition] | None = None,
) -> World:
    naming = naming or Naming()
    source = replace(source, items=naming.items)
    policy = Policy(debounce_s=debounce_s, rollback=rollback, rollout=rollout)
    bridge = replace(make_bridge(proof, policy), source=source, pod=POD)
    habits = habits or Habits()
    habits = replace(habits, noop=proof.noop, on_invalid=proof.on_invalid, cache_s=proof.cache_s)
    return World(
        bridge=bridge,
        naming=naming,
        pace=pace or Pace(),
        habits=habits,
        latency=latency or Latency(),
        transitions=OBSERVED if observed is None else observed,
    )


def files(content: str | Mapping[str, str]) -> dict[str, bytes]:
    """Text: of one file."""
    texts = {"config": content} if isinstance(content, str) else content
    return {key: text.encode() for key, text in texts.items()}


def edit(world: World, content: str | Mapping[str, str]) -> str:
    """Somebody edits the object; its digest."""
    world.config.edit(files(content))
    return world.config.digest


def run_in_cluster(world: World, content: str | Mapping[str, str] = "one") -> World:
    """An object that is mounted, a daemon that started with it, and a sidecar that said so."""
    world.config.create(files(content))
    world.mount(world.naming.project(files(content)))
    world.run_for(1)
    if world.bridge.source.mode is Mode.MOUNTED:
        world.start_daemon()
    world.start_sidecar()
    world.run_for(1)
    if world.daemon is None:
        world.start_daemon()
    world.run_for(5)
    assert mark(world, "status") == "Applied", view(state_of(world))
    assert mark(world, "active") == world.config.digest
    assert world.signalled == []
    forget(world)
    return world


def forget(world: World) -> None:
    """What follows is counted anew."""
    world.notes.clear()
    world.records.clear()
    world.effects.clear()
    world.cluster.nudges.clear()
    world.config.writes = world.config.conflicts = 0
    world.config.told.clear()


def mark(world: World, key: str) -> str | None:
    """An annotation on the object."""
    return world.config.there.marks.get(key)


def marks(world: World, *keys: str) -> tuple[str | None, ...]:
    return tuple(mark(world, key) for key in keys)


def state_of(world: World) -> State:
    assert world.state is not None
    return world.state


def status(world: World) -> Status:
    return view(state_of(world)).status


def outcomes(world: World) -> list[str]:
    return [record.outcome.value for record in world.records]


def milestones(world: World) -> list[Milestone]:
    return [note.milestone for note in world.notes]


def count(world: World, kind: type[Effect]) -> int:
    return sum(isinstance(effect, kind) for effect in world.effects)


def reach(world: World, phase: type[Phase], *, within_s: float = 60) -> None:
    """Go on until the machine is in `phase`."""
    assert world.run_until(lambda: isinstance(state_of(world).phase, phase), within_s=within_s)


def loaded(world: World) -> str | None:
    """The digest of what the daemon runs, as mounted."""
    assert world.daemon is not None
    return world.daemon.loaded


def digest_of_mounted(world: World, content: str | Mapping[str, str]) -> str:
    return world.naming.name_mounted(world.naming.project(files(content))).digest


def runs(world: World, content: str | Mapping[str, str]) -> bool:
    """Whether the daemon runs `content` of the object."""
    return loaded(world) == digest_of_mounted(world, content)


def settle(world: World, *, within_s: float = 120) -> World:
    """Let everything come to rest; no promise was broken, and then nothing is written any more."""
    world.run_for(within_s)
    writes = world.config.writes
    world.run_for(30)
    assert world.config.writes == writes
    assert world.broken == []
    return world
