"""Why no process can be signalled, in sentences for the person at 3 a.m.

One function a trouble, so that the same trouble reads the same from every command. Each names what
was looked for, what was seen instead, and the flag or field that resolves it.
"""

from __future__ import annotations

import signal as signals
from collections.abc import Collection, Sequence

from sidecar.core.bridge import Selector
from sidecar.core.errors import TargetError, TargetTrouble
from sidecar.target.census import Census
from sidecar.target.procfs import Stat, Status

MOST_LISTED = 10

SHARE_FIX = "set shareProcessNamespace: true in the pod's spec (pod template of the workload)"


def refuse_absent(census: Census, selector: Selector, own: Collection[Stat]) -> TargetError:
    """Nothing fits. `own` are the sidecar's own processes that would fit."""
    wanted = name_wanted(selector)
    if census.is_alone:
        why = (
            "only the sidecar's own processes can be seen, because "
            f"the pod does not share its PID namespace: {SHARE_FIX}"
        )
    elif selector.container and selector.container == census.own_container.name:
        why = "that is the sidecar's own container: name the daemon's, or give --pid PID"
    elif own:
        why = (
            f"only the sidecar's own fit ({_list(census, list(own))}), and those are never "
            "signalled by pattern: give --pid PID if one of them is meant"
        )
    else:
        why = f"{_name_seen(census)}; {_advise_absent(selector)}"
    return TargetError(TargetTrouble.ABSENT, f"no process fits {wanted}: {why}")


def refuse_pid(pid: int, why: str) -> TargetError:
    """The PID that was given is not, or not what it should be."""
    return TargetError(TargetTrouble.ABSENT, f"process {pid} {why}")


def refuse_ambiguous(
    census: Census, selector: Selector, found: Sequence[Stat], wrapper: Stat | None = None
) -> TargetError:
    """Several fit; `wrapper` runs them all, if so."""
    names = {census.container(stat.pid).name for stat in found} - {""}
    flags = ["--process REGEX" if not selector.process else "a narrower --process REGEX"]
    flags.append("--pid PID")
    if not selector.container and len(names) > 1:
        flags.insert(0, "--container NAME")
    what = f"{len(found)} processes fit {name_wanted(selector)}"
    if wrapper is not None:
        what = f"{census.describe(wrapper)} runs {len(found)} processes"
    choice = f"{', '.join(flags[:-1])} or {flags[-1]}"
    return TargetError(
        TargetTrouble.AMBIGUOUS, f"{what}: {_list(census, found)}; say which one with {choice}"
    )


def refuse_idle_wrapper(census: Census, wrapper: Stat) -> TargetError:
    """A container's main process is a shell or init that runs nothing now."""
    return TargetError(
        TargetTrouble.ABSENT,
        f"{census.describe(wrapper)} only starts other programs and none is running: wait for "
        "the daemon, or name it with --process REGEX if this is it",
    )


def refuse_ended(census: Census, ended: Sequence[Stat]) -> TargetError:
    """All that is left are zombies."""
    return TargetError(
        TargetTrouble.ZOMBIE,
        f"the process has ended and waits for its parent to collect it: {_list(census, ended)}; "
        "the container is restarting, or its main process does not collect its children",
    )


def refuse_starting(census: Census, starting: Sequence[Stat]) -> TargetError:
    """The runtime has forked but not yet executed the daemon."""
    return TargetError(
        TargetTrouble.STARTING,
        f"the container runtime is still starting the process ({_list(census, starting)}): "
        "it is looked for again",
    )


def refuse_gone(pid: int) -> TargetError:
    """It ended, or its PID names another process now."""
    return TargetError(
        TargetTrouble.GONE, f"process {pid} ended before it could be signalled; nothing was sent"
    )


def refuse_unheld(pid: int, reason: str) -> TargetError:
    """The kernel gives no handle on the process."""
    return TargetError(
        TargetTrouble.PERMISSION,
        f"the kernel gives no handle on process {pid} ({reason}): signals are only sent by pidfd, "
        "which needs Linux 5.3 and a seccomp profile that allows pidfd_open and pidfd_send_signal",
    )


def refuse_unpermitted(pid: int, name: str, *, target: Status, own_uid: int) -> TargetError:
    """The kernel refuses the signal (EPERM): the UIDs differ, or a security module forbids it.

    The sender's real or effective UID must be the target's real or saved one; the GID never
    matters, and added capabilities do not reach a user other than root in Kubernetes.
    """
    if own_uid in {target.real_uid, target.saved_uid}:
        why = (
            f"although both run as UID {own_uid}: AppArmor or SELinux forbids it, so give both "
            "containers the same appArmorProfile and seLinuxOptions"
        )
    else:
        why = (
            f"because it runs as UID {target.real_uid} and surehup as UID {own_uid}: set "
            f"securityContext.runAsUser: {target.real_uid} for the sidecar's container "
            "(capabilities.add: [KILL] does not help a user other than root)"
        )
    return TargetError(
        TargetTrouble.PERMISSION, f"the kernel refuses signals to process {pid} ({name}) {why}"
    )


def refuse_ignored(pid: int, name: str, number: int) -> TargetError:
    """It was started with the signal ignored, as nohup does."""
    signal = name_signal(number)
    return TargetError(
        TargetTrouble.IGNORED,
        f"process {pid} ({name}) ignores {signal}, so it would not reload: start it without nohup "
        f"or trap '' {signal}, or choose the signal that it reloads on",
    )


def refuse_unhandled(pid: int, name: str, number: int) -> TargetError:
    """It has no handler: the signal would end it."""
    signal = name_signal(number)
    return TargetError(
        TargetTrouble.UNHANDLED,
        f"process {pid} ({name}) has no handler for {signal}, which would end it: it is still "
        "starting, runs without the option that enables reloads, or is the wrong process",
    )


def name_signal(number: int) -> str:
    """``SIGHUP`` for 1."""
    try:
        return signals.Signals(number).name
    except ValueError:
        return f"signal {number}"


def name_wanted(selector: Selector) -> str:
    """What a selector looks for, in the words of the command line."""
    parts = []
    if selector.process:
        parts.append(f"--process {selector.process!r}")
    if selector.container:
        parts.append(f"--container {selector.container}")
    return " ".join(parts)


def _name_seen(census: Census) -> str:
    """Without a count, which would make another message at each look of a busy pod."""
    names = census.container_names()
    return "other processes can be seen" + (f", in containers {', '.join(names)}" if names else "")


def _advise_absent(selector: Selector) -> str:
    if not selector.process:
        return "check the container's name, and that the container runs"
    return (
        "the pattern must fit the whole executable path, the whole argv[0] or their base names; "
        "surehup find --verbose shows them"
    )


def _list(census: Census, stats: Sequence[Stat]) -> str:
    shown = [census.describe(stat) for stat in stats[:MOST_LISTED]]
    if len(stats) > MOST_LISTED:
        shown.append(f"and {len(stats) - MOST_LISTED} more")
    return ", ".join(shown)
