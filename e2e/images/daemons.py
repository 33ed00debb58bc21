"""Images of the daemons that the tests run, from the Debian packages that this machine has.

    python -m e2e.images.daemons NAME FOLDER     prints the archive of localhost/NAME:debian12

Each holds a daemon with its checker and the libraries that both load, laid out as Debian does:
no shell, no other program. It is made anew only where one of these files has changed.
"""

from __future__ import annotations

import hashlib
import io
import platform
import re
import shutil
import subprocess
import sys
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from e2e.images.archive import write_archive

TAG = "debian12"
LDD_TIMEOUT_S = 20.0
SYSTEM_FOLDERS = "/usr/sbin:/sbin"
LIBRARY = re.compile(r"(?:=> )?(/\S+) \(0x[0-9a-f]+\)$")
MERGED = ("bin", "sbin", "lib", "lib64")
USERS = b"root:x:0:0:root:/:/sbin/nologin\nnobody:x:65534:65534:nobody:/:/sbin/nologin\n"
GROUPS = b"root:x:0:\nnogroup:x:65534:\n"
UNPRIVILEGED = "65534:65534"


@dataclass(frozen=True, slots=True)
class Daemon:
    """What one image holds: the first program is its entrypoint."""

    programs: tuple[str, ...]
    files: tuple[str, ...] = ()
    folders: tuple[str, ...] = ()


DAEMONS = {
    "prometheus": Daemon(("prometheus", "promtool")),
    "alertmanager": Daemon(
        ("prometheus-alertmanager", "amtool"),
        files=tuple(
            f"/usr/share/prometheus/alertmanager/{name}.tmpl" for name in ("default", "email")
        ),
    ),
    "nginx": Daemon(
        ("nginx",),
        files=("/etc/nginx/mime.types",),
        folders=("var/log/nginx", "var/lib/nginx"),
    ),
    "haproxy": Daemon(("haproxy",)),
}


class MissingProgramError(Exception):
    """A program of an image that this machine lacks."""


def build(name: str, folder: Path) -> Path:
    """The archive of the daemon `name`, made if it is not there as it should be."""
    daemon = DAEMONS[name]
    files = find_files(daemon)
    archive = folder / f"{name}-{_name_state(files)}.tar"
    if archive.exists():
        return archive
    folder.mkdir(parents=True, exist_ok=True)
    for outdated in folder.glob(f"{name}-*.tar"):
        outdated.unlink()
    layer = folder / f".{name}.layer"
    _write_layer(layer, files, daemon.folders)
    config = {"Entrypoint": [str(_find(daemon.programs[0]))], "User": UNPRIVILEGED}
    reference = f"localhost/{name}:{TAG}"
    write_archive(reference, archive, [layer], config, machine=platform.machine())
    layer.unlink()
    return archive


def find_files(daemon: Daemon) -> list[Path]:
    """Its programs, the libraries that they load, and what else it names.

    Raises `MissingProgramError`.
    """
    programs = [_find(program) for program in daemon.programs]
    return sorted({*programs, *_find_libraries(programs), *map(Path, daemon.files)})


def _find(program: str) -> Path:
    found = shutil.which(program) or shutil.which(program, path=SYSTEM_FOLDERS)
    if found is None:
        msg = f"{program} is not installed, which an image is made of: .ci/setup tools installs it"
        raise MissingProgramError(msg)
    return _locate(Path(found))


def _find_libraries(programs: list[Path]) -> Iterator[Path]:
    for program in programs:
        ended = subprocess.run(
            ["ldd", str(program)],
            capture_output=True,
            text=True,
            timeout=LDD_TIMEOUT_S,
            check=False,  # it fails for static programs, which have none
        )
        for line in ended.stdout.splitlines():
            if found := LIBRARY.search(line):
                yield _locate(Path(found[1]))


def _locate(path: Path) -> Path:
    """Its place under /usr, under the name that it is asked for by."""
    return path.parent.resolve() / path.name


def _name_state(files: list[Path]) -> str:
    source = hashlib.sha256(Path(__file__).read_bytes())
    for file in files:
        found = file.stat()
        source.update(f"{file} {found.st_size} {found.st_mtime_ns}\n".encode())
    return source.hexdigest()[:12]


def _write_layer(out: Path, files: list[Path], folders: tuple[str, ...]) -> None:
    with tarfile.open(out, "w") as tar:
        for name in MERGED:
            link = tarfile.TarInfo(name)
            link.type, link.linkname = tarfile.SYMTYPE, f"usr/{name}"
            tar.addfile(link)
        _add_folder(tar, "tmp", mode=0o1777)
        for folder in folders:
            _add_folder(tar, folder, mode=0o1777)
        _add_file(tar, "etc/passwd", USERS, mode=0o644)
        _add_file(tar, "etc/group", GROUPS, mode=0o644)
        for file in files:
            mode = 0o755 if file.stat().st_mode & 0o100 else 0o644
            _add_file(tar, str(file).lstrip("/"), file.read_bytes(), mode=mode)


def _add_folder(tar: tarfile.TarFile, name: str, *, mode: int) -> None:
    member = tarfile.TarInfo(name)
    member.type, member.mode = tarfile.DIRTYPE, mode
    tar.addfile(member)


def _add_file(tar: tarfile.TarFile, name: str, content: bytes, *, mode: int) -> None:
    member = tarfile.TarInfo(name)
    member.size, member.mode = len(content), mode
    tar.addfile(member, io.BytesIO(content))


def main() -> None:
    """Build one, as the command line says."""
    usage = f"usage: python -m e2e.images.daemons {'|'.join(DAEMONS)} FOLDER"
    if len(sys.argv) != len(("program", "name", "folder")) or sys.argv[1] not in DAEMONS:
        sys.exit(usage)
    try:
        print(build(sys.argv[1], Path(sys.argv[2])))  # noqa: T201  the result
    except MissingProgramError as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
