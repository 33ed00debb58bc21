"""What the kernel refuses, for real: each in a child with limits or rights of its own."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.watch.ear import run_child

CHILD = """
import json, os, sys, threading
from pathlib import Path
from tests.watch.ear import Ear
from sidecar.testing.kubelet import AtomicWriter
from sidecar.watch.watcher import Pace
folder = Path(sys.argv[1])
pace = Pace(poll_s=0.05, retry_inotify_s=0.2)

def become(uid):
    os.setgroups([]), os.setgid(uid), os.setuid(uid)

def rest():
    threading.Event().wait(0.4)

def follow(limit, give_back):
    "Start while refused; see a change by poll; get inotify back; see a change by it."
    ear = Ear()
    watcher = ear.watcher(folder, pace)
    limit()
    watcher.start()
    ear.until(lambda: ear.told and ear.changes)
    writer.write({"a": "by poll"})
    ear.until_files({"a": b"by poll"})
    rest()
    refused = list(ear.told)
    give_back()
    ear.until(lambda: len(ear.told) > len(refused))
    writer.write({"a": "by inotify"})
    ear.until_files({"a": b"by inotify"})
    assert watcher.stop()
    assert not ear.crashes and not ear.troubles, (ear.crashes, ear.troubles)
    for message in ear.told:
        print(json.dumps(message))
"""

INSTANCES = (
    CHILD
    + """
import ctypes
libc = ctypes.CDLL(None)
become(54321)
writer = AtomicWriter(folder)
writer.write({"a": "first"})
taken = []

def take_all():
    while (fd := libc.inotify_init()) >= 0:
        taken.append(fd)

follow(take_all, lambda: [os.close(fd) for fd in taken])
"""
)

WATCHES = (
    CHILD
    + """
limit = Path("/proc/sys/user/max_inotify_watches")
writer = AtomicWriter(folder)
writer.write({"a": "first"})
follow(lambda: limit.write_text("0"), lambda: limit.write_text("9"))
"""
)

NOT_LISTED = (
    CHILD
    + """
writer = AtomicWriter(folder)
writer.write({"a": "first"})
os.seteuid(65534)

def as_root(act, *args):
    os.seteuid(0)
    act(*args)
    os.seteuid(65534)

write, writer.write = writer.write, lambda files: as_root(write, files)
follow(lambda: as_root(folder.chmod, 0o711), lambda: as_root(folder.chmod, 0o755))
"""
)

CLOSED = (
    CHILD
    + """
writer = AtomicWriter(folder)
writer.write({"a": "first"}, mode=0o600)
become(65534)
ear = Ear()
watcher = ear.watcher(folder, pace)
watcher.start()
ear.until(lambda: ear.troubles)
rest()
assert watcher.stop()
assert not ear.changes and not ear.told, (ear.changes, ear.told)
for error in ear.troubles:
    print(json.dumps([error.trouble, error.message]))
"""
)


def test_used_up_instances_are_told_once_and_retried(open_folder: Path) -> None:
    os.chown(open_folder, 54321, 54321)
    refused, recovered = run_child(INSTANCES, str(open_folder))
    assert "max_user_instances" in str(refused)
    assert "UID 54321" in str(refused)
    assert "looked for each 0.05 s" in str(refused)
    assert recovered == f"Changes of {open_folder} are seen at once again."


def test_used_up_watches_are_told_once_and_retried(open_folder: Path) -> None:
    unshare = shutil.which("unshare")
    assert unshare is not None
    prefix = (unshare, "--user", "--map-root-user")
    if subprocess.run([*prefix, "true"], check=False, timeout=10).returncode != 0:
        pytest.skip("may not make a user namespace here")
    refused, recovered = run_child(WATCHES, str(open_folder), prefix=prefix)
    assert "max_user_watches" in str(refused)
    assert recovered == f"Changes of {open_folder} are seen at once again."


def test_a_folder_that_may_not_be_listed_is_polled(open_folder: Path) -> None:
    refused, recovered = run_child(NOT_LISTED, str(open_folder))
    assert "UID 65534 may not list it" in str(refused)
    assert recovered == f"Changes of {open_folder} are seen at once again."


def test_a_file_that_may_not_be_read_is_told_once(open_folder: Path) -> None:
    (answer,) = run_child(CLOSED, str(open_folder))
    assert isinstance(answer, list)
    assert answer[0] == "unreadable"
    assert f"UID 65534 and GID 65534 may not read {open_folder}/a" in answer[1]
