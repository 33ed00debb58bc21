"""Several folders as one source, on real files with the real watcher."""

from __future__ import annotations

import queue
from pathlib import Path

import pytest

from sidecar.core.errors import SourceError
from sidecar.core.snapshot import Mounted, digest_of
from sidecar.testing.kubelet import AtomicWriter
from sidecar.watch.joined import JoinedFolders
from sidecar.watch.mount import MountedFolder
from sidecar.watch.watcher import MountWatcher, Pace

WAIT_S = 10.0


@pytest.fixture
def volumes(tmp_path: Path) -> tuple[AtomicWriter, AtomicWriter, JoinedFolders]:
    main, tls = tmp_path / "main", tmp_path / "tls"
    for folder in (main, tls):
        folder.mkdir()
    writers = AtomicWriter(main), AtomicWriter(tls)
    writers[0].write({"nginx.conf": b"one"})
    writers[1].write({"tls.crt": b"cert one", "tls.key": b"key one"})
    joined = JoinedFolders(MountedFolder(str(main)), {"etc-tls/": MountedFolder(str(tls))})
    return (*writers, joined)


def test_the_files_of_all_folders_are_one_content(
    volumes: tuple[AtomicWriter, AtomicWriter, JoinedFolders],
) -> None:
    main, tls, joined = volumes
    first = joined.read()
    files = {"nginx.conf": b"one", "etc-tls/tls.crt": b"cert one", "etc-tls/tls.key": b"key one"}
    assert first.snapshot.files == files
    assert first.snapshot.digest == digest_of(files)
    assert joined.fence() == first.fence
    tls.write({"tls.crt": b"cert two", "tls.key": b"key two"})
    assert joined.fence() != first.fence
    second = joined.read()
    assert second.snapshot.files["etc-tls/tls.crt"] == b"cert two"
    assert second.since_s > first.since_s
    main.write({"nginx.conf": b"two"})
    assert joined.read().snapshot.files["nginx.conf"] == b"two"
    assert joined.read_others() == {"etc-tls/tls.crt": b"cert two", "etc-tls/tls.key": b"key two"}


@pytest.mark.usefixtures("volumes")
def test_a_missing_companion_is_a_trouble_with_its_name(tmp_path: Path) -> None:
    joined = JoinedFolders(
        MountedFolder(str(tmp_path / "main")), {"x/": MountedFolder(str(tmp_path / "none"))}
    )
    with pytest.raises(SourceError, match="none"):
        joined.read()
    assert joined.read_others() == {}


def test_changes_that_belong_together_are_one(
    volumes: tuple[AtomicWriter, AtomicWriter, JoinedFolders],
) -> None:
    main, tls, joined = volumes
    heard: queue.SimpleQueue[Mounted] = queue.SimpleQueue()
    troubles: list[BaseException] = []
    watcher = MountWatcher(
        joined,
        on_change=heard.put,
        on_trouble=troubles.append,
        on_crash=troubles.append,
        tell=lambda _: None,
        pace=Pace(poll_s=0.1, quiet_s=0.3, quiet_most_s=3.0),
    )
    watcher.start()
    try:
        assert heard.get(timeout=WAIT_S).snapshot.files["nginx.conf"] == b"one"
        tls.write({"tls.crt": b"cert two", "tls.key": b"key two"})
        main.write({"nginx.conf": b"two"})
        both = heard.get(timeout=WAIT_S).snapshot.files
    finally:
        watcher.stop()
    assert (both["nginx.conf"], both["etc-tls/tls.crt"]) == (b"two", b"cert two")
    assert heard.empty()
    assert troubles == []
