"""Makes units out of paths: manifests by object, daemons by folder, other files one by one."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePath
from typing import BinaryIO

from sidecar.cli.checking.guess import guess, guess_by_content, guess_by_name
from sidecar.cli.checking.reading import (
    Notes,
    is_binary,
    is_volume,
    list_files,
    read_around,
    read_file,
    read_input,
)
from sidecar.cli.checking.unit import Unit
from sidecar.core.errors import SettingsError
from sidecar.validate.manifests.read import Manifest, read_manifests
from sidecar.watch.mount import MountedFolder

STANDARD_INPUT = "-"
INPUT_NAME = "<stdin>"
CHECKED_ENDINGS = (".yml", ".yaml", ".json", ".toml")
_MANIFEST_ENDINGS = (".yml", ".yaml", ".json")
_LOOKS_LIKE_MANIFEST = re.compile(rb"[\"']?kind[\"']?\s*:")
_HOLDS_SECRET = re.compile(rb"[\"']?kind[\"']?\s*:\s*[\"']?Secret(?:List)?\b")


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What the user asked for, of what matters while reading."""

    exclude: tuple[str, ...] = ()
    preset: str = ""
    file: str = ""
    mount: str = ""

    def is_main(self, path: str, content: bytes) -> bool:
        """Whether a plain file is where a daemon starts from."""
        if self.file:
            return path == self.file or path.endswith(f"/{self.file}")
        preset = guess_by_name(path) or guess_by_content(path, content)
        return preset == self.preset if self.preset else bool(preset)


@dataclass(slots=True)
class Gathered:
    """Units, and the plain files that are yet to be grouped, by path; `named` ones by the user."""

    units: list[Unit] = field(default_factory=list)
    plain: dict[str, bytes] = field(default_factory=dict)
    named: set[str] = field(default_factory=set)
    folders: list[str] = field(default_factory=list)


def gather(
    paths: Sequence[str], wanted: Wanted, notes: Notes, standard_input: BinaryIO
) -> list[Unit]:
    """The units that `paths` mean. Raises `SettingsError` for one that is not there."""
    gathered = Gathered()
    for path in dict.fromkeys(paths):
        if path == STANDARD_INPUT:
            _take_input(read_input(standard_input), gathered)
        elif Path(path).is_dir():
            _take_folder(path, gathered, wanted, notes)
        else:
            content = read_file(path, notes, wanted=True)
            if content is not None:
                gathered.named.add(path)
                _take_file(path, content, gathered)
    return [*gathered.units, *_group(gathered, wanted, notes)]


def _take_input(content: bytes, gathered: Gathered) -> None:
    """Manifests, or one file of which only the content tells what it is."""
    if is_binary(content):
        msg = "standard input is binary: pipe manifests or a configuration file"
        raise SettingsError(msg)
    units = list(read_units(INPUT_NAME, content))
    if not units:
        key = "stdin.json" if content.lstrip().startswith((b"{", b"[")) else "stdin.yaml"
        units = [Unit(path=INPUT_NAME, files={key: content})]
    gathered.units += units


def _take_folder(path: str, gathered: Gathered, wanted: Wanted, notes: Notes) -> None:
    if is_volume(path):
        gathered.units.append(_read_volume(path, wanted, notes))
        return
    gathered.folders.append(path)
    for name, is_a_volume in list_files(path, exclude=wanted.exclude, notes=notes):
        if is_a_volume:
            gathered.units.append(_read_volume(name, wanted, notes))
        elif name.endswith(CHECKED_ENDINGS) or guess_by_name(name) or wanted.is_main(name, b""):
            content = read_file(name, notes)
            if content is not None:
                _take_file(name, content, gathered)


def _read_volume(path: str, wanted: Wanted, notes: Notes) -> Unit:
    """A mounted folder, as the watcher reads it: one generation, keys and nothing else."""
    files = dict(MountedFolder(path).read().snapshot.files)
    for key in [key for key, content in files.items() if is_binary(content)]:
        notes.add(f"{path}/{key} was skipped: it is binary")
        del files[key]
    paths = {key: f"{path.rstrip('/')}/{key}" for key in files}
    mount = wanted.mount or str(Path(path).absolute())
    return Unit(path=path, files=files, paths=paths, mount=mount)


def _take_file(path: str, content: bytes, gathered: Gathered) -> None:
    units = list(read_units(path, content)) if path.endswith(_MANIFEST_ENDINGS) else []
    if units:
        gathered.units += units
    else:
        gathered.plain[path] = content


def read_units(path: str, content: bytes) -> Iterator[Unit]:
    """The file of manifests itself and each ConfigMap and Secret in it; nothing for other files.

    A Secret that is too broken to be read is still one, of which no line may be shown.
    """
    if not _LOOKS_LIKE_MANIFEST.search(content):
        return
    manifests = read_manifests(content)
    secret = _HOLDS_SECRET.search(content) is not None
    if not manifests.any and not secret:
        return
    key = "manifest.json" if path.endswith(".json") else "manifest.yaml"
    yield Unit(
        path=path,
        files={key: content},
        paths={key: path},
        secret=secret,
        is_manifest_file=True,
    )
    for manifest in manifests.objects:
        yield _make_unit(path, manifest)


def _make_unit(path: str, manifest: Manifest) -> Unit:
    files = {key: body for key, body in manifest.files.items() if not is_binary(body)}
    return Unit(
        path=path,
        files=files,
        origins=manifest.origins,
        resource=manifest.title,
        secret=manifest.is_secret,
        preset=manifest.preset,
        line=manifest.line,
        findings=tuple(manifest.findings),
    )


def _group(gathered: Gathered, wanted: Wanted, notes: Notes) -> Iterator[Unit]:
    """Units of the plain files: first those around main files, then the rest."""
    mains = [path for path, body in gathered.plain.items() if wanted.is_main(path, body)]
    if not mains and wanted.preset:
        mains = sorted(gathered.named & gathered.plain.keys())
    yield from _make_lacking_units(gathered, wanted, mains)
    roots = {os.path.dirname(path) for path in mains}  # noqa: PTH120 - spelled as given
    around = {root: read_around(root or ".", exclude=wanted.exclude, notes=notes) for root in roots}
    owned: dict[str, list[str]] = {path: [path] for path in mains}
    first = {os.path.dirname(path): path for path in reversed(mains)}  # noqa: PTH120
    for path in gathered.plain.keys() - set(mains):
        root = _find_root(path, roots)
        if root is None:
            yield Unit(path=path, files={PurePath(path).name: gathered.plain[path]})
        else:
            owned[first[root]].append(path)
    for main, paths in owned.items():
        root = os.path.dirname(main)  # noqa: PTH120
        unit = _make_folder_unit(main, root, paths, gathered)
        mount = wanted.mount or str(Path(root).absolute())
        yield replace(unit, around=around[root], mount=mount)


def _make_lacking_units(gathered: Gathered, wanted: Wanted, mains: Sequence[str]) -> Iterator[Unit]:
    """A preset was asked for and no file of it is there: each folder has to hear that."""
    if wanted.preset and not mains and not gathered.units:
        for folder in gathered.folders:
            yield Unit(path=folder, files={}, preset=wanted.preset)


def _find_root(path: str, roots: Iterable[str]) -> str | None:
    """The nearest folder with a main file that `path` lies in."""
    fitting = [root for root in roots if not root or path.startswith(f"{root.rstrip('/')}/")]
    fitting = [root for root in fitting if root or not PurePath(path).is_absolute()]
    return max(fitting, key=len, default=None)


def _make_folder_unit(main: str, root: str, paths: Sequence[str], gathered: Gathered) -> Unit:
    keys = {path: os.path.relpath(path, root or ".") for path in paths}
    files = {key: gathered.plain[path] for path, key in keys.items()}
    preset = guess({keys[main]: files[keys[main]]})[0]
    return Unit(
        path=main,
        files=files,
        paths={key: path for path, key in keys.items()},
        preset=preset,
        main_key=keys[main],
    )
