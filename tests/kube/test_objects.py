"""What is read out of objects."""

from __future__ import annotations

import base64
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sidecar.core.snapshot import Snapshot
from sidecar.kube.errors import InvalidError
from sidecar.kube.objects import (
    Editor,
    find_editor,
    is_immutable,
    list_managers,
    read_annotations,
    read_files,
    read_snapshot,
)
from sidecar.kube.ports import Json
from sidecar.testing.kubelet import AtomicWriter
from sidecar.watch.mount import MountedFolder

KEYS = st.text("abc._-", min_size=1, max_size=8).filter(lambda key: not key.startswith("."))


def encode(value: bytes) -> str:
    return base64.b64encode(value).decode()


def make(**fields: object) -> Json:
    return {"kind": "ConfigMap", "metadata": {"name": "app"}, **fields}


@pytest.mark.parametrize("content", [make(), make(data=None, binaryData=None), make(data={})])
def test_an_empty_map_has_no_files(content: Json) -> None:
    assert read_files(content) == {}


@given(
    texts=st.dictionaries(KEYS, st.text(st.characters(exclude_categories=["Cs"])), max_size=4),
    binaries=st.dictionaries(KEYS, st.binary(), max_size=4),
)
def test_files_are_those_of_both_fields(texts: dict[str, str], binaries: dict[str, bytes]) -> None:
    binary = {key: encode(value) for key, value in binaries.items() if key not in texts}
    files = read_files(make(data=texts, binaryData=binary))
    assert files == {**binaries, **{key: text.encode() for key, text in texts.items()}}


def test_the_digest_is_that_of_the_mounted_folder(tmp_path: Path) -> None:
    content = make(data={"b": "ü\r\n", "a_b": ""}, binaryData={"a-b": encode(b"\0\xff\n")})
    AtomicWriter(tmp_path).write({"b": "ü\r\n".encode(), "a_b": b"", "a-b": b"\0\xff\n"})
    assert read_snapshot(content) == MountedFolder(str(tmp_path)).read().snapshot


def test_a_secrets_data_is_encoded_and_its_digest_salted() -> None:
    secret: Json = {"kind": "Secret", "metadata": {}, "data": {"a": encode(b"x")}}
    assert read_files(secret) == {"a": b"x"}
    assert read_snapshot(secret, salt="s") == Snapshot.of({"a": b"x"}, salt="s")
    assert read_snapshot(secret, salt="s").digest != read_snapshot(secret).digest


@pytest.mark.parametrize("value", ["no base64!", "YQ", "YQ==\nYQ==", "ü"])
def test_what_is_no_base64_is_refused_by_its_key(value: str) -> None:
    with pytest.raises(InvalidError, match=r"^binaryData\[k\] of ConfigMap app is no base64"):
        read_files(make(binaryData={"k": value}))
    with pytest.raises(InvalidError, match=r"^data\[k\] of Secret  is no base64") as raised:
        read_files({"kind": "Secret", "data": {"k": value}})
    assert value not in raised.value.message


def test_annotations_are_chosen_by_their_prefix() -> None:
    annotations = {"surehup.dev/status": "Applied", "other/x": "y"}
    content = make(metadata={"annotations": annotations})
    assert read_annotations(content) == annotations
    assert read_annotations(content, "surehup.dev/") == {"surehup.dev/status": "Applied"}
    assert read_annotations(make()) == read_annotations({}) == {}
    assert read_annotations(make(metadata={"annotations": None})) == {}


@pytest.mark.parametrize(("value", "expected"), [(True, True), (False, False), (None, False)])
def test_immutability(value: bool | None, expected: bool) -> None:  # noqa: FBT001
    assert is_immutable(make(immutable=value)) is expected
    assert not is_immutable(make())


def entry(manager: str, time: str, *fields: str) -> Json:
    return {"manager": manager, "time": time, "fieldsV1": {field: {} for field in fields}}


def managed(*entries: Json) -> Json:
    return make(metadata={"managedFields": list(entries)})


def test_the_editor_is_the_newest_owner_of_content() -> None:
    content = managed(
        entry("helm", "2026-01-01T00:00:00Z", "f:data", "f:metadata"),
        entry("kubectl-edit", "2026-01-02T00:00:00Z", "f:binaryData"),
        entry("surehup", "2026-01-03T00:00:00Z", "f:metadata"),
    )
    assert find_editor(content) == Editor("kubectl-edit", "2026-01-02T00:00:00Z")
    assert list_managers(content) == {"helm", "kubectl-edit"}


def test_our_own_entry_counts_only_where_there_is_no_other() -> None:
    ours = entry("surehup", "2026-01-03T00:00:00Z", "f:data")
    content = managed(entry("helm", "2026-01-01T00:00:00Z", "f:data"), ours)
    assert find_editor(content) == Editor("helm", "2026-01-01T00:00:00Z")
    assert find_editor(managed(ours)) == Editor("surehup", "2026-01-03T00:00:00Z")


@pytest.mark.parametrize(
    "content",
    [{}, make(), managed(), managed({"manager": "x"}), managed(entry("x", "t", "f:metadata"))],
)
def test_nothing_may_tell_who_edited(content: Json) -> None:
    assert find_editor(content) is None
    assert list_managers(content) == frozenset()
