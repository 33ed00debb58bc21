"""Writes a container image as an OCI archive, from layers that are plain tar files.

    python e2e/images/archive.py NAME:TAG OUT.tar LAYER.tar... [--entrypoint JSON] [--user UID]

`ctr images import`, `kind load image-archive`, `podman load` and `buildah pull oci-archive:` read
it. Neither a container engine nor a registry is needed. The same layers make the same bytes.
"""

from __future__ import annotations

import argparse
import hashlib
import io
import json
import tarfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

MEDIA = "application/vnd.oci.image"
SEARCH_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}


def write_archive(
    name: str, out: Path, layers: Sequence[Path], config: Mapping[str, Any], *, machine: str
) -> None:
    """Write the image `name` to `out`; `config` is that of the OCI image specification."""
    blobs: dict[str, bytes | Path] = {}
    described = [_describe(f"{MEDIA}.layer.v1.tar", layer, blobs) for layer in layers]
    settings = {
        "architecture": ARCHITECTURES[machine],
        "os": "linux",
        "config": {"Env": [f"PATH={SEARCH_PATH}"], **config},
        "rootfs": {"type": "layers", "diff_ids": [layer["digest"] for layer in described]},
    }
    manifest = {
        "schemaVersion": 2,
        "mediaType": f"{MEDIA}.manifest.v1+json",
        "config": _describe(f"{MEDIA}.config.v1+json", json.dumps(settings).encode(), blobs),
        "layers": described,
    }
    entry = _describe(f"{MEDIA}.manifest.v1+json", json.dumps(manifest).encode(), blobs)
    # containerd goes by the first of these names, podman and buildah by the second.
    entry["annotations"] = {
        "io.containerd.image.name": name,
        "org.opencontainers.image.ref.name": name,
    }
    index = {"schemaVersion": 2, "mediaType": f"{MEDIA}.index.v1+json", "manifests": [entry]}
    unfinished = out.with_suffix(".new")
    with tarfile.open(unfinished, "w") as tar:
        _add(tar, "oci-layout", b'{"imageLayoutVersion":"1.0.0"}')
        _add(tar, "index.json", json.dumps(index).encode())
        for digest, content in blobs.items():
            _add(tar, f"blobs/sha256/{digest}", content)
    unfinished.replace(out)


def _describe(media: str, content: bytes | Path, blobs: dict[str, bytes | Path]) -> dict[str, Any]:
    if isinstance(content, Path):
        with content.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        size = content.stat().st_size
    else:
        digest, size = hashlib.sha256(content).hexdigest(), len(content)
    blobs[digest] = content
    return {"mediaType": media, "digest": f"sha256:{digest}", "size": size}


def _add(tar: tarfile.TarFile, name: str, content: bytes | Path) -> None:
    member = tarfile.TarInfo(name)
    if isinstance(content, bytes):
        member.size = len(content)
        tar.addfile(member, io.BytesIO(content))
        return
    member.size = content.stat().st_size
    with content.open("rb") as file:
        tar.addfile(member, file)


def main() -> None:
    """Write one archive, as the command line says."""
    import platform  # noqa: PLC0415  for the command alone

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("name")
    parser.add_argument("out", type=Path)
    parser.add_argument("layers", type=Path, nargs="+")
    parser.add_argument("--entrypoint", type=json.loads, default=[])
    parser.add_argument("--env", action="append", default=[])
    parser.add_argument("--user", default="")
    given = parser.parse_args()
    config: dict[str, Any] = {"Entrypoint": given.entrypoint, "User": given.user}
    if given.env:
        config["Env"] = [f"PATH={SEARCH_PATH}", *given.env]
    write_archive(given.name, given.out, given.layers, config, machine=platform.machine())


if __name__ == "__main__":
    main()
