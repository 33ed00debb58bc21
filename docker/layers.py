"""Reads an image from its archive (OCI, or what docker saves), without an engine.

python docker/layers.py ARCHIVE.tar PATH     prints one file of the image
"""

from __future__ import annotations

import gzip
import io
import json
import sys
import tarfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

GZIP = b"\x1f\x8b"
WHITEOUT = ".wh."


@dataclass(frozen=True, slots=True)
class Layer:
    """One layer: its bytes as they are stored, and unpacked as one tar file."""

    stored_bytes: int
    content: bytes = field(repr=False)

    @contextmanager
    def open(self) -> Iterator[tarfile.TarFile]:
        """Its files."""
        with tarfile.open(fileobj=io.BytesIO(self.content)) as tar:
            yield tar


@dataclass(frozen=True, slots=True)
class Image:
    """An image: what the engine is told, and its layers from the lowest on."""

    config: Mapping[str, Any]
    layers: tuple[Layer, ...]

    @property
    def unpacked_bytes(self) -> int:
        """The size of all layers without compression, which is what engines call the size."""
        return sum(len(layer.content) for layer in self.layers)

    @property
    def stored_bytes(self) -> int:
        """The size of all layers as the archive has them; compressed, it is what a pull moves."""
        return sum(layer.stored_bytes for layer in self.layers)

    def unpack(self, folder: Path) -> None:
        """Write the root file system to `folder`, as root."""
        for layer in self.layers:
            with layer.open() as tar:
                hidden = [path for path in tar.getnames() if Path(path).name.startswith(WHITEOUT)]
                if hidden:
                    msg = f"a layer removes files of another: {', '.join(hidden)}"
                    raise ValueError(msg)
                # It is run as well: there is nothing that its paths alone could do.
                tar.extractall(folder, filter="fully_trusted")  # noqa: S202

    def read(self, path: str) -> bytes:
        """One file. Raises `FileNotFoundError`."""
        for layer in reversed(self.layers):
            with layer.open() as tar:
                for member in tar:
                    if member.name.removeprefix("./") == path and member.isfile():
                        file = tar.extractfile(member)
                        return file.read() if file else b""
        msg = f"the image has no file {path}"
        raise FileNotFoundError(msg)


def read_image(archive: Path) -> Image:
    """The one image of `archive`."""
    with tarfile.open(archive) as tar:

        def read(path: str) -> bytes:
            file = tar.extractfile(path)
            return file.read() if file else b""

        def read_blob(entry: Mapping[str, Any]) -> bytes:
            return read("blobs/" + str(entry["digest"]).replace(":", "/"))

        index = json.loads(read("index.json"))
        while "layers" not in index:
            (entry,) = (one for one in index["manifests"] if "annotations" not in one or _runs(one))
            index = json.loads(read_blob(entry))
        config = json.loads(read_blob(index["config"]))
        layers = tuple(_unpack(read_blob(entry)) for entry in index["layers"])
    return Image(config=config, layers=layers)


def _runs(entry: Mapping[str, Any]) -> bool:
    """Whether it is an image, and no statement on one that the builder has put beside it."""
    return "vnd.docker.reference.type" not in entry["annotations"]


def _unpack(stored: bytes) -> Layer:
    content = gzip.decompress(stored) if stored.startswith(GZIP) else stored
    return Layer(stored_bytes=len(stored), content=content)


def main() -> None:
    """Print one file."""
    _, archive, path = sys.argv
    sys.stdout.buffer.write(read_image(Path(archive)).read(path))


if __name__ == "__main__":
    main()
