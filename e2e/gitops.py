"""GitOps without a product: a bare repository, and a loop that applies what is committed to it."""

from __future__ import annotations

import shlex
import shutil
import subprocess
import threading
from collections.abc import Callable, Iterator
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
    """A bare repository and its two clones: to commit from, and to apply `path` of."""

    namespace: Namespace
    path: str
    _applied: str = ""
    _rounds: int = 0
    _errors: list[Exception] = field(default_factory=list)

    @property
    def work(self) -> Path:
        """Where files are changed before `commit`."""
        return self.namespace.folder / "work"

    @property
    def deployed(self) -> Path:
        """What the loop applies."""
        return self.namespace.folder / "deployed"

    def commit(self, message: str) -> None:
        """Commit all that was changed, push it, and wait until the loop has applied it."""
        run_git(self.work, "add", "--all")
        run_git(self.work, *IDENTITY, "commit", "--quiet", f"--message={message}")
        self._push()

    def revert(self) -> None:
        """Take the last commit back."""
        run_git(self.work, *IDENTITY, "revert", "--no-edit", "HEAD")
        self._push()

    def wait_rounds(self, count: int) -> None:
        """Wait until the loop has applied the same again, so many times."""
        enough = self._rounds + count
        self._wait(f"{count} rounds of the loop", lambda: self._rounds >= enough)

    def _push(self) -> None:
        run_git(self.work, "push", "--quiet", "origin", f"HEAD:{BRANCH}")
        head = run_git(self.work, "rev-parse", "HEAD")
        self._wait(f"commit {head} in the cluster", lambda: self._applied == head)

    def _wait(self, what: str, look: Callable[[], bool]) -> None:
        def is_so() -> bool:
            if self._errors:
                raise self._errors[0]
            return look()

        wait_until(what, is_so, within_s=APPLIED_WITHIN_S, shown=lambda: self._applied)

    def _sync(self) -> None:
        """One round, as a deployer does it: fetch, render, apply on the server's side."""
        run_git(self.deployed, "fetch", "--quiet", "origin")
        if not run_git(self.deployed, "branch", "--remotes"):
            return  # nothing was pushed yet
        run_git(self.deployed, "reset", "--quiet", "--hard", f"origin/{BRANCH}")
        head = run_git(self.deployed, "rev-parse", "HEAD")
        self.namespace.kubectl(
            *("apply", "--server-side", f"--field-manager={MANAGER}"),
            *("--kustomize", str(self.deployed / self.path)),
        )
        self._applied = head
        self._rounds += 1

    def run(self, ended: threading.Event) -> None:
        """The loop; an error ends it, and is told to whoever waits."""
        while not ended.wait(INTERVAL_S):
            try:
                self._sync()
            except (AssertionError, subprocess.SubprocessError) as error:
                self._errors.append(error)
                return


def run_git(folder: Path, *argv: str) -> str:
    """What git prints."""
    done = subprocess.run(
        ["git", "-C", str(folder), *argv],
        capture_output=True,
        text=True,
        timeout=GIT_TIMEOUT_S,
        check=False,
    )
    assert done.returncode == 0, f"git {shlex.join(argv)}: {done.stderr}"
    return done.stdout.strip()


@contextmanager
def deploying(namespace: Namespace, path: str, content: Path) -> Iterator[Repository]:
    """A repository that begins with the folder `content`, and its loop, until the end."""
    folder = namespace.folder
    run_git(folder, "init", "--quiet", "--bare", f"--initial-branch={BRANCH}", "bare.git")
    repository = Repository(namespace=namespace, path=path)
    for clone in (repository.work, repository.deployed):
        run_git(folder, "clone", "--quiet", "bare.git", clone.name)
    shutil.copytree(content, repository.work, dirs_exist_ok=True)
    ended = threading.Event()
    thread = threading.Thread(target=repository.run, args=(ended,), name="deployer")
    try:
        thread.start()
        repository.commit("Begin")
        yield repository
    finally:
        ended.set()
        thread.join()
