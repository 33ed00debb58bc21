"""The demo's story: edits good and bad, and what the daemon itself says after each."""

from __future__ import annotations

from dataclasses import dataclass

from sidecar.core.attempt import Outcome
from sidecar.demo.daemons import DemoDaemon, Files
from sidecar.demo.screen import Colour, Row, Screen
from sidecar.demo.stage import Heard, Stage, set_stage

FIRST, SECOND, THIRD, LAST = 15, 30, 45, 20
"""Intervals in seconds, told back by a daemon as they were written."""

MARKS = {
    Outcome.APPLIED: ("✔", Colour.GOOD, "applied"),
    Outcome.REJECTED: ("✘", Colour.WARN, "rejected, nobody was signalled"),
    Outcome.FAILED: ("✘", Colour.BAD, "failed"),
    Outcome.UNCONFIRMED: ("?", Colour.WARN, "unconfirmed"),
    Outcome.SUPERSEDED: ("·", Colour.QUIET, "superseded"),
}

MILESTONES = {
    "New content arrived": "seen on disk",
    "Process was told to reload": "valid, and the process is signalled",
    "Attempt is blocked": "blocked",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """One edit: its verdict must be `outcome`, and the daemon then `runs` this interval.

    `runs` None: the daemon may keep a mix, so that nothing is asked of it but to live.
    """

    title: str
    row: str
    files: Files
    outcome: Outcome
    runs: int | None


def tell_scenes(daemon: DemoDaemon) -> tuple[Scene, ...]:
    """The edits, in their order."""
    return (
        Scene(
            title="A good edit",
            row="good",
            files=daemon.good(SECOND),
            outcome=Outcome.APPLIED,
            runs=SECOND,
        ),
        Scene(
            title="A bad edit, which validation sees",
            row="invalid",
            files=daemon.broken,
            outcome=Outcome.REJECTED,
            runs=SECOND,
        ),
        Scene(
            title="A good edit again",
            row="good",
            files=daemon.good(THIRD),
            outcome=Outcome.APPLIED,
            runs=THIRD,
        ),
        Scene(
            title="A bad edit, which only the daemon itself refuses",
            row="refused by the daemon",
            files=daemon.refused,
            outcome=Outcome.FAILED,
            runs=None,
        ),
        Scene(
            title="The repair",
            row="repair",
            files=daemon.good(LAST),
            outcome=Outcome.APPLIED,
            runs=LAST,
        ),
    )


def play(daemon: DemoDaemon, screen: Screen) -> bool:
    """Play all scenes; whether every one ended as it must. Raises `SurehupError`."""
    with set_stage(daemon, daemon.good(FIRST)) as stage:
        screen.open(
            (
                ("daemon", f"{daemon.title}, PID {stage.process.pid}, port {stage.port}"),
                ("folder", f"{stage.folder}, updated as the kubelet updates a ConfigMap volume"),
                ("sidecar", f"surehup run, http://127.0.0.1:{stage.sidecar_port}/metrics"),
            )
        )
        rows = [_open(stage, screen)]
        for number, scene in enumerate(tell_scenes(daemon), start=1):
            rows.append(_play_scene(number, scene, stage, screen))
        screen.show_table(rows)
        return all(row.holds for row in rows)


def _open(stage: Stage, screen: Screen) -> Row:
    screen.begin_scene(0, "Start: is what runs what is on disk?", "")
    outcome, after_s = _follow(stage, screen)
    says = stage.says()
    holds = outcome is Outcome.APPLIED and _names(says, FIRST)
    return Row("start", outcome.value, after_s, says, holds)


def _play_scene(number: int, scene: Scene, stage: Stage, screen: Screen) -> Row:
    screen.begin_scene(number, scene.title, "\n".join(scene.files.values()))
    before = stage.count_signals()
    stage.edit(scene.files)
    outcome, after_s = _follow(stage, screen)
    sent = stage.count_signals() - before
    holds = outcome is scene.outcome and stage.is_alive()
    holds = holds and (sent == 0) == (scene.outcome is Outcome.REJECTED)
    if scene.runs is None:
        seen = "alive"
    else:
        seen = stage.says()
        holds = holds and _names(seen, scene.runs)
    signals = f"{sent} signal" if sent == 1 else f"{sent} signals"
    return Row(scene.row, outcome.value, after_s, f"{seen} ({signals})", holds)


def _names(says: str, interval: int) -> bool:
    return f" {interval}s" in says


def _follow(stage: Stage, screen: Screen) -> tuple[Outcome, float]:
    """Show the sidecar's lines up to the verdict."""
    heard = Heard(0.0, {})
    for heard in stage.follow():
        message = str(heard.line.get("msg"))
        detail = str(heard.line.get("detail", ""))
        if message in MILESTONES:
            because = f": {detail}" if detail else ""
            screen.step(heard.after_s, "·", Colour.QUIET, f"{MILESTONES[message]}{because}")
        elif heard.line.get("level") == "error" and "outcome" not in heard.line:
            screen.step(heard.after_s, "!", Colour.BAD, f"{message} {detail}".strip())
    outcome = Outcome(str(heard.line["outcome"]))
    mark, colour, word = MARKS[outcome]
    detail = str(heard.line.get("detail", ""))
    screen.step(heard.after_s, mark, colour, f"{screen.paint(colour, word)}: {detail}")
    return outcome, heard.after_s
