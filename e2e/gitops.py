"""GitOps without a product: a bare repository, and a loop that applies what is committed to it."""

from __future__ import annotations

import shutil
import subprocess
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from e2e.namespace import Namespace
from e2e.waiting import wait_until

GIT_TIMEOUT_S = 30.0
INTERVAL_S = 1.0
APPLIED_WITHIN_S = 60.0
MANAGER = "gitops"
BRANCH = "main"
IDENTITY = ("-c", "user.name=e2e", "-c", "user.email=e2e@localhost", "-c", "commit.gpgsign=false")


@dataclass(slots=True, kw_only=True)
class Repository:
    """A bare repository with two clones: one to commit from, one that the loop applies `path` of."""

    namespace: Namespace
    path: str
    _applied: str = ""
    _rounds: int = 0
    _errors: list[Exception] = field(default_factory=list)

    @property
    def work(self) -> Path:
        """Where files are changed before `commit`."""
        return self.namespace.folder / "work"

    def commit(self, message: str) -> None:
        """Commit all that was changed, push it, and wait until the loop has applied it."""
        self._git(self.work, "add", "--all")
        self._git(self.work, *IDENTITY, "commit", "--quiet", f"--message={message}")
        self._push()

    def revert(self) -> None:
        """Take the last commit back."""
        self._git(self.work, *IDENTITY, "revert", "--no-edit", "HEAD")
        self._push()

    def wait_rounds(self, count: int) -> None:
        """Wait until the loop has applied the same again, so many times."""
        enough = self._rounds + count
        self._wait(f"{count} rounds of the loop", lambda: self._rounds >= enough)

    def _push(self) -> None:
        self._git(self.work, "push", "--quiet", "origin", f"HEAD:{BRANCH}")
        head = self._git(self.work, "rev-parse", "HEAD")
        self._wait(f"commit {head} in the cluster", lambda: self._applied == head)

    def _wait(self, what: str, look: object) -> None:
        assert callable(look)

        def is_so() -> bool:
            if self._errors:
                raise self._errors[0]
            return bool(look())

        wait_until(what, is_so, within_s=APPLIED_WITHIN_S, shown=lambda: self._applied)

    def _sync(self) -> None:
        """One round, as a deployer does it: fetch, render, apply on the server's side."""
        clone = self.namespace.folder / "deployed"
        self._git(clone, "fetch", "--quiet", "origin")
        self._git(clone, "reset", "--quiet", "--hard", f"origin/{BRANCH}")
        head = self._git(clone, "rev-parse", "HEAD")
        self.namespace.kubectl(
            *("apply", "--server-side", f"--field-manager={MANAGER}"),
            *("--kustomize", str(clone / self.path)),
        )
        self._applied = head
        self._rounds += 1

    def _loop(self, ended: threading.Event) -> None:
        while not ended.wait(INTERVAL_S):
            try:
                self._sync()
            except (AssertionError, subprocess.SubprocessError) as error:
                self._errors.append(error)
                return

    def _git(self, folder: Path, *argv: str) -> str:
        return run_git(folder, argv)


def run_git(folder: Path, argv: Sequence[str]) -> str:
    """What git prints."""
    done = subprocess.run(
        ["git", "-C", str(folder), *argv],
        capture_output=True,
        text=True,
        timeout=GIT_TIMEOUT_S,
        check=False,
    )
    assert done.returncode == 0, f"git {argv}: {done.stderr}"
    return done.stdout.strip()


@contextmanager
def deploying(namespace: Namespace, path: str, content: Path) -> Iterator[Repository]:
    """A repository that begins with the folder `content`, and its loop, which runs until the end."""
    bare = namespace.folder / "bare.git"
    run_git(
        namespace.folder, ["init", "--quiet", "--bare", f"--initial-branch={BRANCH}", str(bare)]
    )
    repository = Repository(namespace=namespace, path=path)
    run_git(namespace.folder, ["clone", "--quiet", str(bare), str(repository.work)])
    run_git(namespace.folder, ["clone", "--quiet", str(bare), "deployed"])
    shutil.copytree(content, repository.work, dirs_exist_ok=True)
    ended = threading.Event()
    # Not before there is something to apply.
    run_git(repository.work, ["add", "--all"])
    run_git(repository.work, [*IDENTITY, "commit", "--quiet", "--message=Begin"])
    run_git(repository.work, ["push", "--quiet", "origin", f"HEAD:{BRANCH}"])
    thread = threading.Thread(target=repository._loop, args=(ended,), name="deployer")
    thread.start()
    try:
        yield repository
    finally:
        ended.set()
        thread.join()
