"""Gathers the root file system of the image from the machine that this runs on.

    python3 docker/collect.py --packages FOLDER --own FOLDER RUNTIME SUREHUP

RUNTIME becomes a root with the running interpreter, the part of its library that
docker/keep-stdlib.txt keeps, the packages, every shared library that one of these loads, and the
few files of /etc that a process needs; SUREHUP one with surehup itself. Debian's packages of which
files are taken leave their licence and their entry for scanners. Everything keeps its place, so
that the interpreter finds it.
"""

from __future__ import annotations

import argparse
import re
import shutil
import site
import subprocess
import sys
import sysconfig
from collections.abc import Iterable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))
from docker.prune import is_kept, list_files, read_patterns

MERGED = ("bin", "sbin", "lib", "lib32", "lib64")
ENV = ("/usr/bin/env",)
LDCONFIG = "/sbin/ldconfig"
ELF = b"\x7fELF"
LOADED = re.compile(r"^\s+(?:\S+ => )?(/\S+) \(0x[0-9a-f]+\)$", re.MULTILINE)
ROOTS = "/etc/ssl/certs/ca-certificates.crt"
RELEASE = "/etc/os-release"
USER = 65532
PASSWD = f"root:x:0:0:root:/:/nonexistent\nsurehup:x:{USER}:{USER}:surehup:/:/nonexistent\n"
GROUP = f"root:x:0:\nsurehup:x:{USER}:\n"
NAMES = "passwd: files\ngroup: files\nhosts: files dns\n"
STATE_DIR = "run/surehup"
LAUNCHER = """\
#!{python} -I
import sys

from sidecar.cli import main

sys.exit(main())
"""


class Root:
    """A root file system in the making, and which of this machine's files it holds."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.taken: set[str] = set()

    def place(self, path: str | Path) -> Path:
        """Where `path` of the image lies now; its folder exists."""
        place = self.folder / str(path).lstrip("/")
        place.parent.mkdir(parents=True, exist_ok=True)
        return place

    def take(self, path: str | Path) -> None:
        """Copy a file of this machine to the same place, as what it is and not as a link."""
        # /lib may be a link to /usr/lib, here and in the image.
        real = Path(path).parent.resolve() / Path(path).name
        shutil.copy2(path, self.place(real))
        self.taken.add(str(real))

    def write(self, path: str, text: str, *, mode: int = 0o644) -> None:
        """Make a file."""
        place = self.place(path)
        place.write_text(text, "utf-8")
        place.chmod(mode)

    def fill(self, path: str, source: Path) -> None:
        """Copy a whole folder to `path`."""
        shutil.copytree(source, self.place(path), dirs_exist_ok=True)


def take_interpreter(root: Root) -> Path:
    """The interpreter and its library; returns the interpreter's place."""
    python = Path(sys.executable).resolve()
    root.take(python)
    library = Path(sysconfig.get_path("stdlib"))
    patterns = read_patterns((Path(__file__).parent / "keep-stdlib.txt").read_text("utf-8"))
    for path in list_files(library):
        if is_kept(path, patterns):
            root.take(library / path)
    return python


def take_libraries(root: Root) -> None:
    """Every library that a program or module of the root loads, and what loads it."""
    files = (path for path in root.folder.rglob("*") if path.is_file() and not path.is_symlink())
    programs = [str(path) for path in files if _is_elf(path)]
    told = subprocess.run(
        [*ENV, "ldd", *programs], capture_output=True, text=True, check=True
    ).stdout
    if "not found" in told:
        sys.exit(f"a library is missing:\n{told}")
    found = sorted(set(LOADED.findall(told)))
    for path in found:
        root.take(path)
    _index(root, {str(Path(path).parent.resolve()) for path in found})


def _index(root: Root, folders: Iterable[str]) -> None:
    """Let the loader find libraries in `folders`: not all are among those that it knows itself."""
    root.write("etc/ld.so.conf", "".join(f"{folder}\n" for folder in sorted(folders)))
    subprocess.run([LDCONFIG, "-X", "-r", str(root.folder)], check=True)
    shutil.rmtree(root.folder / "var" / "cache", ignore_errors=True)


def _is_elf(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(len(ELF)) == ELF


def take_system(root: Root) -> None:
    """What a process expects of a system: users, names, whom to trust, room to write."""
    for name in MERGED:
        link = Path("/", name)
        if link.is_symlink():
            root.place(name).symlink_to(link.readlink())
    root.take(ROOTS)
    root.take(RELEASE)
    root.write("etc/passwd", PASSWD)
    root.write("etc/group", GROUP)
    root.write("etc/nsswitch.conf", NAMES)
    # Any user may run the image: the daemon's user does.
    for name in ("tmp", STATE_DIR):
        folder = root.place(name)
        folder.mkdir()
        folder.chmod(0o1777)


def take_records(root: Root) -> None:
    """Licence and entry of each Debian package of which a file was taken."""
    for package in sorted(_find_packages(root.taken)):
        name = package.partition(":")[0]
        licence = Path("/usr/share/doc", name, "copyright")
        if licence.exists():
            # Beside the entry, also where several packages share one text by a link.
            shutil.copy2(licence, root.place(licence))
        entry = subprocess.run(
            [*ENV, "dpkg-query", "--status", package], capture_output=True, text=True, check=True
        ).stdout
        # Where scanners of images without a package manager look (syft, trivy, grype).
        root.write(f"var/lib/dpkg/status.d/{name}", entry)


def _find_packages(paths: Iterable[str]) -> set[str]:
    asked = sorted({*paths, *(path.removeprefix("/usr") for path in paths)})
    # Fails where one of them belongs to nobody, which is usual.
    told = subprocess.run(
        [*ENV, "dpkg-query", "--search", *asked], capture_output=True, text=True, check=False
    ).stdout
    owned = (
        line.rpartition(": ") for line in told.splitlines() if not line.startswith("diversion")
    )
    wanted = set(asked)
    return {name for names, _, path in owned if path in wanted for name in names.split(", ")}


def compile_modules(folder: Path) -> None:
    """Replace sources by what they compile to, which is read as it is, whatever its date.

    Tracebacks keep file and line.
    """
    subprocess.run(
        [
            *(sys.executable, "-m", "compileall", "-q", "-b", "-s", str(folder), "-p", "/"),
            *("--invalidation-mode", "unchecked-hash", str(folder)),
        ],
        check=True,
    )
    for source in folder.rglob("*.py"):
        if source.with_suffix(".pyc").exists():
            source.unlink()


def main() -> None:
    """Gather both parts."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--packages", type=Path, required=True)
    parser.add_argument("--own", type=Path, required=True)
    parser.add_argument("runtime", type=Path)
    parser.add_argument("surehup", type=Path)
    given = parser.parse_args()
    runtime, own = Root(given.runtime), Root(given.surehup)
    packages = site.getsitepackages()[0]
    python = take_interpreter(runtime)
    runtime.fill(packages, given.packages)
    take_system(runtime)
    take_libraries(runtime)
    take_records(runtime)
    own.fill(packages, given.own)
    for root in (runtime, own):
        compile_modules(root.folder)
    for name in ("surehup", "kubectl-surehup"):
        own.write(f"usr/bin/{name}", LAUNCHER.format(python=python), mode=0o755)


if __name__ == "__main__":
    main()
