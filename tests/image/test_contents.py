"""What is in the image, and what is not."""

from __future__ import annotations

import email
import json
import stat
from pathlib import Path

from tests.image.unpacked import USER, Unpacked

MOST_MB = 60.0
"""Measured: 52 on the Debian that e2e/base-image puts together."""
ELF = b"\x7fELF"
PROGRAMS = {"surehup", "kubectl-surehup"}
BILL = "usr/share/sbom/surehup.cdx.json"
HEAVY = ("aiohttp", "kubernetes/aio", "kubernetes/client/api", "pip", "ensurepip", "hatchling")


def list_files(image: Unpacked) -> list[Path]:
    return [path for path in image.root.rglob("*") if path.is_file() and not path.is_symlink()]


def test_an_engine_is_told_how_to_run_it(image: Unpacked) -> None:
    settings = image.settings
    assert settings["User"] == f"{USER}:{USER}"
    assert (settings["Entrypoint"], settings["Cmd"]) == (["surehup"], ["run"])
    assert settings["StopSignal"] == "SIGTERM"
    labels = settings["Labels"]
    assert isinstance(labels, dict)
    said = {name.removeprefix("org.opencontainers.image."): text for name, text in labels.items()}
    assert (said["title"], said["licenses"]) == ("surehup", "Apache-2.0")
    assert said["version"] in image.run("surehup", "--version").stdout
    assert len(said["revision"]) in {len("unknown"), 40}


def test_its_programs_are_an_interpreter_and_ours(image: Unpacked) -> None:
    run = {path for path in list_files(image) if path.stat().st_mode & 0o111}
    programs = {path.name for path in run if ".so" not in path.name}
    interpreter = Path(image.interpreter).name
    assert programs == {*PROGRAMS, interpreter}


def test_nothing_of_it_can_be_changed_or_gives_rights(image: Unpacked) -> None:
    for path in image.root.rglob("*"):
        found = path.lstat()
        if stat.S_ISLNK(found.st_mode):
            continue
        name = str(path.relative_to(image.root))
        assert (found.st_uid, found.st_gid) == (0, 0), name
        assert not found.st_mode & (stat.S_ISUID | stat.S_ISGID), name
        if name not in {"tmp", "run/surehup"}:
            assert not found.st_mode & 0o022, name


def test_no_sources_tests_or_tools(image: Unpacked) -> None:
    names = [str(path.relative_to(image.root)) for path in list_files(image)]
    assert not [name for name in names if name.endswith((".py", ".pyi", ".h", ".a"))]
    assert not [name for name in names if "/tests/" in name or "/test/" in name]
    packages = image.packages
    assert not [name for name in HEAVY if (packages / name).exists()]


def test_layers_hide_nothing_and_are_small(image: Unpacked) -> None:
    assert len(image.image.layers) == 2
    assert image.image.unpacked_bytes / 1e6 <= MOST_MB


def test_layers_carry_no_date(image: Unpacked) -> None:
    for layer in image.image.layers:
        with layer.open() as tar:
            assert {member.mtime for member in tar if member.isfile()} == {0}


def test_the_bill_lists_all_that_is_there(image: Unpacked) -> None:
    bill = json.loads((image.root / BILL).read_text())
    listed = {component["name"] for component in bill["components"]}
    listed.add(bill["metadata"]["component"]["name"])
    metadata = [email.message_from_string(p.read_text()) for p in image.root.rglob("*/METADATA")]
    there = {str(entry["Name"]).lower().replace("_", "-").replace(".", "-") for entry in metadata}
    debs = {path.name for path in (image.root / "var/lib/dpkg/status.d").iterdir()}
    assert {"kubernetes", "pydantic", "surehup", "urllib3"} <= there
    assert {"libc6", "zlib1g"} <= debs
    systems = {
        c["name"] for c in bill["components"] if c["type"] in {"operating-system", "platform"}
    }
    assert listed == there | debs | systems
    assert all(component.get("version") for component in bill["components"])


def test_terms_of_all_come_along(image: Unpacked) -> None:
    for info in image.packages.glob("*.dist-info"):
        metadata = email.message_from_string((info / "METADATA").read_text())
        texts = [path for path in info.rglob("*") if path.name.upper().startswith("LICEN")]
        assert texts or not metadata.get_all("License-File"), info.name
    for entry in (image.root / "var/lib/dpkg/status.d").iterdir():
        assert (image.root / "usr/share/doc" / entry.name / "copyright").exists(), entry.name
