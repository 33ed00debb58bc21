"""The bill of materials, held to CycloneDX's own schema, and what it makes of metadata."""

from __future__ import annotations

import importlib
import json
from pathlib import Path

import pytest

from docker.sbom import list_components, make_bill
from tests.image.unpacked import BILL, Unpacked

METADATA = """\
Metadata-Version: 2.4
Name: {name}
Version: 1.0
{licence}

A description that is long.
"""


def place(root: Path, path: str, text: str) -> None:
    (root / path).parent.mkdir(parents=True, exist_ok=True)
    (root / path).write_text(text)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for name, licence in {
        "surehup": "License-Expression: Apache-2.0",
        "Some_Thing.else": "Classifier: License :: OSI Approved :: MIT License",
        "silent": "License: whole\n text",
    }.items():
        text = METADATA.format(name=name, licence=licence)
        place(tmp_path, f"usr/lib/{name}-1.0.dist-info/METADATA", text)
    place(tmp_path, "etc/os-release", 'ID=debian\nVERSION_ID="12"\n')
    entry = "Package: libz\nVersion: 1:1.3+b1\nArchitecture: amd64\n"
    place(tmp_path, "var/lib/dpkg/status.d/libz", entry)
    return tmp_path


def test_each_distribution_and_package_is_named(root: Path) -> None:
    found = {component["bom-ref"]: component for component in list_components([root])}
    assert found["pkg:pypi/some-thing-else@1.0"]["licenses"] == [
        {"license": {"name": "MIT License"}}
    ]
    assert found["pkg:pypi/surehup@1.0"]["licenses"] == [{"expression": "Apache-2.0"}]
    assert "pkg:deb/debian/libz@1%3A1.3%2Bb1?arch=amd64&distro=debian-12" in found
    assert found["debian-12"]["type"] == "operating-system"


def test_the_interpreter_is_named_once(root: Path) -> None:
    assert "python" in {component["name"] for component in list_components([root])}
    entry = "Package: python3.11-minimal\nVersion: 3.11.2\nArchitecture: amd64\n"
    place(root, "var/lib/dpkg/status.d/python3.11-minimal", entry)
    assert "python" not in {component["name"] for component in list_components([root])}


def test_the_same_content_is_the_same_document(root: Path) -> None:
    bill = make_bill(list_components([root]))
    assert bill == make_bill(list_components([root]))
    place(root, "usr/lib/more-2.dist-info/METADATA", METADATA.format(name="more", licence="X: y"))
    other = make_bill(list_components([root]))
    assert other["serialNumber"] != bill["serialNumber"]
    assert "pkg:pypi/more@1.0" in other["dependencies"][0]["dependsOn"]


def test_the_images_bill_is_valid(image: Unpacked) -> None:
    text = image.image.read("usr/share/sbom/surehup.cdx.json").decode()
    assert json.loads(text) == json.loads(BILL.read_text())
    # Installed for these tests alone (.ci/lock-image.txt).
    validation = importlib.import_module("cyclonedx.validation.json")
    schema = importlib.import_module("cyclonedx.schema")
    validator = validation.JsonStrictValidator(schema.SchemaVersion.V1_6)
    assert validator.validate_str(text) is None
    assert validator.validate_str(text.replace('"library"', '"librarian"', 1)) is not None
