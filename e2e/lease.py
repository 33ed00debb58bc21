"""Several test runs may share a cluster: what was made for them ends with the last one."""

from __future__ import annotations

import fcntl
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from e2e.cluster import Cluster, end_cluster, find_cache, find_cluster, find_made, find_name, is_up


@contextmanager
def leased(environ: Mapping[str, str], *, keep: bool) -> Iterator[Cluster]:
    """The cluster that the environment asks for; `keep` leaves it to whoever comes next.

    One that was there before any run, or that is given, is never ended.
    """
    if environ.get("KUBECONFIG"):
        yield find_cluster(environ)
        return
    folder = find_cache()
    name = f"{find_made(environ)}-{find_name(environ)}"
    folder.mkdir(parents=True, exist_ok=True)
    only_for_tests = folder / f".{name}.only-for-tests"
    with (folder / f".{name}.users").open("w") as users:
        fcntl.flock(users, fcntl.LOCK_SH)
        if not is_up(environ):
            only_for_tests.touch()
        try:
            yield find_cluster(environ)
        finally:
            if keep:
                only_for_tests.unlink(missing_ok=True)
            if only_for_tests.exists() and _is_alone(users.fileno()):
                end_cluster(environ)
                only_for_tests.unlink()


@contextmanager
def undisturbed(environ: Mapping[str, str], *, alone: bool) -> Iterator[None]:
    """Tests use the cluster side by side, but for one that is `alone`: it waits for all others."""
    folder = find_cache()
    folder.mkdir(parents=True, exist_ok=True)
    name = f"{find_made(environ)}-{find_name(environ)}"
    with (folder / f".{name}.tests").open("w") as tests:
        fcntl.flock(tests, fcntl.LOCK_EX if alone else fcntl.LOCK_SH)
        yield


def _is_alone(users: int) -> bool:
    """Whether no other run uses the cluster; no new one can then, until we let go."""
    try:
        fcntl.flock(users, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
