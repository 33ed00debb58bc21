"""A long run says how far it is, so that it can be gone on with."""

from __future__ import annotations

import pytest

from tests.sim import __main__ as runner
from tests.sim.story import Ending


def play(run: runner.Run, seed: int, *broken: str) -> None:
    run.add(Ending(seed=seed, pods=1, edits=1, faults=0, events=9, broken=broken))


def test_tells_up_to_which_seed_all_are_played(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runner, "TOLD_EVERY_S", 0.0)
    run, progress = runner.Run(), runner.Progress(first=501)
    play(run, 501)
    play(run, 502, "this had to fail")

    progress.tell(run)

    told = capsys.readouterr()
    assert (told.out, told.err) == ("", "seeds 501 to 502 are played, 1 broken\n")


def test_says_nothing_in_a_short_run(capsys: pytest.CaptureFixture[str]) -> None:
    run, progress = runner.Run(), runner.Progress(first=1)
    play(run, 1)

    progress.tell(run)

    assert capsys.readouterr().err == ""
