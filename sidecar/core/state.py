"""The state of one bridge: three small states side by side, and the attempt that joins them.

*Content*: what the API declares, what the mount carries, and what was decided of it. *Process*:
what the daemon was last given. *Attempt* and its phase: the candidate on its way.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from sidecar.core.attempt import AttemptRecord, Outcome, Trigger
from sidecar.core.bridge import Bridge
from sidecar.core.debounce import Debounce
from sidecar.core.declared import ApiSide
from sidecar.core.evidence import Baseline, Process, Sample
from sidecar.core.report import Finding, Report
from sidecar.core.snapshot import Mounted, Snapshot
from sidecar.core.verdict import Predictions

ATTEMPTS_KEPT = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """The last word on one content. It is not tried again until it changes or a person asks.

    `aside`: what else is to be said, as that a process runs the content although it was rejected.
    `lost`: what was to come back after it did not. `tried`: the process was seen to be given it.
    `adopted`: it is the word of another pod.
    """

    digest: str
    outcome: Outcome
    message: str
    findings: tuple[Finding, ...] = ()
    aside: str = ""
    lost: bool = False
    tried: bool = True
    adopted: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Loaded:
    """What one process was last given: by its start, or by our signal.

    `proven`: its own evidence showed that it runs it. `before`: the look from before the signal; as
    long as nothing has moved since, the process may still be busy with it. `kept`: what it was
    proven to run before, if this is refused.
    """

    process: Process
    digest: str
    proven: bool
    signalled_s: float | None = None
    before: Baseline | None = None
    kept: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Crashes:
    """Ends of the daemon's container since the candidate was there for it to read.

    `base` is the first count that was told, `ends` how many came since, `last` how it ended last.
    `counting` is the effect under way, `ask_s` when it is asked for again after `tries`. `unknown`
    says why nobody can tell.
    """

    base: int | None = None
    ends: int = 0
    last: str = ""
    unknown: str = ""
    counting: int | None = None
    ask_s: float = float("-inf")
    tries: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """One candidate on its way. `resumed`: begun by a sidecar that is no more.

    `beside`: not the newest content, but what the daemon reads meanwhile, or is to read again; its
    end leaves the decision on the newest as it is. `repairs`: the latter, so that it is signalled.
    `nonce` names its claim on the object, made at `claimed_s` as the one numbered `tries` for this
    content, in place of the turn `outdone`. Since `held_s` it waits for the API. `ends` counts ends
    of processes that were seen, `crashes` those of a container in which none was. `given`: a
    sidecar before gave it to a process.
    """

    candidate: Mounted
    trigger: Trigger
    started_s: float
    predictions: Predictions = field(default_factory=dict)
    report: Report | None = None
    asked: bool = False
    signalled: bool = False
    resumed: bool = False
    beside: bool = False
    repairs: bool = False
    nonce: str = ""
    tries: int = 1
    claimed_s: float = float("-inf")
    outdone: tuple[str, ...] = ()
    held_s: float | None = None
    ends: int = 0
    crashes: Crashes = Crashes()
    given: bool = False

    @property
    def digest(self) -> str:
        """The candidate's digest."""
        return self.candidate.snapshot.digest

    @property
    def was_given(self) -> bool:
        """Whether a process was given the candidate, by this sidecar or by one before."""
        return self.signalled or self.given

    @property
    def turn(self) -> Claimed | None:
        """What it claimed."""
        if not self.nonce:
            return None
        return Claimed(digest=self.digest, nonce=self.nonce, tries=self.tries)


@dataclass(frozen=True, slots=True, kw_only=True)
class Interrupted:
    """An attempt whose trigger was about to be pulled, or had been, when a sidecar ended."""

    digest: str
    fence: str
    trigger: Trigger
    signalled: bool
    baseline: Baseline
    answer: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Claimed:
    """A turn for `digest` whose attempt was broken off, as by the end of a sidecar.

    It is gone on with, while it stands.
    """

    digest: str
    nonce: str
    tries: int


@dataclass(frozen=True, slots=True)
class Idle:
    """Nothing is under way."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Validating:
    """The validators run, or could not and are tried again at `retry_s`."""

    tries: int = 0
    retry_s: float = float("-inf")


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """Judged good, and not yet to be signalled: paused, or the mount does not carry it yet.

    `nudges` is how often the kubelet was asked to hurry, `nudge_s` when it is next.
    """

    since_s: float
    nudges: int = 0
    nudge_s: float = float("inf")


@dataclass(frozen=True, slots=True, kw_only=True)
class Publishing:
    """The shared folder is being written, or could not be and is tried again at `retry_s`."""

    tries: int = 0
    retry_s: float = float("-inf")


@dataclass(frozen=True, slots=True, kw_only=True)
class Seeking:
    """Wanted: one process, up, whose evidence makes a baseline.

    `since_s`: since when this very process (or its absence) is looked at. `first`: an earlier good
    look, where the daemon's page may be cached and two are needed.
    """

    since_s: float
    look_s: float = float("-inf")
    tries: int = 0
    process: Process | None = None
    first: Sample | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Claiming:
    """The process is ready; the object is about to say that this content is being loaded.

    `since_s`: since when the API is waited for.
    """

    baseline: Baseline
    since_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Signalling:
    """The trigger is being pulled."""

    baseline: Baseline


@dataclass(frozen=True, slots=True, kw_only=True)
class Confirming:
    """Looking for the verdict until `deadline_s`."""

    baseline: Baseline
    signalled_s: float
    deadline_s: float
    answer: str | None = None
    look_s: float = float("-inf")
    tries: int = 0
    agreeing: int = 0
    reason: str = "nothing was seen yet"


@dataclass(frozen=True, slots=True, kw_only=True)
class Lingering:
    """Decided without proof; late proof is looked for, ever more slowly, until `until_s`.

    `unproven` is what ended at its deadline; None: the process never became ready, so only its
    start can prove anything.
    """

    unproven: Confirming | None
    until_s: float
    look_s: float
    tries: int = 0


Phase = (
    Idle
    | Validating
    | Waiting
    | Publishing
    | Seeking
    | Claiming
    | Signalling
    | Confirming
    | Lingering
)


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """All that one bridge knows.

    `awaiting` is the id of the one effect whose answer the phase waits for; `next_effect` numbers
    them. `asked` holds a person's wish until it is answered, with the requests that wait for it.
    `begun_s` is when this sidecar began. `mounted` is what the daemon's folder carries; `offered`
    what another folder offers where the daemon's is published. `good` is the content of
    `last_good`, proven at `good_s`. `wholes` names the whole objects whose contents go by another
    digest here. `given` is what a sidecar before gave to a process, and saw no end of.
    """

    bridge: Bridge
    debounce: Debounce
    phase: Phase = Idle()
    mounted: Mounted | None = None
    mount_trouble: str = ""
    offered: Snapshot | None = None
    api: ApiSide | None = None
    wholes: Mapping[str, str] = field(default_factory=dict)
    good: Snapshot | None = None
    good_s: float | None = None
    decided: Decision | None = None
    last_good: str | None = None
    valid: str | None = None
    loaded: Loaded | None = None
    process: Process | None = None
    attempt: Attempt | None = None
    asked: tuple[Trigger, tuple[int, ...]] | None = None
    deferred: bool = False
    restart_pending: bool = False
    blocked: str = ""
    remembers: bool = False
    begun_s: float = float("inf")
    interrupted: Interrupted | None = None
    given: str | None = None
    claimed: Claimed | None = None
    out_of_sync_since_s: float | None = None
    records: tuple[AttemptRecord, ...] = ()
    stopping_s: float | None = None
    stopped: bool = False
    awaiting: int | None = None
    next_effect: int = 1

    @property
    def seen(self) -> Loaded | None:
        """What the process that is there was last given: one that is remembered may be gone."""
        loaded = self.loaded
        return loaded if loaded is not None and loaded.process.is_same(self.process) else None


def begin(bridge: Bridge) -> State:
    """The state before the first event."""
    api = ApiSide() if bridge.source.object is not None else None
    return State(bridge=bridge, debounce=Debounce(bridge.policy.debounce_s), api=api)
