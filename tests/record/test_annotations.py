"""The annotations on the ConfigMap."""

from __future__ import annotations

import pytest

from sidecar.kube.errors import ConflictError, ForbiddenError, NotFoundError
from sidecar.kube.objects import read_annotations
from sidecar.kube.ports import FIELD_MANAGER, Json
from sidecar.record.annotations import (
    MESSAGE_MAX_BYTES,
    TOTAL_MAX_BYTES,
    WRITABLE,
    AnnotationWriter,
    read_marks,
    whole_key,
)
from sidecar.testing.clock import FakeClock
from tests.record.cases import Case, wait_until

THEIRS = {"kubectl.kubernetes.io/last-applied-configuration": "{}", "other.dev/status": "theirs"}
WEB = {"web.surehup.dev/status": "Failed", "web.surehup.dev/observed": "w"}
USERS = {"surehup.dev/desired": "d", "surehup.dev/paused": "true", "surehup.dev/requested": "r"}
NOW = "2025-11-24T16:00:00Z"


def make(case: Case, **annotations: str) -> Json:
    return case.make(metadata={"name": "app-config", "annotations": annotations})


def version_of(content: Json) -> str:
    return str(content["metadata"]["resourceVersion"])


def size_of(content: Json) -> int:
    """What the sidecar's own keys take, whoever has written them."""
    ours = read_annotations(content, "surehup.dev/")
    return sum(len(key.encode()) + len(value.encode()) for key, value in ours.items())


def test_keys_carry_the_domain_and_the_group_before_it() -> None:
    assert whole_key("status") == "surehup.dev/status"
    assert whole_key("status", "web") == "web.surehup.dev/status"


def test_marks_are_those_of_one_group(case: Case) -> None:
    content = make(case, **THEIRS, **WEB, **USERS, **{"surehup.dev/status": "Applied"})
    users = {"desired": "d", "paused": "true", "requested": "r"}
    assert read_marks(content, "") == {"status": "Applied", **users}
    assert read_marks(content, "web") == {"status": "Failed", "observed": "w"}
    assert read_marks(content, "eb") == {}
    assert read_marks({"metadata": {"annotations": None}}, "") == {}


def test_only_our_keys_are_written_and_removed(case: Case, clock: FakeClock) -> None:
    stale = {"surehup.dev/previous": "old", "surehup.dev/active": "a"}
    content = make(case, **THEIRS, **WEB, **USERS, **stale)
    writer = AnnotationWriter(case.api, case.ref(), clock=clock)
    changes = {"status": "Applied", "observed": "b", "previous": None, "message": "well: ü"}
    written = writer.write(changes, version=version_of(content))
    assert read_annotations(written) == {
        **THEIRS,
        **WEB,
        **USERS,
        "surehup.dev/active": "a",
        "surehup.dev/status": "Applied",
        "surehup.dev/observed": "b",
        "surehup.dev/message": "well: ü",
        "surehup.dev/updated": NOW,
    }
    assert written == case.admin.get(case.ref())
    assert written["data"] == content["data"]
    managers = {entry["manager"] for entry in written["metadata"]["managedFields"]}
    assert FIELD_MANAGER in managers


def test_a_group_leaves_the_unnamed_one_alone(case: Case, clock: FakeClock) -> None:
    content = make(case, **{"surehup.dev/status": "Failed"})
    writer = AnnotationWriter(case.api, case.ref(), clock=clock, group="web")
    written = writer.write({"status": "Applied"}, version=version_of(content))
    assert read_marks(written, "web") == {"status": "Applied", "updated": NOW}
    assert read_marks(written, "") == {"status": "Failed"}


def test_the_time_moves_with_the_status_alone(case: Case, clock: FakeClock) -> None:
    writer = AnnotationWriter(case.api, case.ref(), clock=clock)
    written = writer.write({"status": "Pending"}, version=version_of(make(case)))
    clock.advance(60)
    written = writer.write({"message": "x"}, version=version_of(written))
    assert read_marks(written)["updated"] == NOW
    written = writer.write({"status": "Applied"}, version=version_of(written))
    assert read_marks(written)["updated"] == "2025-11-24T16:01:00Z"
    written = writer.write({"status": None, "message": None}, version=version_of(written))
    assert read_marks(written) == {}


def test_a_write_after_an_edit_is_a_conflict_and_changes_nothing(
    case: Case, clock: FakeClock
) -> None:
    content = make(case)
    case.admin.patch(case.ref(), {"data": {"a.yml": "two"}})
    writer = AnnotationWriter(case.api, case.ref(), clock=clock)
    with pytest.raises(ConflictError):
        writer.write({"status": "Applied"}, version=version_of(content))
    assert read_marks(case.admin.get(case.ref())) == {}


def test_of_two_writers_with_one_version_the_second_loses(case: Case, clock: FakeClock) -> None:
    version = version_of(make(case))
    writer = AnnotationWriter(case.api, case.ref(), clock=clock)
    writer.write({"holder": "web-0/n/1/30"}, version=version)
    with pytest.raises(ConflictError):
        writer.write({"holder": "web-1/n/1/30"}, version=version)
    assert read_marks(case.admin.get(case.ref()))["holder"] == "web-0/n/1/30"


def test_a_missing_object_or_right_is_told_by_the_api(case: Case, clock: FakeClock) -> None:
    writer = AnnotationWriter(case.api, case.ref(), clock=clock)
    with pytest.raises(NotFoundError):
        writer.write({"status": "Applied"}, version="1")
    content = make(case)
    case.deny("patch", "configmaps")
    told = []

    def is_refused() -> bool:
        try:
            current = case.api.get(case.ref())
            writer.write({"status": "Applied"}, version=version_of(current))
        except ForbiddenError as error:
            told.append(error.message)
        return bool(told)

    wait_until(is_refused, "the right to patch is gone")
    assert "may not patch ConfigMap" in told[0]
    assert "add to its Role in namespace" in told[0]
    assert "resources [configmaps] resourceNames [app-config] verbs [patch]" in told[0]
    # What is left of the rule works on.
    assert case.api.get(case.ref())["data"] == content["data"]


def test_a_long_message_is_cut_between_characters(case: Case, clock: FakeClock) -> None:
    writer = AnnotationWriter(case.api, case.ref(), clock=clock)
    written = writer.write({"message": "ü" * 2_000}, version=version_of(make(case)))
    message = read_marks(written)["message"]
    assert message == "ü" * 510 + "…"
    assert len(message.encode()) <= MESSAGE_MAX_BYTES
    written = writer.write({"message": "bad name \udcff"}, version=version_of(written))
    assert read_marks(written)["message"] == "bad name ?"


def test_all_keys_together_keep_to_their_limit(case: Case, clock: FakeClock) -> None:
    writer = AnnotationWriter(case.api, case.ref(), clock=clock)
    rest = dict.fromkeys(WRITABLE - {"message", "holder"}, "x" * 64)
    full = writer.write(
        {**rest, "holder": "p" * 253, "message": "m" * 1_024}, version=version_of(make(case))
    )
    assert TOTAL_MAX_BYTES - 8 < size_of(full) <= TOTAL_MAX_BYTES
    # What stands counts too, and a message that stands makes room.
    fuller = writer.write({"holder": "q" * 300}, version=version_of(full), marks=read_marks(full))
    assert size_of(fuller) <= TOTAL_MAX_BYTES
    marks = read_marks(fuller)
    assert marks["holder"] == "q" * 300
    assert marks["message"] == "m" * marks["message"].count("m") + "…"


def test_what_a_person_wrote_is_no_part_of_the_limit(case: Case, clock: FakeClock) -> None:
    content = make(case, **{"surehup.dev/desired": "d" * 9_000, "surehup.dev/other": "o" * 9_000})
    writer = AnnotationWriter(case.api, case.ref(), clock=clock)
    written = writer.write(
        {"message": "whole"}, version=version_of(content), marks=read_marks(content)
    )
    assert read_marks(written)["message"] == "whole"


@pytest.mark.parametrize(
    "changes",
    [{"other": "x"}, {"paused": "true"}, {"desired": None}, {"updated": "now"}, {"a/status": "x"}],
)
def test_no_other_key_can_be_written(
    case: Case, clock: FakeClock, changes: dict[str, str | None]
) -> None:
    version = version_of(make(case))
    with pytest.raises(ValueError, match="no annotations of the sidecar"):
        AnnotationWriter(case.api, case.ref(), clock=clock).write(changes, version=version)
    assert case.requests["patch 200"] == 0


def test_no_write_goes_without_a_version_or_over_the_limit(case: Case, clock: FakeClock) -> None:
    version = version_of(make(case))
    writer = AnnotationWriter(case.api, case.ref(), clock=clock)
    with pytest.raises(ValueError, match="version"):
        writer.write({"status": "Applied"}, version="")
    with pytest.raises(ValueError, match="more than 2048 bytes: target"):
        writer.write({"target": "x" * 2_100}, version=version)
    assert version_of(case.admin.get(case.ref())) == version
