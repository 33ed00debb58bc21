"""A simulated pod's cluster in virtual time: the object, a watch on it, and the kubelet.

The kubelet refreshes a mount some time after an edit, or at once after a nudge, as its own watch
has it by then. The sidecar's watch may be late, skip versions, bring old ones, or be silent.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

from sidecar.core.effects import ApiEffect, Keep, Nudge, Recall
from sidecar.core.events import Answer, Answered, ApiConnected, DeclaredSeen, Event, Kept, Recalled
from sidecar.loop.calls import call
from sidecar.testing.declaration import FakeConfig, Files, Stored

Hear = Callable[[Event], None]


class Pod(Protocol):
    """The pod that the cluster runs."""

    def time_s(self) -> float:
        """The virtual time."""

    def after(self, delay_s: float, do: Callable[[], None]) -> None:
        """Do something later."""

    def mount(self, files: Files) -> None:
        """The kubelet swaps in `files`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """How long things take, in virtual seconds.

    `mount_s`: from an edit to the kubelet's own sync. `nudged_s`: from a nudge to one. `behind_s`:
    how old the object is that the kubelet sees. `coalesces`: the watch brings what is there when it
    does; else what was there, which may be old news by then.
    """

    watch_s: float = 0.005
    call_s: float = 0.02
    mount_s: float = 40.0
    nudged_s: float = 0.1
    behind_s: float = 0.0
    coalesces: bool = True


@dataclass(kw_only=True)
class Cluster:
    """One object, one watch, one kubelet.

    `wasted`: so many nudges the kubelet does not heed. `mounts`: whether the kubelet mounts the
    object at all. `is_silent`: the watch is open, and brings nothing. `is_cut`: this pod alone does
    not reach the API server, `shake` by how much each event of its watch is late beyond its pace.
    """

    config: FakeConfig
    around: Pod
    pace: Pace = field(default_factory=Pace)
    mounts: bool = True
    is_silent: bool = False
    is_cut: bool = False
    shake: Callable[[], float] = lambda: 0.0
    wasted: int = 0
    nudges: list[tuple[float, int]] = field(default_factory=list)
    _hear: Hear | None = None
    _watch: int = 0
    _brings_s: float = float("-inf")
    _past: list[tuple[float, Files | None]] = field(default_factory=list)

    # --- the sidecar's side

    def meet(self, hear: Hear) -> None:
        """A sidecar starts: it lists the object, then watches it."""
        self._hear = hear
        self._list(hear)

    def leave(self) -> None:
        """The sidecar is gone."""
        self._hear = None

    def do(self, effect: ApiEffect | Nudge, hear: Hear) -> None:
        """The sidecar asks for something. What was sent is done, also where nobody waits any more.

        The kubelet hears of a nudge by the API server.
        """
        half_s = self.pace.call_s / 2
        if isinstance(effect, Nudge):
            self.nudges.append((self.around.time_s(), effect.number))
            self.around.after(half_s, self._nudge)
        else:
            self.around.after(half_s, lambda: self._call(effect, hear))

    def _call(self, effect: ApiEffect, hear: Hear) -> None:
        answer = _lose(effect) if self.is_cut else call(effect, self.config)

        def deliver() -> None:
            hear(_lose(effect) if self.is_away else answer)

        self.around.after(self.pace.call_s / 2, deliver)

    # --- fate

    def go_away(self) -> None:
        """The API server does not answer, and the watch ends."""
        self.config.is_away = True
        self._tell(ApiConnected(connected=False))

    def come_back(self) -> None:
        """It answers again: the watch begins with what is there."""
        self.config.is_away = False
        if self._hear is not None:
            self._list(self._hear)

    def cut(self) -> None:
        """The network between this pod and the API server is gone."""
        self.is_cut = True
        self._tell(ApiConnected(connected=False))

    def mend(self) -> None:
        """It is there again."""
        self.is_cut = False
        if self._hear is not None:
            self._list(self._hear)

    def expire(self) -> None:
        """The version that the watch began from is too old (410): it lists anew."""
        self._tell(ApiConnected(connected=False))
        if self._hear is not None:
            self._list(self._hear)

    @property
    def is_away(self) -> bool:
        """Whether nothing is answered to this pod."""
        return self.is_cut or self.config.is_away

    def fall_silent(self) -> None:
        """The watch stays open, and brings nothing."""
        self.is_silent = True

    def speak_up(self) -> None:
        """The watch brings what it should have."""
        self.is_silent = False
        self._bring()

    # --- the watch

    def notice(self, before: Stored | None, after: Stored | None) -> None:
        """The object changed."""
        files = after.files if after is not None else None
        if before is None or after is None or before.files != after.files:
            self._past.append((self.around.time_s(), files))
            self.around.after(self.pace.mount_s + self.pace.behind_s, self._sync)
        self._bring()

    def _bring(self) -> None:
        """One watch brings what happened in its order; what came before a list is in that list."""
        hear, was, watch = self._hear, self.config.declare(), self._watch

        def deliver() -> None:
            current = hear is self._hear and watch == self._watch
            if current and not self.is_silent and not self.is_away:
                self._tell(DeclaredSeen(self.config.declare() if self.pace.coalesces else was))

        now_s = self.around.time_s()
        self._brings_s = max(self._brings_s, now_s + self.pace.watch_s + self.shake())
        self.around.after(self._brings_s - now_s, deliver)

    def _list(self, hear: Hear) -> None:
        def deliver() -> None:
            if hear is self._hear and not self.is_away:
                self._watch += 1
                hear(DeclaredSeen(self.config.declare()))
                hear(ApiConnected(connected=True))

        self.around.after(self.pace.call_s, deliver)

    def _tell(self, event: Event) -> None:
        if self._hear is not None:
            self._hear(event)

    # --- the kubelet

    def _nudge(self) -> None:
        if self.is_away:
            return
        if self.wasted:
            self.wasted -= 1
            return
        self.around.after(self.pace.nudged_s, self._sync)

    def _sync(self) -> None:
        """Mount what the kubelet's own watch has; of an object that is gone the files stay."""
        if self.config.is_away or not self.mounts:
            # Its own next try is as far away as the first was.
            if self.mounts:
                self.around.after(self.pace.mount_s, self._sync)
            return
        seen_s = self.around.time_s() - self.pace.behind_s
        seen = [files for since_s, files in self._past if since_s <= seen_s]
        if seen and seen[-1] is not None:
            self.around.mount(self.config.naming.project(seen[-1]))


def _lose(effect: ApiEffect) -> Event:
    match effect:
        case Keep(effect=number):
            return Kept(number, None, "no revision is kept yet: no answer", lost=True)
        case Recall(effect=number):
            return Recalled(number, None, lost=True)
        case _:
            return Answered(effect=effect.effect, answer=Answer.LOST)
