"""An etcd that is restored from a backup, as `etcdutl snapshot restore` leaves it: in its past."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from bench.fleet.__main__ import prepare
from bench.fleet.parent import running_fleet
from sidecar.core.snapshot import digest_of
from tests.apiserver.clients import make_admin_client
from tests.apiserver.server import running_server

pytestmark = [pytest.mark.apiserver]


def test_edits_are_seen_after_a_backup_was_restored(tmp_path: Path) -> None:
    names, etcd, backup = ["fleet-0"], tmp_path / "etcd", tmp_path / "backup"
    with running_server(tmp_path) as server:
        ref, door = prepare(server, tmp_path, names)
        server.stop()
        shutil.copytree(etcd, backup)
        server.start()
        name = f"{ref.namespace}/{ref.name}"
        with running_fleet(names, name, door, processes=1, per_second=10, spread_s=0) as fleet:

            def edit(content: str) -> None:
                make_admin_client(server).patch(ref, {"data": {"config": content}})
                assert fleet.wait_proven(digest_of({"config": content.encode()}), 30) == set()

            edit("good 1")
            edit("good 2")
            server.stop()
            shutil.rmtree(etcd)
            backup.rename(etcd)
            server.start()
            assert fleet.wait_proven(digest_of({"config": b"good 0"}), 60) == set()
            edit("good 3")
