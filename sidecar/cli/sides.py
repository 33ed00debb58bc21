"""What `diff` compares: an object as it is, its history, and files on this machine."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from sidecar.cli.checking.reading import read_input
from sidecar.cli.cluster import StateError
from sidecar.cli.standing import Standing, read_standing
from sidecar.core.errors import SettingsError
from sidecar.core.snapshot import short
from sidecar.kube.ports import Json
from sidecar.record.revisions import Revision, Revisions
from sidecar.validate.manifests.read import Manifest, read_manifests

LIVE = "live"
ACTIVE = "active"
STANDARD_INPUT = "-"
MOST_BYTES = 10 << 20
"""Of one file: ten times what a ConfigMap can hold."""

_REVISION = re.compile(r"(?:revision:)?(\d{1,18})")
_KEY = re.compile(r"[-._a-zA-Z0-9]{1,253}")
"""What ``kubectl create configmap --from-file`` takes of a folder, too."""


@dataclass(frozen=True, slots=True)
class Side:
    """One of the two: its name, its files, and the one key that it is about, if only one."""

    title: str
    files: Mapping[str, bytes]
    key: str = ""


class Sides:
    """Finds sides by their names, for one object that was read."""

    def __init__(
        self, content: Json, group: str, revisions: Revisions, standard_input: BinaryIO
    ) -> None:
        self._content = content
        self._standing = read_standing(content, group)
        self._revisions = revisions
        self._standard_input = standard_input

    @property
    def standing(self) -> Standing:
        """How the object stands."""
        return self._standing

    def find(self, name: str) -> Side:
        """``live``, ``active``, a revision's number, or a path. Raises `SurehupError`."""
        if name == LIVE:
            return Side(LIVE, self._standing.snapshot.files)
        if name == ACTIVE:
            return self._find_active()
        number = _REVISION.fullmatch(name)
        if number is not None:
            return self._find_revision(int(number[1]))
        if name == STANDARD_INPUT:
            return self._read_manifest_or_file("standard input", read_input(self._standard_input))
        return self._read_path(name)

    def _find_active(self) -> Side:
        active = self._standing.marks.get("active", "")
        ref = self._standing.ref
        if not active:
            msg = f"{ref} names no active content: no sidecar has applied any; name a file or N"
            raise StateError(msg)
        title = f"active ({short(active)})"
        if self._standing.digest and short(self._standing.digest) == short(active):
            return Side(title, self._standing.snapshot.files)
        files = self._revisions.load(self._content, active)
        if files is None:
            raise StateError(say_unkept(self._standing, short(active)))
        return Side(title, files)

    def _find_revision(self, number: int) -> Side:
        revision = find_revision(self._revisions.history(self._content), number, self._standing)
        return Side(f"revision {number}", self.load(revision))

    def load(self, revision: Revision) -> dict[str, bytes]:
        """The files of a revision. Raises `StateError` where they were not kept."""
        files = self._revisions.load(self._content, revision.digest)
        if files is None:
            raise StateError(say_unkept(self._standing, f"revision {revision.number}"))
        return files

    def _read_path(self, name: str) -> Side:
        path = Path(name)
        if path.is_dir():
            return Side(name, dict(_read_folder(path)))
        return self._read_manifest_or_file(name, _read_file(path))

    def _read_manifest_or_file(self, name: str, content: bytes) -> Side:
        manifests = read_manifests(content)
        if manifests.any:
            manifest = pick_manifest(manifests.objects, self._standing, name)
            return Side(name, manifest.files)
        key = Path(name).name
        if not _KEY.fullmatch(key):
            msg = f"{name} is no manifest, and its name is no key of a ConfigMap: name a file"
            raise SettingsError(msg)
        return Side(name, {key: content}, key)


def find_revision(history: list[Revision], number: int, standing: Standing) -> Revision:
    """The revision with this number. Raises `StateError` that says which there are."""
    for revision in history:
        if revision.number == number:
            return revision
    known = ", ".join(str(revision.number) for revision in history)
    said = f"its history has {known}" if known else "it has no history"
    msg = f"{standing.ref} has no revision {number}: {said}"
    raise StateError(msg)


def say_unkept(standing: Standing, what: str) -> str:
    """Why content that is wanted is not there."""
    if standing.is_secret:
        return (
            f"of {what} only the digest is kept, as {standing.ref} is a Secret: take its content"
            " from where you keep it"
        )
    return (
        f"the history of {standing.ref} does not hold the content of {what}: it was not kept, or"
        " pruned; take it from where you keep it"
    )


def pick_manifest(manifests: list[Manifest], standing: Standing, path: str) -> Manifest:
    """The object's own manifest. Raises `SettingsError` that says what else is there."""
    ref = standing.ref
    same = [
        manifest
        for manifest in manifests
        if (manifest.kind, manifest.name) == (ref.resource.kind, ref.name)
        and manifest.namespace in {"", ref.namespace}
    ]
    if len(same) == 1:
        return same[0]
    if same:
        msg = f"{path} holds {len(same)} manifests of {ref}: name a file with one"
        raise SettingsError(msg)
    known = ", ".join(manifest.title for manifest in manifests[:5]) or "no ConfigMap or Secret"
    msg = f"{path} holds no manifest of {ref}, but {known}: name another file"
    raise SettingsError(msg)


def _read_folder(folder: Path) -> Iterator[tuple[str, bytes]]:
    """The keys that ``kubectl create configmap --from-file=FOLDER`` would make.

    Of a mounted volume these are its links to the files of one generation.
    """
    for path in sorted(folder.iterdir()):
        if path.is_file() and _KEY.fullmatch(path.name):
            yield path.name, _read_file(path)


def _read_file(path: Path) -> bytes:
    """Raises `SettingsError`."""
    try:
        with path.open("rb") as file:
            content = file.read(MOST_BYTES + 1)
    except OSError as error:
        msg = (
            f"{path} cannot be read ({error.strerror}): name live, active, a revision's number, or"
            " a file, folder or manifest that is there"
        )
        raise SettingsError(msg) from error
    if len(content) > MOST_BYTES:
        msg = f"{path} is larger than {MOST_BYTES >> 20} MiB, which no ConfigMap holds"
        raise SettingsError(msg)
    return content
