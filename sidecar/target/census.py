"""Who is there at one instant, and which of them are the sidecar's own.

Between the files of /proc and the choice of a target. The cheap facts of all processes are read at
once; what costs more (titles, containers, programs) when somebody asks for it, once.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import replace

from sidecar.target.procfs import Container, ProcFs, Stat, parse_container


class Census:
    """One look at all visible processes. Raises `OSError` where there is no proc file system.

    Which ones are the sidecar's own depends on where it runs. In a container (its mounts name one
    of a pod, or its cgroup carries a container id) they are those of the same container. Elsewhere
    one cgroup may hold the whole machine and proves nothing, so they are the sidecar itself, its
    ancestors (a shell that carries its command line) and its descendants (validators, which run
    the daemon's program). A process whose mounts name another container is never our own, whatever
    its cgroup: some sandboxes show one cgroup for all.
    """

    def __init__(self, procfs: ProcFs, own_pid: int) -> None:
        self._procfs = procfs
        self._argvs: dict[int, tuple[str, ...]] = {}
        self._containers: dict[int, Container] = {}
        self._names: dict[str, str] = {}
        stats = (procfs.stat(pid) for pid in sorted(procfs.pids()))
        self.stats = {stat.pid: stat for stat in stats if stat is not None}
        self.own_pid = own_pid
        self.own_container = self.container(own_pid)
        self._lineage = self._find_lineage()

    @property
    def in_container(self) -> bool:
        """Whether the sidecar is known to run in a container."""
        return bool(self.own_container.name or self.own_container.id)

    @property
    def is_alone(self) -> bool:
        """Whether the first process of the PID namespace is the sidecar's own: none is shared.

        In a pod that shares it, PID 1 is the pause process, in a container of its own.
        """
        return self.own_pid == 1 or (self.in_container and 1 in self.stats and self.is_own(1))

    def is_own(self, pid: int) -> bool:
        """Whether `pid` belongs to the sidecar and is no target."""
        if pid in self._lineage:
            return True
        if not self.in_container:
            return False
        own, other = self.own_container, self.container(pid)
        return own.key == other.key and other.name in {"", own.name}

    def others(self) -> Iterator[Stat]:
        """All processes that are not the sidecar's own."""
        return (stat for stat in self.stats.values() if not self.is_own(stat.pid))

    def argv(self, pid: int) -> tuple[str, ...]:
        """Arguments or title of `pid`."""
        if pid not in self._argvs:
            self._argvs[pid] = self._procfs.argv(pid)
        return self._argvs[pid]

    def container(self, pid: int) -> Container:
        """The container of `pid`.

        Mount tables are long, so one is read per container, if the cgroup tells containers apart.
        """
        if pid not in self._containers:
            container = parse_container(self._procfs.cgroup(pid))
            if container.id:
                if not self._names.get(container.id):
                    self._names[container.id] = self._procfs.container_name(pid)
                name = self._names[container.id]
            else:
                name = self._procfs.container_name(pid)
            self._containers[pid] = replace(container, name=name)
        return self._containers[pid]

    def matches(self, pid: int, pattern: re.Pattern[str]) -> bool:
        """Whether `pattern` is the whole ``argv[0]`` or executable path, or their base names."""
        argv = self.argv(pid)
        return (bool(argv) and _fits(pattern, argv[0])) or _fits(
            pattern, self._procfs.executable(pid)
        )

    def children(self, pid: int) -> list[Stat]:
        """Its children that have not ended."""
        return [stat for stat in self.stats.values() if stat.parent == pid and not stat.has_ended]

    def members(self, container: str) -> list[Stat]:
        """The processes of all containers of that name, less the sidecar's own."""
        return [stat for stat in self.others() if self.container(stat.pid).name == container]

    def container_names(self) -> list[str]:
        """The names of all containers but the sidecar's own, sorted."""
        return sorted({self.container(stat.pid).name for stat in self.others()} - {""})

    def describe(self, stat: Stat) -> str:
        """A process in a few words for a person: number, title, container."""
        container = self.container(stat.pid).name
        where = f" in container {container}" if container else ""
        return f"{stat.pid} ({brief_title(self.argv(stat.pid)) or stat.comm}{where})"

    def _find_lineage(self) -> frozenset[int]:
        lineage = {self.own_pid}
        pid = self.own_pid
        while (stat := self.stats.get(pid)) is not None and stat.parent not in {0, *lineage}:
            pid = stat.parent
            lineage.add(pid)
        return frozenset(lineage | self._find_descendants())

    def _find_descendants(self) -> set[int]:
        found: set[int] = set()
        generation: Iterable[int] = {self.own_pid}
        while generation:
            parents = set(generation)
            generation = {
                stat.pid
                for stat in self.stats.values()
                if stat.parent in parents and stat.pid not in found
            }
            found.update(generation)
        return found


def brief_title(argv: tuple[str, ...]) -> str:
    """The program and its subject (``python3 app.py``), without options: they may hold secrets."""
    words = argv[:1] if len(argv) > 1 and argv[1].startswith("-") else argv[:2]
    text = "".join(char if char.isprintable() else "?" for char in " ".join(words))
    return text if len(text) <= 80 else f"{text[:79]}…"  # noqa: PLR2004  a line of a terminal


def short_name(argv: tuple[str, ...], comm: str) -> str:
    """What people call it: ``nginx`` for ``nginx: master process /usr/sbin/nginx``."""
    if not argv:
        return comm
    return argv[0].partition(": ")[0].rpartition("/")[2] or comm


def _fits(pattern: re.Pattern[str], path: str) -> bool:
    if not path:
        return False
    return pattern.fullmatch(path) is not None or (
        pattern.fullmatch(path.rpartition("/")[2]) is not None
    )
