"""Images and containers in small: trees with a daemon of their own that runs chrooted in them.

Its own mount namespace and root, another user, and the PID namespace of the tests: what a sidecar
sees of the main container in a pod that shares its PID namespace.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

UID = 12345
"""Of daemon and sidecar: with a number of its own, no other process of the machine is in reach."""

UNSHARE = shutil.which("unshare") or "unshare"

JUDGE_C = r"""
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#ifdef LIBRARY
const char *flavour(void);
#else
static const char *flavour(void) { return FLAVOUR; }
#endif
int main(int argc, char **argv) {
    char word[64], path[512] = "", begun[600];
    if (argc < 3) for (;;) pause();
    printf("judge %s\n", flavour());
    FILE *file = fopen(argv[2], "r");
    if (!file) { printf("cannot open %s: %s\n", argv[2], strerror(errno)); return 1; }
    while (fscanf(file, "%63s %511s", word, path) > 0) {
        if (!strcmp(word, "bad")) { printf("%s:1: bad word\n", argv[2]); return 1; }
        if (!strcmp(word, "exit")) { printf("out of order\n"); return 127; }
        if (!strcmp(word, "include") && access(path, R_OK)) {
            printf("cannot open %s: %s\n", path, strerror(errno)); return 1;
        }
        if (!strcmp(word, "until")) {
            snprintf(begun, sizeof begun, "%s.begun", path);
            fclose(fopen(begun, "w"));
            while (access(path, R_OK)) usleep(2000);
        }
    }
    return 0;
}
"""
LIBRARY_C = 'const char *flavour(void) { return "with its library"; }\n'
JUDGE_GO = """package main
import ("bytes"; "fmt"; "os"; "time")
func main() {
    if len(os.Args) < 3 { for { time.Sleep(time.Hour) } }
    fmt.Println("judge go")
    content, err := os.ReadFile(os.Args[2])
    if err != nil || bytes.Contains(content, []byte("bad")) {
        fmt.Printf("%s:1: bad word\\n", os.Args[2])
        os.Exit(1)
    }
}
"""

FLAVOURS = ("static", "glibc", "rpath", "musl", "go")


@dataclass(frozen=True)
class Container:
    """A running daemon."""

    popen: subprocess.Popen[bytes]

    @property
    def pid(self) -> int:
        return self.popen.pid

    def wait_executed(self, program: str) -> None:
        """Until it is no more what has started it."""
        exe = f"/proc/{self.pid}/exe"  # which may be stale, as pathlib would mind
        self._wait_for(f"{program} is not run", lambda: os.readlink(exe).endswith(program))  # noqa: PTH115

    def wait_loaded(self, library: str) -> None:
        """Until it has found the library, which may be taken away from then on."""
        maps = Path(f"/proc/{self.pid}/maps")
        self._wait_for(f"{library} is not loaded", lambda: library in maps.read_text())

    def _wait_for(self, lack: str, is_so: Callable[[], bool]) -> None:
        until_s = time.monotonic() + 10
        while not is_so():
            assert self.popen.poll() is None, f"{lack}, and it has ended"
            assert time.monotonic() < until_s, lack
            time.sleep(0.002)

    def end(self) -> None:
        self.popen.kill()
        self.popen.wait(5)


class Image:
    """A root folder. Files keep their place, links of the loader are as absolute as Debian's."""

    def __init__(self, root: Path) -> None:
        self.root = root
        root.mkdir()
        root.chmod(0o755)

    def at(self, path: str) -> Path:
        """The place of `path` in the image, whose folder exists."""
        place = self.root / path.lstrip("/")
        place.parent.mkdir(parents=True, exist_ok=True)
        return place

    def write(self, path: str, content: str, mode: int = 0o644) -> Path:
        place = self.at(path)
        place.write_text(content)
        place.chmod(mode)
        return place

    def add(self, program: str | Path, path: str = "") -> Path:
        """Copy a program with its loader and libraries."""
        for library in _list_libraries(str(program)):
            source = Path(library)
            target = source.resolve() if "ld-linux" in source.name else source
            self._copy(target, _spell(target))
            if "ld-linux" in source.name and source.parent.name == "lib64":
                link = self.at("/lib64/" + source.name)
                if not link.is_symlink():
                    link.symlink_to(_spell(target))
        return self._copy(Path(program), path or str(program))

    def _copy(self, source: Path, path: str) -> Path:
        place = self.at(path)
        if not place.exists():
            shutil.copy(source, place)
            place.chmod(0o755)
        return place

    @contextmanager
    def run(self, *argv: str, uid: int = UID, gid: int | None = None) -> Iterator[Container]:
        """Start `argv` in it, as a user without capabilities."""
        users = (f"--setgid={uid if gid is None else gid}", f"--setuid={uid}") if uid else ()
        popen = subprocess.Popen(
            [UNSHARE, "--mount", f"--root={self.root}", *users, *argv],
            stdout=subprocess.DEVNULL,
            start_new_session=True,
            env={"LD_LIBRARY_PATH": "/usr/own"},  # without /proc nobody there knows its $ORIGIN
        )
        container = Container(popen)
        try:
            container.wait_executed(argv[0])
            yield container
        finally:
            container.end()


def _list_libraries(program: str) -> list[str]:
    found = subprocess.run(["ldd", program], capture_output=True, text=True, check=False)
    return re.findall(r"(?:=> |^\s*)(/\S+) \(0x", found.stdout, re.MULTILINE)


def _spell(path: Path) -> str:
    """Without merged folders: Debian's loader link is ``/lib/…``, where ``/usr/lib/…`` is meant."""
    return str(path).removeprefix("/usr") if str(path).startswith("/usr/lib/") else str(path)


def build_judge(flavour: str, folder: Path) -> Path:
    """A daemon that is its own validator (``judge -t FILE``), or skips the test."""
    source, program = folder / "judge.c", folder / "judge"
    source.write_text(JUDGE_C)
    define = f'-DFLAVOUR="{flavour}"'
    compiler = {"go": "go", "musl": "musl-gcc"}.get(flavour, "gcc")
    found = shutil.which(compiler) or shutil.which(compiler, path="/usr/local/go/bin")
    if found is None:
        pytest.skip(f"{compiler} is not installed")
    match flavour:
        case "go":
            (folder / "judge.go").write_text(JUDGE_GO)
            _compile(found, "build", "-o", program, folder / "judge.go")
        case "rpath":
            library = folder / "libjudge.so"
            (folder / "library.c").write_text(LIBRARY_C)
            _compile(found, "-shared", "-fPIC", "-o", library, folder / "library.c")
            search = "-Wl,-rpath,$ORIGIN/../own"
            _compile(found, "-DLIBRARY", "-o", program, source, search, f"-L{folder}", "-ljudge")
        case _:
            options = ["-static"] if flavour == "static" else []
            _compile(found, *options, define, "-o", program, source)
    return program


def _compile(*command: str | Path) -> None:
    environment = os.environ | {"CGO_ENABLED": "0", "GO111MODULE": "off", "GOTOOLCHAIN": "local"}
    subprocess.run(command, check=True, timeout=120, env=environment)


def make_judge_image(flavour: str, folder: Path) -> Image:
    """An image whose daemon is a judge of that flavour."""
    build = folder / "build"
    build.mkdir()
    program = build_judge(flavour, build)
    image = Image(folder / "image")
    if flavour == "musl":
        loader = Path("/lib/ld-musl-x86_64.so.1").resolve()
        shutil.copy(program, image.at("/usr/bin/judge"))
        shutil.copy(loader, image.at("/lib/libc.so"))
        image.at("/lib/ld-musl-x86_64.so.1").symlink_to("/lib/libc.so")
    else:
        image.add(program, "/usr/bin/judge")
    if flavour == "rpath":
        image.at("/usr/own/libjudge.so").write_bytes((build / "libjudge.so").read_bytes())
    return image


def require_root() -> None:
    if os.geteuid() != 0 or sys.platform != "linux":
        pytest.skip("needs root, to start a container")
