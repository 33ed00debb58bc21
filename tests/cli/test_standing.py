from __future__ import annotations

import base64
from datetime import UTC, datetime

import pytest

from sidecar.cli.standing import Standing, is_named, read_standing, write_age, write_span
from sidecar.cli.table import tabulate, write_document
from sidecar.cli.verdict import Verdict, Waiting, Wish, judge
from sidecar.core.attempt import Status
from sidecar.core.errors import ExitCode
from sidecar.core.snapshot import digest_of
from sidecar.kube.ports import SECRETS, Json

DIGEST = digest_of({"a.yml": b"one"})
SALT = "5a17"
SALTED = digest_of({"token": b"hunter2"}, salt=SALT)


def make(kind: str = "ConfigMap", group: str = "", **marks: str) -> Json:
    prefix = f"{group}.surehup.dev/" if group else "surehup.dev/"
    data = {"a.yml": "one"} if kind == "ConfigMap" else {"token": encode("hunter2")}
    annotations = {f"{prefix}{key}": value for key, value in marks.items()}
    metadata = {"namespace": "shop", "name": "app", "annotations": annotations}
    return {"kind": kind, "metadata": metadata, "data": data}


def encode(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def stand(kind: str = "ConfigMap", **marks: str) -> Standing:
    return read_standing(make(kind, **marks))


def test_a_status_is_believed_of_the_content_that_was_read_with_it() -> None:
    good = stand(status="Applied", observed=DIGEST, message="2/2 proven")
    assert (good.status, good.message) == ("Applied", "2/2 proven")
    assert stand(status="Applied", observed=DIGEST[:12]).is_trusted
    for observed in ("", "0" * 64, DIGEST[:11], DIGEST[:20]):
        old = stand(status="Applied", observed=observed, message="2/2 proven")
        assert old.status == "Pending"
        assert "edited since the last report" in old.message
        assert "proven" not in old.message


def test_an_object_without_annotations_says_so() -> None:
    bare = read_standing({"kind": "ConfigMap", "metadata": {"namespace": "s", "name": "n"}})
    assert (bare.status, bare.message) == ("-", "no sidecar has written on it")
    assert bare.digest == digest_of({})
    assert bare.groups == ()


def test_a_pause_is_told_in_any_status() -> None:
    assert stand(status="Applied", observed=DIGEST, paused="true").message == "paused"
    assert stand(status="Pending", observed="", paused="true").message.endswith("; paused")
    paused = stand(status="Paused", observed=DIGEST, paused="true", message="a restart loads it")
    assert paused.message == "a restart loads it"
    assert not stand(paused="yes").is_paused


def test_groups_are_kept_apart() -> None:
    content = make(group="blue", status="Applied", observed=DIGEST)
    assert read_standing(content).status == "-"
    assert read_standing(content).groups == ("blue",)
    assert read_standing(content, "blue").status == "Applied"
    assert read_standing(content, "red").status == "-"


def test_a_secret_has_a_digest_only_with_its_salt() -> None:
    bare = stand("Secret", status="Applied", observed=digest_of({"token": b"hunter2"}))
    assert bare.is_secret
    assert (bare.ref.resource, bare.digest, bare.status) == (SECRETS, "", "Pending")
    salted = stand("Secret", status="Applied", observed=SALTED[:12], salt=SALT)
    assert (salted.digest, salted.status) == (SALTED, "Applied")
    assert salted.shorten(SALTED) == SALTED[:12]
    assert stand().shorten(DIGEST) == DIGEST
    assert stand(salt=SALT).digest == DIGEST


def test_annotations_cannot_steer_a_terminal() -> None:
    evil = stand(status="Applied\x1b[2J", observed=DIGEST, message="a\x1b]0;x\x07\nb\u202e")
    assert (evil.status, evil.message) == ("Applied", "a b?")


def test_a_digest_is_named_whole_or_short() -> None:
    assert is_named(DIGEST, DIGEST)
    assert is_named(DIGEST, DIGEST[:12])
    assert not is_named(DIGEST, "")


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0s"), (119, "119s"), (120, "2m"), (7199, "119m"), (7200, "2h"), (172_800, "2d")],
)
def test_ages_read_as_kubectls(seconds: int, text: str) -> None:
    assert write_span(seconds) == text
    then = datetime.fromtimestamp(1_000_000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    assert write_age(then, 1_000_000 + seconds) == text


def test_what_is_no_time_has_no_age() -> None:
    assert write_age("", 0) == write_age("yesterday", 0) == ""
    assert write_age("1970-01-01T00:00:10", 5) == "0s"


def test_tables_are_aligned_and_never_have_an_empty_cell() -> None:
    rows = [["NAME", "B", "C"], ["a", "", "long text"], ["longer", "x", ""]]
    assert list(tabulate(rows)) == ["NAME     B   C", "a        -   long text", "longer   x   -"]


def test_documents_are_json_or_yaml() -> None:
    assert write_document({"a": None, "b": ["ü"]}, "yaml") == "a: null\nb:\n- ü\n"
    assert write_document([], "json") == "[]\n"


# --- verdicts

FILES = {"a.yml": b"one"}


def look(wish: Wish, *, held: bool = False, **marks: str) -> Verdict | Waiting:
    return judge(stand(**marks), wish, held=held)


@pytest.mark.parametrize(
    ("status", "code"),
    [
        (Status.APPLIED, ExitCode.DONE),
        (Status.REJECTED, ExitCode.INVALID),
        (Status.FAILED, ExitCode.FAILED),
        (Status.ROLLED_BACK, ExitCode.FAILED),
        (Status.UNCONFIRMED, ExitCode.UNCONFIRMED),
        (Status.PENDING, None),
        (Status.RELOADING, None),
        (Status.ROLLING_OUT, None),
        (Status.PAUSED, None),
        ("FromTheFuture", None),
    ],
)
def test_each_status_has_its_end(status: str, code: ExitCode | None) -> None:
    found = look(Wish(files=FILES), status=status, observed=DIGEST, message="why")
    if code is None:
        assert found == Waiting(f"{status}: why", holds=True)
    else:
        sentence = f"ConfigMap shop/app {DIGEST[:12]} {status}: why"
        assert found == Verdict(code, sentence)


def test_every_status_was_thought_of() -> None:
    marked = test_each_status_has_its_end.pytestmark[0].args[1]  # type: ignore[attr-defined]
    assert {case[0] for case in marked} >= set(Status)


@pytest.mark.parametrize("status", list(Status))
def test_no_verdict_on_other_content_is_taken(status: Status) -> None:
    found = look(Wish(files=FILES), status=status, observed="0" * 64)
    assert isinstance(found, Waiting)
    assert found.holds


@pytest.mark.parametrize("held", [True, False])
def test_another_edit_ends_the_wait_for_files(held: bool) -> None:  # noqa: FBT001
    found = look(
        Wish(files={"a.yml": b"two"}), held=held, status="Applied", observed=DIGEST, message="ok"
    )
    assert isinstance(found, Verdict)
    assert found.code is ExitCode.NOT_FOUND
    assert f"edited again before the verdict: it holds {DIGEST[:12]} now" in found.sentence


def test_a_digest_may_still_come_and_then_go() -> None:
    other = Wish(digest="0123456789ab")
    found = look(other, status="Applied", observed=DIGEST)
    assert found == Waiting(f"it holds {DIGEST[:12]} now, not 0123456789ab", holds=False)
    assert isinstance(look(other, held=True), Verdict)
    for digest in (DIGEST, DIGEST[:12], DIGEST[:30]):
        found = look(Wish(digest=digest), status="Applied", observed=DIGEST)
        assert isinstance(found, Verdict)
        assert found.code is ExitCode.DONE


def test_an_unsalted_secret_meets_no_digest() -> None:
    secret = stand("Secret", status="Applied", observed="")
    assert isinstance(judge(secret, Wish(digest=DIGEST), held=False), Waiting)
    found = judge(secret, Wish(files={"token": b"hunter2"}), held=False)
    assert isinstance(found, Waiting)
    assert found.holds


def test_an_answer_is_to_its_own_request() -> None:
    wish = Wish(files=FILES, requested="t2")
    old = {"status": "Rejected", "observed": DIGEST}
    for handled in (dict[str, str](), {"handled": "t1"}):
        found = judge(stand(**old, **handled), wish, held=True)
        assert found == Waiting("the sidecar has not taken the request yet", holds=True)
    found = judge(stand(handled="t2", **old), wish, held=True)
    assert isinstance(found, Verdict)
    assert found.code is ExitCode.INVALID
