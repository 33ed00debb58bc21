"""The next version of an image, as it comes to a node: another name, and another identity."""

from __future__ import annotations

import hashlib
import io
import json
import tarfile
from pathlib import Path
from typing import Any

INDEX = "index.json"
NAMES = ("io.containerd.image.name", "org.opencontainers.image.ref.name")
VERSION = "org.opencontainers.image.version"


def retag(archive: Path, name: str, out: Path) -> Path:
    """Write the OCI archive to `out`, where its image is called `name` and has a label of its own.

    Without that it would be the same image under two names, and nodes would say either.
    """
    with tarfile.open(archive) as source:
        files = {
            member.name.removeprefix("./"): content.read()
            for member in source
            if (content := source.extractfile(member)) is not None
        }
    index = json.loads(files[INDEX])
    (entry,) = index["manifests"]
    manifest = json.loads(files[_place(entry)])
    config = json.loads(files[_place(manifest["config"])])
    config["config"]["Labels"] = {**config["config"].get("Labels", {}), VERSION: name}
    _store(files, manifest["config"], config)
    _store(files, entry, manifest)
    entry["annotations"] = {**entry.get("annotations", {}), **dict.fromkeys(NAMES, name)}
    files[INDEX] = json.dumps(index).encode()
    with tarfile.open(out, "w") as target:
        for path, data in files.items():
            member = tarfile.TarInfo(path)
            member.size = len(data)
            target.addfile(member, io.BytesIO(data))
    return out


def _place(descriptor: dict[str, Any]) -> str:
    algorithm, _, digest = str(descriptor["digest"]).partition(":")
    return f"blobs/{algorithm}/{digest}"


def _store(files: dict[str, bytes], descriptor: dict[str, Any], content: object) -> None:
    text = json.dumps(content).encode()
    descriptor["digest"] = f"sha256:{hashlib.sha256(text).hexdigest()}"
    descriptor["size"] = len(text)
    files[_place(descriptor)] = text
