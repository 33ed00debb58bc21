"""Ends of the daemon's container, where it ends before its process can be seen.

A process that lives for milliseconds is found by no look, and "no process" alone is no failure: an
image may still be pulled, an init container may run. The kubelet tells the two apart, as it counts
how often a container has ended.
"""

from __future__ import annotations

from dataclasses import replace

from sidecar.core.backoff import COUNT_ENDS
from sidecar.core.draft import Draft
from sidecar.core.effects import CountEnds
from sidecar.core.events import EndsCounted
from sidecar.core.state import Seeking

UNSEEN_S = 3.0
"""A process may be absent for so long before its container is asked about: most restarts are over
by then, and the kubelet has told of the last end."""

MOST_ENDS = 3
"""So many processes may end with the same content before it counts as failed."""


def count_ends(draft: Draft, phase: Seeking) -> None:
    """Ask how often the container has ended, if no process was seen for a while; then rarely."""
    crashes = draft.attempt.crashes
    if crashes.counting is not None:
        return
    if draft.now_s < max(phase.since_s + UNSEEN_S, crashes.ask_s):
        return
    crashes = replace(
        crashes,
        counting=draft.begin(CountEnds),
        tries=crashes.tries + 1,
        ask_s=draft.now_s + COUNT_ENDS.delay_s(crashes.tries),
    )
    draft.state = replace(draft.state, attempt=replace(draft.attempt, crashes=crashes))


def take_ends(draft: Draft, event: EndsCounted) -> None:
    """The first count of an attempt is what the later ones are compared with.

    The candidate was there by then, so that what ended since has ended with it. Whether a process
    is up by now is for the next look to say, which comes at once.
    """
    attempt = draft.state.attempt
    if attempt is None or event.effect != attempt.crashes.counting:
        return
    crashes = replace(attempt.crashes, counting=None, unknown=event.message)
    if event.ends is not None:
        base = crashes.base if crashes.base is not None else event.ends.count
        crashes = replace(crashes, base=base, ends=event.ends.count - base, last=event.ends.last)
    draft.state = replace(draft.state, attempt=replace(attempt, crashes=crashes))
    phase = draft.state.phase
    if crashes.ends >= MOST_ENDS and isinstance(phase, Seeking) and draft.state.awaiting is None:
        draft.enter(replace(phase, look_s=draft.now_s))


def explain(draft: Draft, reason: str) -> str:
    """Why no process is found, and what would tell whether its container ends again and again."""
    unknown = draft.attempt.crashes.unknown
    return f"{reason}; {unknown}" if unknown else reason
