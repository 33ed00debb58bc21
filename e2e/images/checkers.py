"""The sidecar's image with the checker of a daemon in it, as docs/image.md tells to make one.

    python -m e2e.images.checkers NAME SUREHUP.tar FOLDER  prints the archive of surehup-NAME:dev

One more layer holds the daemon's programs, in /usr/bin as the image searches no other folder of
Debian's, and those of their libraries that the image lacks.
"""

from __future__ import annotations

import platform
import sys
import tarfile
from pathlib import Path

from docker.layers import Image, read_image
from e2e.images.archive import write_archive
from e2e.images.daemons import DAEMONS, MissingProgramError, find_files

TAG = "dev"


def build(name: str, base: Path, folder: Path) -> Path:
    """The archive of the image with the programs of the daemon `name` on top of `base`."""
    archive = folder / f"{base.stem}-{name}.tar"
    image = read_image(base)
    layers = []
    for number, layer in enumerate(image.layers):
        layers.append(folder / f".{name}-checker.{number}")
        layers[-1].write_bytes(layer.content)
    layers.append(folder / f".{name}-checker.layer")
    _write_layer(layers[-1], find_files(DAEMONS[name]), image)
    reference = f"localhost/surehup-{name}:{TAG}"
    write_archive(reference, archive, layers, image.config["config"], machine=platform.machine())
    for layer_file in layers:
        layer_file.unlink()
    return archive


def _write_layer(out: Path, files: list[Path], image: Image) -> None:
    present = set(_list_files(image))
    with tarfile.open(out, "w") as tar:
        for file in files:
            path = str(file).lstrip("/").replace("usr/sbin/", "usr/bin/", 1)
            if path not in present:
                tar.add(file.resolve(), arcname=path)


def _list_files(image: Image) -> list[str]:
    names = []
    for layer in image.layers:
        with layer.open() as tar:
            names += [name.removeprefix("./") for name in tar.getnames()]
    return names


def main() -> None:
    """Build one, as the command line says."""
    if len(sys.argv) != len(("program", "name", "base", "folder")) or sys.argv[1] not in DAEMONS:
        sys.exit(f"usage: python -m e2e.images.checkers {'|'.join(DAEMONS)} SUREHUP.tar FOLDER")
    try:
        print(build(sys.argv[1], *map(Path, sys.argv[2:])))  # noqa: T201  the result
    except MissingProgramError as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
