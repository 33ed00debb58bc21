"""Objects in manifests, and the place of every line of their data."""

from __future__ import annotations

import base64
import json
import subprocess
from pathlib import Path

import pytest

from sidecar.validate.manifests.origin import Origin, Place
from sidecar.validate.manifests.read import Manifest, read_manifests

HEAD = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n"
LITERAL = """\
# a comment
apiVersion: v1
kind: ConfigMap
metadata:
  name: web
  namespace: prod
  annotations: {surehup.dev/preset: nginx}
data:
  nginx.conf: |
    one
      two
    three
  folded: >-
    a
    b
  quoted: "x\\ny"
  plain: z
"""


def read_one(text: str) -> Manifest:
    (manifest,) = read_manifests(text.encode()).objects
    return manifest


def test_a_literal_block_keeps_its_lines_and_columns() -> None:
    manifest = read_one(LITERAL)
    assert manifest.title == "ConfigMap prod/web"
    assert manifest.preset == "nginx"
    assert manifest.line == 2
    assert manifest.files["nginx.conf"] == b"one\n  two\nthree\n"
    origin = manifest.origins["nginx.conf"]
    lines = LITERAL.split("\n")
    for line, column in ((1, 1), (2, 3), (3, 5)):
        place = origin.find(line, column)
        assert place.exact
        content = manifest.files["nginx.conf"].decode().split("\n")[line - 1]
        assert place.column is not None
        assert lines[place.line - 1][place.column - 1 :] == content[column - 1 :]
    assert origin.find(None, None) == Place(9, 15)
    assert origin.find(2, None) == Place(11, None)


@pytest.mark.parametrize(("key", "line"), [("folded", 13), ("quoted", 16), ("plain", 17)])
def test_other_scalars_fall_back_to_their_own_line(key: str, line: int) -> None:
    place = read_one(LITERAL).origins[key].find(2, 1)
    assert (place.line, place.exact) == (line, False)


@pytest.mark.parametrize(
    ("block", "first", "indent"),
    [
        ("|\n\n\n     deep\n     b\n", 6, 5),
        ("|2\n     deep\n    b\n", 6, 4),
        ("|+ # said\n    a\n\n\n", 6, 4),
        ("|\r\n    a\r\n    b\r\n", 6, 4),
        ("|\n    \n", 6, 0),
    ],
)
def test_indents_of_all_kinds(block: str, first: int, indent: int) -> None:
    text = f"{HEAD}data:\n  k: {block}"
    origin = read_one(text).origins["k"]
    assert origin == Origin(line=5, column=6, first_line=first, indent=indent)


def test_lists_documents_and_other_kinds() -> None:
    config_map = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a"}}
    nested = {"apiVersion": "v1", "kind": "List", "items": [config_map, {"kind": "x"}]}
    typed = {"apiVersion": "v1", "kind": "SecretList", "items": [{"metadata": {"name": "s"}}]}
    texts = [json.dumps(each) for each in (config_map, nested, typed)]
    texts.append("apiVersion: apps/v1\nkind: Deployment\n")
    found = read_manifests("\n---\n".join(texts).encode())
    assert [each.title for each in found.objects] == ["ConfigMap a", "ConfigMap a", "Secret s"]
    assert found.others == 1
    assert found.objects[2].is_secret


@pytest.mark.parametrize(
    "content",
    [b"", b"a: b\n", b"- kind: ConfigMap\n", b"kind: ConfigMap\n", b"\xff", b"[" * 300],
)
def test_other_files_hold_no_manifests(content: bytes) -> None:
    assert not read_manifests(content).any


def test_of_a_broken_file_what_stands_before_the_break_is_read() -> None:
    text = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n---\na: [\n"
    assert [each.name for each in read_manifests(text.encode()).objects] == ["a"]


def test_secrets_are_decoded() -> None:
    encoded = base64.b64encode(b"a: b\n").decode()
    text = (
        "apiVersion: v1\nkind: Secret\nmetadata: {name: s}\n"
        f"data:\n  a.yaml: {encoded}\n  b: '!!'\nstringData:\n  a.yaml: |\n    c: d\n  e: f\n"
    )
    manifest = read_one(text)
    assert manifest.files == {"a.yaml": b"c: d\n", "e": b"f"}
    assert [(each.code, each.file, each.line) for each in manifest.findings] == [("base64", "b", 6)]


def test_binary_data_of_a_config_map() -> None:
    text = (
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\nbinaryData:\n  k: AAEC\n  l: '-'\n"
    )
    manifest = read_one(text)
    assert manifest.files == {"k": b"\0\1\2"}
    assert [each.suggestion for each in manifest.findings] == ["put text into data"]


@pytest.mark.parametrize(
    ("data", "code", "line"),
    [
        ("data:\n  n: 1\n", "type", 5),
        ("data:\n  n: true\n", "type", 5),
        ("data:\n  n: {a: b}\n", "type", 5),
        ("data:\n  a/b: x\n", "key", 5),
        ("data: {k: x}\nbinaryData: {k: AAEC}\n", "key", 5),
        ("data: [a]\n", "data", 4),
    ],
)
def test_what_the_api_server_refuses(data: str, code: str, line: int) -> None:
    manifest = read_one(f"{HEAD}{data}")
    assert [(each.code, each.line) for each in manifest.findings] == [(code, line)]


@pytest.mark.parametrize("value", ["2024-01-01", "~", "''", "!!str 1", "!x y"])
def test_what_it_takes_for_text(value: str) -> None:
    text = f"{HEAD}data:\n  k: {value}\n"
    manifest = read_one(text)
    assert [each.code for each in manifest.findings] == (["type"] if value == "!x y" else [])


def test_more_than_the_api_server_takes() -> None:
    text = (
        f"apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: a}}\ndata:\n  k: {'x' * (1 << 20)}y\n"
    )
    assert [each.code for each in read_one(text).findings] == ["size"]
    assert read_one(text.replace("xy\n", "\n")).findings == []


def test_aliases_and_surrogate_pairs() -> None:
    text = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndata: {a: &x v, b: *x, c: *y}\n"
    assert read_one(text).files == {"a": b"v", "b": b"v", "c": b""}  # the syntax check tells of *y
    spelled = '{"apiVersion":"v1","kind":"ConfigMap","data":{"k":"\\ud83d\\ude00 \\\\ud83d"}}'
    assert read_one(spelled).files == {"k": "\U0001f600 \\ud83d".encode()}


@pytest.mark.parametrize("output", ["yaml", "json"])
def test_what_kubectl_makes(tmp_path: Path, output: str) -> None:
    (tmp_path / "a.yml").write_text("one: 1\ntwo:\n- 2\n\ttab\n")
    (tmp_path / "b.bin").write_bytes(b"\0\xff")
    command = ["kubectl", "create", "configmap", "x", "-n", "y", f"--from-file={tmp_path}"]
    made = subprocess.run(
        [*command, "--dry-run=client", "-o", output], capture_output=True, check=True, timeout=20
    )
    (manifest,) = read_manifests(made.stdout).objects
    assert manifest.title == "ConfigMap y/x"
    assert manifest.files == {"a.yml": b"one: 1\ntwo:\n- 2\n\ttab\n", "b.bin": b"\0\xff"}
