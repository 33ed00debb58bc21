"""Chooses the one process that a selector means, or says why there is none.

Pure over a census. The rules come from the process trees that containers really have: shells and
init wrappers around the daemon, masters with workers, exec sessions and probes beside the main
process, processes that the runtime has created but not yet turned into the daemon.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable

from sidecar.core.bridge import Selector
from sidecar.core.errors import SettingsError, TargetError
from sidecar.target.census import Census
from sidecar.target.procfs import Stat
from sidecar.target.refusals import (
    refuse_absent,
    refuse_ambiguous,
    refuse_ended,
    refuse_idle_wrapper,
    refuse_pid,
    refuse_starting,
)

WRAPPERS = frozenset(
    {
        *("sh", "ash", "bash", "busybox", "dash", "ksh", "mksh", "zsh"),
        *("tini", "tini-static", "dumb-init", "docker-init", "catatonit", "pid1"),
        *("supervisord", "s6-svscan", "s6-supervise", "runsvdir", "runsv", "timeout"),
    }
)
"""Programs that run the daemon and are not it: a shell dies of SIGHUP while its daemon lives on."""


def choose(census: Census, selector: Selector) -> Stat:
    """The process that all parts of `selector` mean.

    Raises `TargetError` with what to do, `SettingsError` for a selector that cannot be used.
    """
    pattern = _compile(selector.process)
    if selector.pid is not None:
        return _choose_pid(census, selector, pattern, selector.pid)
    if pattern is not None:
        return _choose_matching(census, selector, pattern)
    if selector.container:
        return _choose_main(census, selector)
    message = "no target is named: give --container NAME, --process REGEX or --pid PID"
    raise SettingsError(message)


def _compile(process: str) -> re.Pattern[str] | None:
    if not process:
        return None
    try:
        return re.compile(process)
    except re.error as error:
        message = f"--process {process!r} is no regular expression: {error}"
        raise SettingsError(message) from error


def _choose_pid(
    census: Census, selector: Selector, pattern: re.Pattern[str] | None, pid: int
) -> Stat:
    """A PID is named by somebody who looked: only the sidecar itself is refused.

    Where sidecar and daemon share a container, this is the way to choose among its processes.
    """
    stat = census.stats.get(pid)
    if stat is None:
        raise refuse_pid(pid, "is not visible: PIDs count as in the sidecar's own PID namespace")
    if pid == census.own_pid:
        raise refuse_pid(pid, "is the sidecar itself: name the daemon's")
    if stat.has_ended:
        raise refuse_ended(census, [stat])
    if stat.is_starting:
        raise refuse_starting(census, [stat])
    if selector.container and census.container(pid).name != selector.container:
        raise refuse_pid(pid, f"is {census.describe(stat)}, not in container {selector.container}")
    if pattern is not None and not census.matches(pid, pattern):
        raise refuse_pid(
            pid, f"is {census.describe(stat)}, which {selector.process!r} does not fit"
        )
    return stat


def _choose_matching(census: Census, selector: Selector, pattern: re.Pattern[str]) -> Stat:
    fitting = [
        stat
        for stat in census.stats.values()
        if not (stat.has_ended or stat.is_starting) and census.matches(stat.pid, pattern)
    ]
    matched = {
        stat.pid: stat
        for stat in fitting
        if not census.is_own(stat.pid) and _is_in(census, stat, selector.container)
    }
    masters = [stat for stat in matched.values() if stat.parent not in matched]
    if len(masters) == 1:
        return masters[0]
    if masters:
        raise refuse_ambiguous(census, selector, masters)
    own = [stat for stat in fitting if census.is_own(stat.pid)]
    raise _explain_absence(census, selector, pattern, own)


def _explain_absence(
    census: Census, selector: Selector, pattern: re.Pattern[str], own: Collection[Stat]
) -> TargetError:
    """Nothing fits: perhaps it is about to start, or has ended and was not reaped.

    A zombie has lost its arguments, so its name is all that is left to go by.
    """
    others = [stat for stat in census.others() if _may_be_in(census, stat, selector.container)]
    ended = [stat for stat in others if stat.has_ended and pattern.fullmatch(stat.comm)]
    if ended:
        return refuse_ended(census, ended)
    starting = [stat for stat in others if stat.is_starting and _is_contained(census, stat)]
    if starting:
        return refuse_starting(census, starting)
    return refuse_absent(census, selector, own)


def _choose_main(census: Census, selector: Selector) -> Stat:
    """The container's main process: the oldest whose parent is outside of the container.

    The parent is outside (PPid 0) for exec sessions and probes too, but those are younger; so are
    orphans, which the pause process adopts.
    """
    members = census.members(selector.container)
    inside = {stat.pid for stat in members}
    roots = [stat for stat in members if stat.parent not in inside]
    alive = [stat for stat in roots if not stat.has_ended]
    if not alive:
        if roots:
            raise refuse_ended(census, roots)
        raise _explain_empty(census, selector)
    main = min(alive, key=lambda stat: (stat.start_ticks, stat.pid))
    if main.is_starting:
        raise refuse_starting(census, [main])
    if not _is_wrapper(census, main):
        return main
    return _descend(census, selector, main, _find_orphans(alive, main))


def _explain_empty(census: Census, selector: Selector) -> TargetError:
    starting = [
        stat for stat in census.others() if stat.is_starting and not census.container(stat.pid).name
    ]
    if starting:
        return refuse_starting(census, starting)
    return refuse_absent(census, selector, ())


def _descend(census: Census, selector: Selector, main: Stat, orphans: Iterable[Stat]) -> Stat:
    """Look through wrappers for the daemon; orphans may be it, if it put itself in the background.

    Refuses rather than guesses: the other child may be a log tail or a second daemon.
    """
    found: dict[int, Stat] = {}
    wrappers = [main]
    for stat in orphans:
        if _is_wrapper(census, stat):
            wrappers.append(stat)
        else:
            found[stat.pid] = stat
    while wrappers:
        for child in census.children(wrappers.pop().pid):
            if child.is_starting:
                continue
            if _is_wrapper(census, child):
                wrappers.append(child)
            else:
                found[child.pid] = child
    if len(found) == 1:
        return next(iter(found.values()))
    if found:
        raise refuse_ambiguous(census, selector, list(found.values()), wrapper=main)
    raise refuse_idle_wrapper(census, main)


def _find_orphans(roots: Iterable[Stat], main: Stat) -> list[Stat]:
    """Roots that were adopted, not started from outside like exec sessions (parent 0)."""
    return [stat for stat in roots if stat is not main and stat.parent != 0]


def _is_wrapper(census: Census, stat: Stat) -> bool:
    """By name or by ``argv[0]``: scripts carry their own name, and their shell as argv[0].

    The executable would lie here: supervisord's is Python.
    """
    argv = census.argv(stat.pid)
    names = {stat.comm}
    if argv:
        names.add(argv[0].rpartition("/")[2].lstrip("-"))
    return not names.isdisjoint(WRAPPERS)


def _is_in(census: Census, stat: Stat, container: str) -> bool:
    return not container or census.container(stat.pid).name == container


def _is_contained(census: Census, stat: Stat) -> bool:
    """Whether a start concerns us: in a pod all do, on a machine those of known containers."""
    return census.in_container or bool(census.container(stat.pid).id)


def _may_be_in(census: Census, stat: Stat, container: str) -> bool:
    """Mounts cannot be read of a zombie, nor are all in place of a process about to start."""
    return not container or census.container(stat.pid).name in {"", container}
