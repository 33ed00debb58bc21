"""The fleet of `make fleet`, small: its sidecars come up, follow an edit, and refuse a bad one."""

from __future__ import annotations

from pathlib import Path

from bench.fleet.__main__ import Trial, prepare
from bench.fleet.parent import running_fleet
from sidecar.core.snapshot import digest_of
from tests.apiserver.clients import make_admin_client
from tests.apiserver.server import ApiServer

NAMES = ["fleet-0", "fleet-1", "fleet-2"]


def test_a_small_fleet_follows_edits(api_server: ApiServer, tmp_path: Path) -> None:
    ref, door = prepare(api_server, tmp_path, NAMES)
    object_name = f"{ref.namespace}/{ref.name}"
    with running_fleet(NAMES, object_name, door, processes=2, per_second=10, spread_s=1) as fleet:
        assert fleet.wait_proven(digest_of({"config": b"good 0"}), 30) == set()
        trial = Trial(fleet=fleet, server=api_server, admin=make_admin_client(api_server), ref=ref)
        good, bad = trial.measure("good 1"), trial.measure("bad 1")
    assert (good.what, good.lost, good.signalled) == ("good: Applied", 0, 3)
    assert (bad.what, bad.signalled) == ("bad: RolledBack", 1)
