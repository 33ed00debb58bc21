"""Writes the bill of materials of root file systems, in the form of CycloneDX 1.6.

    python3 docker/sbom.py OUT.json ROOT...

It says what is in the roots, and not what was asked for: the Python distributions by the metadata
that came with their modules, Debian's packages by the entries of those of which files are there,
and the interpreter where no package brought it. The same roots make the same bytes.
"""

from __future__ import annotations

import email
import hashlib
import json
import platform
import re
import sys
import uuid
from collections.abc import Iterable, Iterator
from email.message import Message
from pathlib import Path
from typing import Any
from urllib.parse import quote

OWN = "surehup"
Component = dict[str, Any]


def list_components(roots: Iterable[Path]) -> list[Component]:
    """All that is in `roots`, sorted."""
    found: list[Component] = []
    for root in roots:
        release = _read_release(root)
        found.extend(_describe_distribution(path) for path in root.rglob("*.dist-info/METADATA"))
        found.extend(_describe_debs(root, release))
        if release:
            found.append(_describe_system(release))
    if not any(re.match(r"python3\.\d+-minimal$", component["name"]) for component in found):
        found.append(_describe_interpreter())
    return sorted(found, key=lambda component: str(component["bom-ref"]))


def _describe_distribution(path: Path) -> Component:
    metadata = email.message_from_string(path.read_text("utf-8"))
    name = re.sub(r"[-_.]+", "-", metadata["Name"]).lower()
    purl = f"pkg:pypi/{name}@{metadata['Version']}"
    component = _make("library", name, metadata["Version"], purl)
    if summary := metadata["Summary"]:
        component["description"] = summary
    licences = list(_find_licences(metadata))
    return {**component, "licenses": licences} if licences else component


def _find_licences(metadata: Message) -> Iterator[Component]:
    if expression := metadata["License-Expression"]:
        yield {"expression": expression}
        return
    names = [
        classifier.rpartition(" :: ")[2]
        for classifier in metadata.get_all("Classifier", [])
        if classifier.startswith("License :: ")
    ]
    licence = str(metadata["License"] or "")
    if not names and licence and "\n" not in licence:
        names = [licence]
    yield from ({"license": {"name": name}} for name in names)


def _describe_debs(root: Path, release: dict[str, str]) -> Iterator[Component]:
    for path in root.glob("var/lib/dpkg/status.d/*"):
        entry = email.message_from_string(path.read_text("utf-8"))
        name, version, machine = entry["Package"], entry["Version"], entry["Architecture"]
        system = f"{release['ID']}-{release['VERSION_ID']}"
        purl = f"pkg:deb/{release['ID']}/{quote(name)}@{quote(version)}"
        yield _make("library", name, version, f"{purl}?arch={machine}&distro={system}")


def _describe_system(release: dict[str, str]) -> Component:
    reference = f"{release['ID']}-{release['VERSION_ID']}"
    return {
        "bom-ref": reference,
        "type": "operating-system",
        "name": release["ID"],
        "version": release["VERSION_ID"],
    }


def _describe_interpreter() -> Component:
    version = platform.python_version()
    component = _make("platform", "python", version, f"pkg:generic/python@{version}")
    return {
        **component,
        "cpe": f"cpe:2.3:a:python:python:{version}:*:*:*:*:*:*:*",
        "licenses": [{"license": {"id": "PSF-2.0"}}],
    }


def _make(kind: str, name: str, version: str, purl: str) -> Component:
    return {"bom-ref": purl, "type": kind, "name": name, "version": version, "purl": purl}


def _read_release(root: Path) -> dict[str, str]:
    path = root / "etc" / "os-release"
    if not path.exists():
        return {}
    lines = (line.partition("=") for line in path.read_text("utf-8").splitlines())
    return {key: value.strip('"') for key, _, value in lines if key}


def make_bill(components: list[Component]) -> Component:
    """The document: surehup is what it is about, and all others are what it needs."""
    own = next(component for component in components if component["name"] == OWN)
    others = [component for component in components if component is not own]
    content = json.dumps(components, sort_keys=True).encode()
    serial = uuid.UUID(bytes=hashlib.sha256(content).digest()[:16], version=4)
    return {
        "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "serialNumber": f"urn:uuid:{serial}",
        "version": 1,
        "metadata": {"component": {**own, "type": "application"}},
        "components": others,
        "dependencies": [
            {"ref": own["bom-ref"], "dependsOn": [other["bom-ref"] for other in others]},
            *({"ref": other["bom-ref"]} for other in others),
        ],
    }


def main() -> None:
    """Write the document."""
    out, *roots = (Path(name) for name in sys.argv[1:])
    bill = make_bill(list_components(roots))
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(json.dumps(bill, indent=1) + "\n", "utf-8")


if __name__ == "__main__":
    main()
