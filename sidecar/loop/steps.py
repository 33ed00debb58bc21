"""The effects that need several adapters at once, composed over their ports.

A look is one instant seen from three sides: the process, its evidence, the generation on disk. A
signal is fenced: the generation is read just before it is sent, and just after.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from sidecar.core.bridge import Bridge, HttpReload, SignalReload
from sidecar.core.effects import Look, Publish, Signal, Validate
from sidecar.core.errors import PublishError, SourceError, SurehupError, TargetError, TargetTrouble
from sidecar.core.events import Looked, Published, Sending, Signalled, Validated
from sidecar.core.evidence import Reading, Sample
from sidecar.core.ports import (
    Cancel,
    Clean,
    Clock,
    FenceMovedError,
    Mount,
    Observer,
    Processes,
    Publisher,
    Validator,
)
from sidecar.core.snapshot import Snapshot
from sidecar.core.verdict import ANSWERED_OK

NOTHING: Mapping[str, Reading] = MappingProxyType({})


def keep(words: Sequence[str], _content: Snapshot) -> Sequence[str]:
    """Change nothing."""
    return words


@dataclass(frozen=True, slots=True, kw_only=True)
class Adapters:
    """What one bridge needs of the world; `mount` is the folder that the daemon reads.

    `clean` is for what a daemon says of its content; not needed where only those listen who may
    read that.
    """

    clock: Clock
    mount: Mount
    validator: Validator
    processes: Processes
    observer: Observer
    publisher: Publisher | None = None
    clean: Clean = keep


Step = Validate | Publish | Look | Signal
Result = Validated | Published | Looked | Signalled


def take_step(step: Step, bridge: Bridge, adapters: Adapters, cancel: Cancel) -> Result:
    """Do one effect that is answered by an event. Bounded in time by its adapters."""
    match step:
        case Validate(effect=effect, candidate=candidate):
            report = adapters.validator.validate(candidate, bridge.checks, cancel)
            return Validated(effect, report)
        case Publish(effect=effect, content=content):
            return publish(effect, content, adapters)
        case Look(effect=effect):
            return Looked(effect, look(bridge, adapters))
        case Signal():
            return send(step, bridge, adapters)


def publish(effect: int, content: Snapshot, adapters: Adapters) -> Published:
    """Write the shared folder and read back what it carries."""
    if adapters.publisher is None:
        msg = "a bridge without a shared folder was to publish"
        raise AssertionError(msg)
    try:
        adapters.publisher.publish(content)
        return Published(effect, adapters.mount.read())
    except (PublishError, SourceError) as error:
        return Published(effect, None, error.message)


def look(bridge: Bridge, adapters: Adapters) -> Sample:
    """Find the process, read its evidence, and make sure that it was the same all along.

    One that ended meanwhile is looked for once more: while a master executes itself anew, one of
    its workers may have been taken for it, and left (seen with HAProxy).
    """
    sample, has_ended = _look_once(bridge, adapters)
    return _look_once(bridge, adapters)[0] if has_ended else sample


def _look_once(bridge: Bridge, adapters: Adapters) -> tuple[Sample, bool]:
    """One look, and whether the process has ended meanwhile."""
    taken_s = adapters.clock.monotonic()
    try:
        process = adapters.processes.find(bridge.target)
    except TargetError as error:
        fence = _read_fence(adapters.mount)
        return Sample(taken_s=taken_s, trouble=error.message, fence=fence, readings=NOTHING), False
    observation = adapters.observer.observe(bridge.proof, process)
    fence = _read_fence(adapters.mount)
    if not adapters.processes.is_alive(process):
        gone = f"process {process.pid} ended while it was looked at"
        return Sample(taken_s=taken_s, trouble=gone, fence=fence, readings=NOTHING), True
    sample = Sample(
        taken_s=taken_s,
        process=process,
        error=observation.error,
        fence=fence,
        readings=observation.readings,
    )
    return sample, False


def send(step: Signal, bridge: Bridge, adapters: Adapters) -> Signalled:
    """Pull the trigger, if the mount still carries what was judged."""
    answer = None
    try:
        match bridge.reload:
            case SignalReload(number=number, sigwait=sigwait):
                adapters.processes.send(
                    step.process,
                    number,
                    sigwait=sigwait,
                    fence=lambda: _read_fence(adapters.mount) == step.fence,
                )
            case HttpReload() as reload:
                answer = _ask_by_http(step, reload, bridge, adapters)
    except FenceMovedError:
        return Signalled(effect=step.effect, sending=Sending.FENCE_MOVED)
    except TargetError as error:
        return Signalled(
            effect=step.effect,
            sending=Sending.REFUSED,
            trouble=error.trouble,
            message=error.message,
        )
    fence = _read_fence(adapters.mount)
    if answer not in {None, ANSWERED_OK}:
        answer = _clean(str(answer), step, bridge, adapters)
    return Signalled(effect=step.effect, sending=Sending.SENT, fence=fence, answer=answer)


def _ask_by_http(
    step: Signal, reload: HttpReload, bridge: Bridge, adapters: Adapters
) -> str | None:
    if not adapters.processes.is_alive(step.process):
        message = f"process {step.process.pid} ended before it was asked to reload"
        raise TargetError(TargetTrouble.GONE, message)
    if _read_fence(adapters.mount) != step.fence:
        raise FenceMovedError
    return adapters.observer.reload(reload, bridge.proof)


def _clean(answer: str, step: Signal, bridge: Bridge, adapters: Adapters) -> str:
    """What a daemon says of its content may quote it, and more people read what we tell."""
    kept_back = "the daemon refused the reload; its words may quote a secret: see its own log"
    if bridge.source.secret is not None:
        return kept_back
    try:
        mounted = adapters.mount.read()
        if mounted.fence != step.fence:
            return kept_back
        return adapters.clean([answer], mounted.snapshot)[0]
    except SurehupError as error:
        return f"{kept_back} ({error.message})"


def _read_fence(mount: Mount) -> str | None:
    """The generation on disk; None while the folder cannot be read, which the watcher tells."""
    try:
        return mount.fence()
    except SourceError:
        return None
