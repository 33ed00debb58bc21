"""Images are read without an engine, as engines write them."""

from __future__ import annotations

import gzip
import io
import json
import platform
import tarfile
from pathlib import Path

import pytest

from docker.layers import read_image
from e2e.images.archive import write_archive


def make_layer(path: Path, files: dict[str, str]) -> Path:
    with tarfile.open(path, "w") as tar:
        for name, text in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(text)
            tar.addfile(member, io.BytesIO(text.encode()))
    return path


def make_archive(folder: Path, *layers: dict[str, str], compress: bool = False) -> Path:
    paths = [make_layer(folder / f"{n}.tar", files) for n, files in enumerate(layers)]
    if compress:
        for path in paths:
            path.write_bytes(gzip.compress(path.read_bytes()))
    archive = folder / "image.tar"
    config = {"User": "65532:65532"}
    write_archive("localhost/x:1", archive, paths, config, machine=platform.machine())
    return archive


@pytest.mark.parametrize("compress", [False, True])
def test_the_highest_layer_has_the_last_word(tmp_path: Path, compress: bool) -> None:  # noqa: FBT001
    archive = make_archive(
        tmp_path, {"etc/a": "one", "etc/b": "b"}, {"./etc/a": "two"}, compress=compress
    )
    image = read_image(archive)
    assert image.read("etc/a") == b"two"
    assert image.read("etc/b") == b"b"
    with pytest.raises(FileNotFoundError, match="etc/c"):
        image.read("etc/c")
    assert image.config["config"]["User"] == "65532:65532"
    assert image.unpacked_bytes == 2 * tarfile.RECORDSIZE
    assert (image.stored_bytes < image.unpacked_bytes) is compress


def test_it_is_unpacked(tmp_path: Path) -> None:
    root = tmp_path / "root"
    root.mkdir()
    read_image(make_archive(tmp_path, {"a": "one"}, {"a": "two", "b": "b"})).unpack(root)
    assert {path.name: path.read_text() for path in root.iterdir()} == {"a": "two", "b": "b"}


def test_removals_are_not_passed_over(tmp_path: Path) -> None:
    image = read_image(make_archive(tmp_path, {"a": ""}, {".wh.a": ""}))
    with pytest.raises(ValueError, match=r"\.wh\.a"):
        image.unpack(tmp_path)


def test_statements_beside_the_image_are_no_images(tmp_path: Path) -> None:
    archive = make_archive(tmp_path, {"a": "one"})
    with tarfile.open(archive) as tar:
        index = json.loads(tar.extractfile("index.json").read())  # type: ignore[union-attr]
        names = {name: tar.extractfile(name).read() for name in tar.getnames()}  # type: ignore[union-attr]
    statement = {
        **index["manifests"][0],
        "annotations": {"vnd.docker.reference.type": "attestation-manifest"},
    }
    index["manifests"].insert(0, statement)
    names["index.json"] = json.dumps(index).encode()
    with tarfile.open(archive, "w") as tar:
        for name, content in names.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
    assert read_image(archive).read("a") == b"one"
