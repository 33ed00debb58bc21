"""The image with a checker in it, built by the very Dockerfile that docs/image.md shows."""

from __future__ import annotations

import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest

from docker.layers import Layer
from e2e.images.daemons import DAEMONS, find_files
from tests.image.unpacked import ARCHIVE, OTHER_MACHINE, Unpacked, unpack

DOCUMENT = Path(__file__).parents[2] / "docs" / "image.md"
BUILD_TIMEOUT_S = 120.0
CONFIG = """\
defaults
    mode {mode}
    timeout connect 5s
    timeout client 5s
    timeout server 5s
frontend web
    bind 127.0.0.1:8080
"""

pytestmark = [
    pytest.mark.skipif(shutil.which("buildah") is None, reason="buildah builds it"),
    pytest.mark.skipif(bool(OTHER_MACHINE), reason="this machine's HAProxy goes into it"),
]


def read_dockerfile() -> str:
    (found,) = re.findall(
        r"^```dockerfile\n(.*?)^```", DOCUMENT.read_text(), re.DOTALL | re.MULTILINE
    )
    return str(found)


def gather_haproxy(folder: Path) -> Path:
    """What the document calls `haproxy-files`."""
    for file in find_files(DAEMONS["haproxy"]):
        place = folder / file.relative_to("/")
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(file, place)
    return folder


def build(dockerfile: str, files: Path, folder: Path) -> Path:
    """The archive of what the Dockerfile makes, in a store that goes with it."""
    (base,) = re.findall(r"^FROM (\S+)", dockerfile, re.MULTILINE)
    context = folder / "context"
    context.mkdir()
    (context / "Dockerfile").write_text(dockerfile)
    archive = folder / "image.tar"
    store = (f"--root={folder / 'store'}", f"--runroot={folder / 'run'}", "--storage-driver=vfs")

    def buildah(*argv: str) -> str:
        return subprocess.run(
            ["/usr/bin/env", "buildah", *store, *argv],
            stdout=subprocess.PIPE,
            text=True,
            timeout=BUILD_TIMEOUT_S,
            check=True,
        ).stdout.strip()

    buildah("tag", buildah("pull", "--quiet", f"oci-archive:{ARCHIVE}"), base)
    others = f"--build-context=haproxy-files={files}"
    made = buildah("build", "--quiet", "--pull=never", others, str(context))
    buildah("push", "--quiet", made, f"oci-archive:{archive}")
    return archive


@pytest.fixture(scope="module")
def checker(image: Unpacked) -> Iterator[Unpacked]:  # noqa: ARG001  it is built on that
    with tempfile.TemporaryDirectory(prefix="surehup-checker-") as name:
        files = gather_haproxy(Path(name, "files"))
        with unpack(build(read_dockerfile(), files, Path(name))) as made:
            yield made


@pytest.mark.parametrize(
    ("mode", "code", "said"), [("http", 0, "all good"), ("htp", 4, "unknown proxy mode 'htp'")]
)
def test_it_judges(checker: Unpacked, shared: Path, mode: str, code: int, said: str) -> None:
    for name in ("tmp", mode):
        (shared / name).mkdir(exist_ok=True)
    (shared / mode / "haproxy.cfg").write_text(CONFIG.format(mode=mode))
    binds = {shared / "tmp": "/tmp", shared / mode: "/config"}  # noqa: S108
    done = checker.run("surehup", "check", "--preset=haproxy", "/config", binds=binds)
    assert done.returncode == code, done.stdout + done.stderr
    assert said in done.stdout


def test_nothing_of_the_image_is_replaced(checker: Unpacked, image: Unpacked) -> None:
    below = image.image.layers
    assert checker.image.layers[: len(below)] == below
    added = checker.image.layers[len(below) :]
    assert added
    assert not list_files(below) & list_files(added)


def list_files(layers: Iterable[Layer]) -> set[str]:
    files: set[str] = set()
    for layer in layers:
        with layer.open() as tar:
            files |= {member.name.removeprefix("./") for member in tar if not member.isdir()}
    return files


def test_the_images_own_libraries_come_first(checker: Unpacked, image: Unpacked) -> None:
    loader = next((image.root / "usr").rglob("ld-linux-*"))
    told = checker.run(f"/{loader.relative_to(image.root)}", "--list", "/usr/bin/haproxy").stdout
    loaded = {Path(path).name: path for path in re.findall(r"=> (/\S+)", told)}
    own = {path.name for path in (image.root / "usr").rglob("*.so*")}
    assert "libcrypto.so.3" in own & loaded.keys()
    assert all((image.root / loaded[name].lstrip("/")).exists() for name in own & loaded.keys())
