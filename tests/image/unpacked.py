"""The image as it was built, unpacked, and how its programs are run."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from docker.layers import Image, read_image
from tests.image.jail import IMAGE_ENV

JAIL = Path(__file__).with_name("jail.py")
DIST = Path(__file__).parents[2] / "dist"
OTHER_MACHINE = os.environ.get("PLATFORM", "").rpartition("/")[2]
"""Set where docker/build was asked for another machine's image, which an emulator runs."""
NAME = "-".join(filter(None, ("surehup", OTHER_MACHINE)))
ARCHIVE = DIST / f"{NAME}.oci.tar"
BILL = DIST / f"{NAME}.cdx.json"
SLOWNESS = 10 if OTHER_MACHINE else 1
TIMEOUT_S = 30.0 * SLOWNESS
USER = 65532


@dataclass(frozen=True, slots=True)
class Unpacked:
    """An image, and the folder that is its root file system."""

    image: Image
    root: Path

    @property
    def settings(self) -> Mapping[str, object]:
        """What the engine is told."""
        settings: Mapping[str, object] = self.image.config["config"]
        return settings

    @property
    def environ(self) -> dict[str, str]:
        """The variables by which a jail knows the image's own."""
        env = self.settings["Env"]
        assert isinstance(env, list)
        return {IMAGE_ENV: "\n".join(env)}

    @property
    def interpreter(self) -> str:
        """The one Python, as the image names it."""
        (found,) = (self.root / "usr").rglob("bin/python3.*")
        return f"/{found.relative_to(self.root)}"

    @property
    def packages(self) -> Path:
        """Where surehup and its dependencies are."""
        (found,) = self.root.rglob("sidecar/__init__.pyc")
        return found.parents[1]

    def jail(self, binds: Mapping[Path, str]) -> list[str]:
        """The words before a program of the image; `binds` are folders, and where it sees them."""
        folders = [f"--bind={folder}:{inside}" for folder, inside in binds.items()]
        words = [sys.executable, str(JAIL), str(self.root), f"--user={USER}", *folders]
        return ["/usr/bin/env", "unshare", "--mount", *words, "--"]

    def run(
        self,
        *argv: str,
        binds: Mapping[Path, str] | None = None,
        environ: Mapping[str, str] | None = None,
    ) -> subprocess.CompletedProcess[str]:
        """Run a program of the image to its end."""
        done = subprocess.run(
            [*self.jail(binds or {}), *argv],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=TIMEOUT_S,
            check=False,
            env={"PATH": os.environ["PATH"], **self.environ, **(environ or {})},
        )
        assert "Traceback" not in done.stderr, done.stderr
        return done


@contextmanager
def unpack(archive: Path) -> Iterator[Unpacked]:
    """The image of `archive`, where any user may look."""
    with tempfile.TemporaryDirectory(prefix="surehup-image-") as name:
        root = Path(name, "root")
        root.mkdir()
        Path(name).chmod(0o755)
        read = read_image(archive)
        read.unpack(root)
        yield Unpacked(image=read, root=root)
