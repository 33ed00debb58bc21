"""Delays that grow, as pure arithmetic: waiting itself is a state of the machine."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Backoff:
    """Delays `first_s`, then `factor` times longer each, up to `most_s`."""

    first_s: float
    most_s: float
    factor: float = 2.0

    def delay_s(self, tries: int) -> float:
        """How long to wait after the try numbered `tries`, counted from 0."""
        return min(self.most_s, self.first_s * self.factor ** min(tries, 64))


CONFIRM_LOOKS = Backoff(first_s=0.003, most_s=0.25, factor=1.6)
"""Between two looks after the signal: daemons answer within 1 to 40 ms of it, or in seconds."""

SEEK_LOOKS = Backoff(first_s=0.05, most_s=2.0)
"""Between two looks for a target that is absent, not ready or must not be signalled."""

LINGER_LOOKS = Backoff(first_s=1.0, most_s=60.0)
"""Between two looks for late proof of unconfirmed content."""

COUNT_ENDS = Backoff(first_s=10.0, most_s=60.0)
"""Between two questions how often the container has ended: the kubelet starts it again after 10 s,
and ever later."""

VALIDATE_TRIES = Backoff(first_s=5.0, most_s=60.0)
"""Between two tries of a validator that could not run."""

PUBLISH_TRIES = Backoff(first_s=1.0, most_s=30.0)
"""Between two tries to write the shared folder."""

FETCH_TRIES = Backoff(first_s=1.0, most_s=60.0)
"""Between two questions what the API shows, or to its history, where it does not answer and its
watch is open."""

WRITE_TRIES = Backoff(first_s=0.1, most_s=10.0)
"""Between two tries to write annotations that conflict again and again, or get no answer."""
