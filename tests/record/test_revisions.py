"""History as ControllerRevisions."""

from __future__ import annotations

import base64
import json
import threading
from collections.abc import Callable, Mapping

import pytest

from sidecar.core.snapshot import Snapshot
from sidecar.kube.errors import (
    AlreadyExistsError,
    ConflictError,
    ForbiddenError,
    InvalidError,
    NotFoundError,
    UnreachableError,
)
from sidecar.kube.objects import read_annotations, read_files, read_snapshot
from sidecar.kube.ports import CONTROLLER_REVISIONS, SECRETS, Json, Ref, Resource
from sidecar.record.errors import HistoryError
from sidecar.record.revisions import (
    CHANGE_CAUSE,
    TOTAL_MAX_BYTES,
    Revision,
    Revisions,
    find_surplus,
)
from sidecar.testing.apiserver import FakeApi
from sidecar.testing.clock import FakeClock
from tests.apiserver.server import ApiServer
from tests.record.cases import Case, make_fake, wait_until
from tests.record.test_packing import NOISE
from tests.record.test_rendering import SUBDOMAIN

LONG_NAME = "a" * 241 + "." + "b" * 11


def snap(text: str) -> Snapshot:
    return Snapshot.of({"a.yml": text.encode()})


A, B, C, D = (snap(text) for text in "ABCD")


def stored(case: Case, name: str) -> Json:
    return case.admin.get(Ref(CONTROLLER_REVISIONS, case.namespace, name))


def numbers(revisions: Revisions, owner: Json) -> dict[str, int]:
    return {revision.digest: revision.number for revision in revisions.history(owner)}


def tamper(case: Case, name: str, patch: Json) -> None:
    case.admin.patch(Ref(CONTROLLER_REVISIONS, case.namespace, name), patch)


# --- keeping


def test_a_revision_is_owned_named_and_described(case: Case) -> None:
    owner = case.make()
    assert Revisions(case.api).keep(owner, A, "Applied by web-0") == 1
    name = f"app-config-{A.digest[:10]}"
    kept = stored(case, name)
    assert kept["revision"] == 1
    assert kept["data"] == {"data": {"a.yml": "A"}, "binaryData": {}}
    (reference,) = kept["metadata"]["ownerReferences"]
    assert reference == {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "name": "app-config",
        "uid": owner["metadata"]["uid"],
        "controller": True,
    }
    assert (
        read_annotations(kept).items()
        >= {
            CHANGE_CAUSE: "Applied by web-0",
            "surehup.dev/digest": A.digest,
            "surehup.dev/revision": "1",
        }.items()
    )
    (revision,) = Revisions(case.api).history(owner)
    assert revision == Revision(
        number=1,
        digest=A.digest,
        cause="Applied by web-0",
        created=kept["metadata"]["creationTimestamp"],
        size_bytes=len('{"binaryData":{},"data":{"a.yml":"A"}}'),
        name=name,
        uid=kept["metadata"]["uid"],
    )


def test_an_object_without_revisions_has_no_history(case: Case) -> None:
    owner = case.make()
    assert Revisions(case.api).history(owner) == []
    assert Revisions(case.api).load(owner, A.digest) is None


def test_the_newest_is_not_written_again(case: Case) -> None:
    owner, revisions = case.make(), Revisions(case.api)
    assert [revisions.keep(owner, each, "") for each in (A, B)] == [1, 2]
    before = stored(case, f"app-config-{B.digest[:10]}")
    case.requests.clear()
    assert revisions.keep(owner, B, "again") == 2
    assert case.requests == {"list 200": 1}
    assert stored(case, f"app-config-{B.digest[:10]}") == before


def test_content_that_comes_back_becomes_the_newest(case: Case) -> None:
    owner, revisions = case.make(), Revisions(case.api)
    awkward = Snapshot.of(
        {"a": '< > & \u2028 ü \0\t\b\f\x7f \U0001f600 \\ "'.encode(), "b": b"\xff"}
    )
    for each in (awkward, B):
        revisions.keep(owner, each, "first")
    assert revisions.keep(owner, awkward, "back") == 3
    newest, older = revisions.history(owner)
    assert (newest.number, newest.digest, newest.cause) == (3, awkward.digest, "back")
    assert (older.number, older.digest, older.cause) == (2, B.digest, "first")
    assert stored(case, newest.name)["revision"] == 3
    assert revisions.load(owner, awkward.digest) == awkward.files


def test_all_replicas_keep_one_revision(case: Case) -> None:
    owner, revisions = case.make(), Revisions(case.api)
    assert _keep_together(case, owner, A) == [1] * 5
    assert numbers(revisions, owner) == {A.digest: 1}
    assert _keep_together(case, owner, B) == [2] * 5
    # And all bring back what was there before.
    assert _keep_together(case, owner, A) == [3] * 5
    assert numbers(revisions, owner) == {A.digest: 3, B.digest: 2}


def _keep_together(case: Case, owner: Json, content: Snapshot) -> list[int]:
    start = threading.Barrier(5)
    found: list[int] = []

    def keep() -> None:
        start.wait(5)
        found.append(Revisions(case.api).keep(owner, content, "Applied"))

    threads = [threading.Thread(target=keep) for _ in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    return found


def test_digests_that_begin_the_same_are_two_revisions(case: Case) -> None:
    owner, revisions = case.make(), Revisions(case.api)
    twin = Snapshot(B.files, A.digest[:10] + B.digest[10:])
    assert [revisions.keep(owner, each, "") for each in (A, twin, A)] == [1, 2, 3]
    assert numbers(revisions, owner) == {A.digest: 3, twin.digest: 2}
    assert revisions.load(owner, A.digest) == A.files


def test_a_long_name_is_cut(case: Case) -> None:
    owner = case.make(LONG_NAME)
    revisions = Revisions(case.api)
    assert revisions.keep(owner, A, "") == 1
    (revision,) = revisions.history(owner)
    assert SUBDOMAIN.fullmatch(revision.name)
    assert revision.name == f"{'a' * 241}-{A.digest[:10]}"
    assert revisions.load(owner, A.digest) == A.files


def test_names_that_begin_the_same_do_not_share_revisions(case: Case) -> None:
    one, other = case.make(LONG_NAME), case.make(LONG_NAME[:-1] + "c")
    revisions = Revisions(case.api)
    for owner in (one, other):
        assert [revisions.keep(owner, each, "") for each in (A, B, A)] == [1, 2, 3]
    assert numbers(revisions, one) == numbers(revisions, other) == {A.digest: 3, B.digest: 2}
    names = {revision.name for owner in (one, other) for revision in revisions.history(owner)}
    assert len(names) == 4


def test_a_map_made_anew_does_not_inherit(case: Case) -> None:
    revisions = Revisions(case.api)
    old = case.make()
    revisions.keep(old, A, "")
    # Not collected yet: its owner is only another one.
    new = json.loads(json.dumps(old))
    new["metadata"]["uid"] = "00000000-0000-4000-8000-999999999999"
    assert revisions.history(new) == []
    assert revisions.keep(new, A, "") == 1
    assert len(revisions.history(new)) == len(revisions.history(old)) == 1


def test_names_that_are_all_taken_are_told(case: Case) -> None:
    owner, revisions = case.make(), Revisions(case.api)
    names = []
    for _ in range(2):
        revisions.keep(owner, A, "")
        names += [revision.name for revision in revisions.history(owner)]
        tamper(case, names[-1], {"metadata": {"ownerReferences": None}})
    with pytest.raises(HistoryError) as raised:
        revisions.keep(owner, A, "")
    assert f"delete {names[0]} and {names[1]}" in raised.value.message


def test_one_that_lost_its_label_is_found_by_its_name_and_labelled(case: Case) -> None:
    owner, revisions = case.make(), Revisions(case.api)
    revisions.keep(owner, A, "")
    revisions.keep(owner, B, "")
    tamper(case, f"app-config-{A.digest[:10]}", {"metadata": {"labels": None}})
    assert numbers(revisions, owner) == {B.digest: 2}
    assert revisions.keep(owner, A, "") == 3
    assert numbers(revisions, owner) == {A.digest: 3, B.digest: 2}


def test_a_label_alone_makes_no_revision_of_ours(case: Case) -> None:
    owner, revisions = case.make(), Revisions(case.api)
    revisions.keep(owner, A, "")
    body = {
        "metadata": {
            "name": "forged",
            "labels": {"surehup.dev/owner": owner["metadata"]["uid"]},
            "annotations": {"surehup.dev/digest": B.digest, "surehup.dev/revision": "99"},
        },
        "revision": 99,
        "data": {"data": {"a.yml": "B"}},
    }
    case.admin.create(CONTROLLER_REVISIONS, case.namespace, body)
    assert numbers(revisions, owner) == {A.digest: 1}
    assert revisions.load(owner, B.digest) is None
    assert revisions.prune(owner) == 0


@pytest.mark.parametrize("number", [None, "-3", "none", "٣"])
def test_a_number_that_was_spoilt_is_counted_anew(case: Case, number: str | None) -> None:
    owner, revisions = case.make(), Revisions(case.api)
    revisions.keep(owner, A, "")
    spoilt = {"metadata": {"annotations": {"surehup.dev/revision": number}}}
    tamper(case, f"app-config-{A.digest[:10]}", spoilt)
    assert revisions.keep(owner, A, "") == 1
    assert numbers(revisions, owner) == {A.digest: 1}


def test_a_long_cause_is_cut(case: Case) -> None:
    owner, revisions = case.make(), Revisions(case.api)
    revisions.keep(owner, A, "ü" * 1_000)
    (revision,) = revisions.history(owner)
    assert revision.cause == "ü" * 510 + "…"


# --- content


@pytest.mark.parametrize(
    "data",
    [
        {"data": {"a": "key: value\n" * 95_000}},
        {"data": {"a": "<" * 500_000}},
        {"data": {"a": "\u2028ü\0" * ((1 << 20) // 6)}},
        {"binaryData": {"a": base64.b64encode(NOISE).decode()}},
        {"data": {"b": "text"}, "binaryData": {"a": base64.b64encode(b"\0\xff\xfe").decode()}},
        {"data": {}},
    ],
    ids=[
        "1 MiB text",
        "0.5 MB that the wire makes 3",
        "1 MiB wide",
        "1 MiB noise",
        "invalid UTF-8",
        "empty",
    ],
)
def test_content_of_any_kind_and_size_comes_back(case: Case, data: Json) -> None:
    owner, revisions = case.make(**{"data": {}, **data}), Revisions(case.api)
    whole = read_snapshot(owner)
    assert revisions.keep(owner, whole, "") == 1
    assert revisions.keep(owner, B, "") == 2
    assert revisions.load(owner, whole.digest) == read_files(owner)
    # Its data is compared byte by byte with what is stored.
    assert revisions.keep(owner, whole, "") == 3
    assert revisions.load(owner, whole.short) == read_files(owner)


def test_ten_large_revisions_are_kept_within_their_common_limit(case: Case) -> None:
    owner, revisions = case.make(), Revisions(case.api)
    for first in range(8):
        content = Snapshot.of({"a": bytes([first]) + NOISE[1:]})
        revisions.keep(owner, content, "")
        revisions.prune(owner)
    kept = revisions.history(owner)
    assert [revision.number for revision in kept] == [8, 7, 6, 5, 4]
    assert sum(revision.size_bytes for revision in kept) <= TOTAL_MAX_BYTES


def test_of_hash_only_content_nothing_but_the_short_digest_is_stored(case: Case) -> None:
    owner, revisions = case.make(), Revisions(case.api)
    secret = Snapshot.of({"a.yml": b"hunter2"})
    assert revisions.keep(owner, secret, "", hash_only=True) == 1
    (revision,) = revisions.history(owner)
    text = json.dumps(stored(case, revision.name))
    assert "hunter2" not in text
    assert base64.b64encode(b"hunter2").decode() not in text
    assert secret.digest[:13] not in text
    assert revision.digest == secret.short
    assert revisions.load(owner, secret.digest) is None
    revisions.keep(owner, B, "")
    assert revisions.keep(owner, secret, "", hash_only=True) == 3
    assert numbers(revisions, owner) == {secret.short: 3, B.digest: 2}
    assert revisions.prune(owner, protected=[secret.digest]) == 0


def test_a_secrets_content_is_never_stored(case: Case) -> None:
    encoded = base64.b64encode(b"hunter2").decode()
    body = {"metadata": {"name": "token"}, "data": {"a": encoded}}
    owner = case.admin.create(SECRETS, case.namespace, body)
    revisions = Revisions(case.api)
    revisions.keep(owner, read_snapshot(owner, salt="s"), "")
    (revision,) = revisions.history(owner)
    text = json.dumps(stored(case, revision.name))
    assert "hunter2" not in text
    assert encoded not in text
    assert revision.size_bytes == 0


def test_content_that_was_changed_since_is_not_given_back(case: Case) -> None:
    owner, revisions = case.make(), Revisions(case.api)
    revisions.keep(owner, A, "")
    name = f"app-config-{A.digest[:10]}"
    tamper(case, name, {"metadata": {"annotations": {"surehup.dev/digest": B.digest}}})
    with pytest.raises(HistoryError, match=r"changed since .* not those of") as raised:
        revisions.load(owner, B.digest)
    assert f"ControllerRevision {case.namespace}/{name}" in raised.value.message


def test_content_of_another_form_is_not_given_back(case: Case) -> None:
    owner, revisions = case.make(), Revisions(case.api)
    revisions.keep(owner, A, "")
    kept = stored(case, f"app-config-{A.digest[:10]}")
    ref = Ref(CONTROLLER_REVISIONS, case.namespace, kept["metadata"]["name"])
    case.admin.delete(ref)
    metadata = {key: kept["metadata"][key] for key in ("annotations", "labels", "ownerReferences")}
    body = {"metadata": {"name": ref.name, **metadata}, "revision": 1, "data": {"gzip": "?"}}
    case.admin.create(CONTROLLER_REVISIONS, case.namespace, body)
    with pytest.raises(HistoryError, match="another form"):
        revisions.load(owner, A.digest)


# --- pruning


def test_only_the_newest_and_the_protected_stay(case: Case) -> None:
    owner, revisions = case.make(), Revisions(case.api, keep=3)
    all_of_them = [snap(str(number)) for number in range(8)]
    for each in all_of_them:
        revisions.keep(owner, each, "")
    assert revisions.prune(owner, protected=[all_of_them[0].digest, all_of_them[7].digest]) == 4
    assert sorted(numbers(revisions, owner).values()) == [1, 6, 7, 8]
    assert revisions.prune(owner, protected=[all_of_them[0].digest]) == 0
    assert revisions.prune(owner) == 1
    assert revisions.keep(owner, snap("new"), "") == 9


def test_other_owners_are_not_pruned(case: Case) -> None:
    one, other = case.make("one"), case.make("other")
    revisions = Revisions(case.api, keep=1)
    for owner in (one, other):
        for each in (A, B, C):
            revisions.keep(owner, each, "")
    assert revisions.prune(one) == 2
    assert numbers(revisions, one) == {C.digest: 3}
    assert numbers(revisions, other) == {A.digest: 1, B.digest: 2, C.digest: 3}


def _revision(number: int, size_bytes: int = 1) -> Revision:
    digest = f"{number:064x}"[::-1]
    return Revision(
        number=number,
        digest=digest,
        cause="",
        created="",
        size_bytes=size_bytes,
        name=str(number),
        uid="",
    )


@pytest.mark.parametrize(
    ("sizes", "keep", "protected", "expected"),
    [
        ([1, 1, 1], 2, [], [1]),
        ([1, 1, 1], 3, [], []),
        ([1, 1, 1], 1, [1], [2]),
        ([1, 1, 1], 0, [], [2, 1]),
        ([TOTAL_MAX_BYTES + 1, 1, 1], 3, [], [2, 1]),
        ([TOTAL_MAX_BYTES, 1, 0], 3, [], [2]),
        ([1, TOTAL_MAX_BYTES, 1], 3, [], [2]),
        ([1, TOTAL_MAX_BYTES, 1], 3, [2], [1]),
        ([], 3, [], []),
    ],
)
def test_what_is_surplus(
    sizes: list[int], keep: int, protected: list[int], expected: list[int]
) -> None:
    count = len(sizes)
    revisions = [_revision(count - index, size) for index, size in enumerate(sizes)]
    digests = [_revision(number).digest for number in protected]
    surplus = find_surplus(revisions, keep, digests)
    assert [revision.number for revision in surplus] == expected


def test_a_digest_is_known_whole_and_short_and_by_no_less() -> None:
    revision = _revision(3)
    assert revision.holds(revision.digest)
    assert revision.holds(revision.digest[:12])
    assert not revision.holds(revision.digest[:11])
    assert not revision.holds("")
    assert not revision.holds(_revision(4).digest)


# --- trouble


@pytest.mark.parametrize(
    ("verb", "works"),
    [
        ("create", {"again", "back", "load", "history", "prune"}),
        ("list", set()),
        ("get", {"new", "again", "back", "history", "prune"}),
        ("patch", {"new", "again", "load", "history", "prune"}),
        ("delete", {"new", "again", "back", "load", "history"}),
    ],
)
def test_without_one_right_the_rest_works_and_the_rule_is_told(
    case: Case, verb: str, works: set[str]
) -> None:
    owner, revisions = case.make(), Revisions(case.api, keep=1)
    for each in (A, B, C):
        revisions.keep(owner, each, "")
    case.deny(verb, "controllerrevisions")
    probes: dict[str, Callable[[], object]] = {
        "create": lambda: case.api.create(
            CONTROLLER_REVISIONS, case.namespace, {"metadata": {"name": "x"}}
        ),
        "list": lambda: case.api.list(CONTROLLER_REVISIONS, case.namespace),
        "get": lambda: case.api.get(Ref(CONTROLLER_REVISIONS, case.namespace, "x")),
        "patch": lambda: case.api.patch(Ref(CONTROLLER_REVISIONS, case.namespace, "x"), {}),
        "delete": lambda: case.api.delete(Ref(CONTROLLER_REVISIONS, case.namespace, "x")),
    }
    wait_until(lambda: _is_denied(probes[verb]), f"the right to {verb} is gone")
    told = set()
    did = set()
    steps: Mapping[str, Callable[[], object]] = {
        "again": lambda: revisions.keep(owner, C, ""),
        "load": lambda: revisions.load(owner, A.digest),
        "back": lambda: revisions.keep(owner, A, ""),
        "new": lambda: revisions.keep(owner, D, ""),
        "history": lambda: revisions.history(owner),
        "prune": lambda: revisions.prune(owner),
    }
    for name, step in steps.items():
        try:
            step()
            did.add(name)
        except ForbiddenError as error:
            told.add(error.message)
    assert did == works
    for message in told:
        assert f"may not {verb} " in message
        assert f'apiGroups ["apps"] resources [controllerrevisions] verbs [{verb}]' in message


def _is_denied(probe: Callable[[], object]) -> bool:
    try:
        probe()
    except ForbiddenError:
        return True
    except (InvalidError, NotFoundError):  # which is seen only by who has the right
        return False
    return False


def test_what_was_stored_although_its_answer_was_lost_is_found_again() -> None:
    case = make_fake()
    assert isinstance(case.api, FakeApi)
    owner, revisions = case.make(), Revisions(case.api)
    case.api.fail_next("create", UnreachableError("lost"), committed=True)
    with pytest.raises(UnreachableError):
        revisions.keep(owner, A, "")
    assert revisions.keep(owner, A, "") == 1
    assert numbers(revisions, owner) == {A.digest: 1}


def test_one_that_another_replica_pruned_in_between_is_made_anew() -> None:
    case = make_fake()
    assert isinstance(case.api, FakeApi)
    owner, revisions = case.make(), Revisions(case.api)
    case.api.fail_next("create", AlreadyExistsError("there"))
    assert revisions.keep(owner, A, "") == 1
    assert case.requests["get 404"] == 1


def test_two_replicas_that_prune_at_once_do_not_mind_each_other() -> None:
    case = make_fake()
    assert isinstance(case.api, FakeApi)
    owner, revisions = case.make(), Revisions(case.api, keep=1)
    for each in (A, B, C, D):
        revisions.keep(owner, each, "")
    case.api.fail_next("delete", NotFoundError("gone"), committed=True)
    case.api.fail_next("delete", ConflictError("another by now"))
    assert revisions.prune(owner) == 3
    assert len(revisions.history(owner)) == 2


def test_what_was_made_anew_under_the_name_is_not_pruned(clock: FakeClock) -> None:
    case = make_fake()
    owner, revisions = case.make(), Revisions(case.api, keep=1)
    for each in (A, B):
        revisions.keep(owner, each, "")
    name = f"app-config-{A.digest[:10]}"

    def replace_before(verb: str) -> None:
        if verb == "delete":
            case.admin.delete(Ref(CONTROLLER_REVISIONS, case.namespace, name))
            body = {"metadata": {"name": name}, "revision": 3, "data": {}}
            case.admin.create(CONTROLLER_REVISIONS, case.namespace, body)

    assert isinstance(case.admin, FakeApi)
    slow = FakeApi(clock=clock, store=case.admin.store, delay=replace_before)
    Revisions(slow, keep=1).prune(owner)
    assert stored(case, name)["revision"] == 3


class _Counting(FakeApi):
    """Counts the lists that bring whole objects."""

    whole_lists = 0

    def list(
        self,
        resource: Resource,
        namespace: str,
        *,
        name: str = "",
        labels: str = "",
        metadata_only: bool = False,
    ) -> Json:
        self.whole_lists += not metadata_only
        return super().list(
            resource, namespace, name=name, labels=labels, metadata_only=metadata_only
        )


def test_no_list_ever_brings_content(clock: FakeClock) -> None:
    case = make_fake()
    assert isinstance(case.admin, FakeApi)
    api = _Counting(clock=clock, store=case.admin.store)
    owner, revisions = case.make(), Revisions(api, keep=1)
    for each in (A, B, A):
        revisions.keep(owner, each, "")
    revisions.load(owner, A.digest)
    revisions.prune(owner)
    assert api.whole_lists == 0


# --- a real cluster


@pytest.mark.apiserver
def test_history_goes_with_its_owner(real: Case, api_server: ApiServer) -> None:
    owner, other = real.make(), real.make("other")
    revisions = Revisions(real.api)
    for each in (A, B):
        revisions.keep(owner, each, "")
        revisions.keep(other, each, "")
    real.admin.delete(real.ref())
    api_server.controllers.start()
    try:
        wait_until(lambda: not revisions.history(owner), "the controller has collected them")
    finally:
        api_server.controllers.stop()
    assert numbers(revisions, other) == {A.digest: 1, B.digest: 2}
    again = real.make()
    assert revisions.keep(again, A, "") == 1


@pytest.mark.apiserver
def test_people_see_it_with_kubectl(real: Case, api_server: ApiServer) -> None:
    owner = real.make()
    Revisions(real.api).keep(owner, A, "Applied by web-0")
    shown = api_server.kubectl("get", "controllerrevisions", namespace=real.namespace)
    assert f"app-config-{A.digest[:10]}" in shown
    assert "configmap/app-config" in shown
