"""What every `core.ports.ConfigObject` keeps: the shipped one on a real API server, and the model.

Both are taken through the same scripts, drawn from seeds, and must give the same answers: whole
fleets are simulated on the model.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

import pytest

from sidecar.core.declared import Declared
from sidecar.core.ports import ApiAnswer, ConfigObject
from sidecar.core.snapshot import Snapshot, digest_of
from sidecar.kube.errors import NotFoundError
from sidecar.testing.clock import FakeClock
from sidecar.testing.declaration import FakeConfig
from tests.record.cases import Case, make_config, make_fake, open_real

STEPS = 50
SEEDS = range(8)
CONTENTS = [{"a.yml": text.encode()} for text in ("one", "two", "three")]
DIGESTS = [digest_of(files) for files in CONTENTS]
MARKS: list[dict[str, str | None]] = [
    {"status": "Applied", "message": None},
    {"status": "Rejected", "message": "line 3"},
    {"status": "Reloading", "holder": "web-0/aaaaaaaa/1/15"},
    {"holder": None},
]


class ModelSide:
    """The model, and people who change it."""

    def __init__(self) -> None:
        self.config: ConfigObject = (model := FakeConfig())
        self._model = model

    def create(self, files: Mapping[str, bytes]) -> None:
        self._model.create(files)

    def edit(self, files: Mapping[str, bytes]) -> None:
        self._model.edit(files)

    def replace(self, files: Mapping[str, bytes]) -> None:
        self._model.replace(files)

    def annotate(self, paused: str | None) -> None:
        self._model.annotate(paused=paused)

    def delete(self) -> None:
        self._model.delete()


class ShippedSide:
    """The shipped one on an API server, and people who change the object there."""

    def __init__(self, case: Case) -> None:
        self._case = case
        self.config: ConfigObject = make_config(case, FakeClock())

    def create(self, files: Mapping[str, bytes]) -> None:
        self._case.make(data=_to_text(files))

    def edit(self, files: Mapping[str, bytes]) -> None:
        self._case.admin.patch(self._case.ref(), {"data": _to_text(files)})

    def replace(self, files: Mapping[str, bytes]) -> None:
        annotations = self._case.admin.get(self._case.ref())["metadata"].get("annotations", {})
        body = {"metadata": {"annotations": dict.fromkeys(annotations)}, "data": _to_text(files)}
        self._case.admin.patch(self._case.ref(), body)

    def annotate(self, paused: str | None) -> None:
        body = {"metadata": {"annotations": {"surehup.dev/paused": paused}}}
        self._case.admin.patch(self._case.ref(), body)

    def delete(self) -> None:
        self._case.admin.delete(self._case.ref())


Side = ModelSide | ShippedSide


def _to_text(files: Mapping[str, bytes]) -> dict[str, str]:
    return {name: text.decode() for name, text in files.items()}


@dataclass
class Script:
    """Takes one side through what `seed` draws, and notes what it answers."""

    side: Side
    seed: int
    said: list[object] = field(default_factory=list)
    _seen: list[Declared] = field(default_factory=list)
    _there: bool = False

    def run(self) -> list[object]:
        draw = Random(self.seed)  # noqa: S311  scripts, not secrets
        self._change(draw)
        for _ in range(STEPS):
            self.said.append(self._take_step(draw))
        return self.said

    def _take_step(self, draw: Random) -> object:
        """Draws alike whatever was answered, so that both sides are asked the same."""
        step, marks = draw.randrange(9), draw.choice(MARKS)
        age, named, other = draw.choice([1, 1, 1, 2, 4]), draw.choice(DIGESTS), draw.choice(DIGESTS)
        carried = draw.choice([None, *CONTENTS])
        declared = self._seen[-min(age, len(self._seen))] if self._seen else None
        if step < 3 or declared is None:
            self._change(draw)
            return "changed", self._note(self.side.config.read())
        match step:
            case 3:
                return "read", self._note(self.side.config.read())
            case 4 | 5:
                return "written", self._note(self.side.config.write(marks, declared))
            case 6:
                return "kept", self.side.config.keep(declared, "seen", ())
            case 7:
                return "recalled", _name(self.side.config.recall(named))
            case _:
                return "restored", self._note(self.side.config.restore(named, other, carried))

    def _change(self, draw: Random) -> None:
        change, files = draw.randrange(6), draw.choice(CONTENTS)
        if not self._there:
            self.side.create(files)
            self._there = True
        elif change == 0:
            self.side.delete()
            self._there = False
        elif change == 1:
            self.side.replace(files)
        elif change == 2:
            self.side.annotate(draw.choice(["true", None]))
        else:
            self.side.edit(files)

    def _note(self, answer: ApiAnswer) -> object:
        declared = answer.declared
        if declared is None:
            return answer.answer, None
        self._seen.append(declared)
        # When it was written tells people something, and the core nothing.
        marks = {key: mark for key, mark in declared.marks.items() if key != "updated"}
        return answer.answer, declared.digest, declared.content.digest, marks


def _name(content: Snapshot | None) -> str | None:
    return content.digest if content is not None else None


@pytest.fixture(params=[pytest.param("real", marks=pytest.mark.apiserver), "fake"])
def case(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Case]:
    if request.param == "fake":
        yield make_fake()
        return
    with open_real(request.getfixturevalue("api_server"), tmp_path / "account") as made:
        yield made


def test_the_model_answers_as_the_shipped_one_does(case: Case) -> None:
    for seed in SEEDS:
        model, shipped = Script(ModelSide(), seed).run(), Script(ShippedSide(case), seed).run()
        for step, (expected, found) in enumerate(zip(model, shipped, strict=True)):
            assert expected == found, f"seed {seed}, step {step}: {expected} of the model"
        with suppress(NotFoundError):
            case.admin.delete(case.ref())
