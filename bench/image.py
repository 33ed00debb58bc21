"""What the image weighs, by its layers and by what is in it, beside the nearest neighbour's.

`make image` builds it. A MB is a million bytes. The image's size is that of its layers without
compression, which is what engines call the size; those of its parts are of the files alone.
"""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from bench.stand import show_table
from docker.layers import Image, read_image

ARCHIVE = Path(__file__).parents[1] / "dist" / "surehup.oci.tar"
NEIGHBOUR = "k8s-sidecar 2.10.1, its site-packages alone"
NEIGHBOUR_MB = 99
"""Measured: its requirements installed by pip on Python 3.11. Its image adds Alpine and Python."""


def name_part(path: str) -> str:
    """What a file belongs to."""
    parts = path.removeprefix("./").split("/")
    if "site-packages" in parts or "dist-packages" in parts:
        return "surehup" if "sidecar" in parts else "packages"
    if path.startswith(("usr/bin/python", "usr/local/bin/python")):
        return "interpreter"
    if any(part.startswith("python3") for part in parts):
        return "Python's library"
    return "shared libraries" if ".so" in parts[-1] else "the rest"


def weigh(image: Image) -> Counter[str]:
    """Bytes of each part."""
    parts: Counter[str] = Counter()
    for layer in image.layers:
        with layer.open() as tar:
            for member in tar:
                parts[name_part(member.name)] += member.size
    return parts


def main() -> None:
    """Print the table."""
    if not ARCHIVE.exists():
        msg = f"{ARCHIVE} is not there: make image builds it"
        raise SystemExit(msg)
    image = read_image(ARCHIVE)
    rows = [
        ("the image", f"{image.unpacked_bytes / 1e6:6.1f} MB"),
        ("as it is pulled (gzip)", f"{image.stored_bytes / 1e6:6.1f} MB"),
        *((f"  {part}", f"{size / 1e6:6.1f} MB") for part, size in weigh(image).most_common()),
        (NEIGHBOUR, f"{NEIGHBOUR_MB:6.1f} MB"),
    ]
    base = image.config["config"]["Labels"]["org.opencontainers.image.base.name"]
    print(f"built on {base}, {image.config['architecture']}")
    show_table("image", rows)


if __name__ == "__main__":
    main()
