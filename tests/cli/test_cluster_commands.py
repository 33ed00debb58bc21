"""The commands on a cluster in memory, called as the shell calls them."""

from __future__ import annotations

import base64
import io
import json
import re
import sys
from pathlib import Path

import pytest
import yaml

from sidecar.cli import main
from sidecar.core.snapshot import digest_of
from sidecar.kube.errors import ConflictError
from sidecar.kube.ports import SECRETS, Json
from tests.cli.clusters import Stage, fake_of, make_stage, stand_in, until

ONE, TWO, THREE = ({"a.yml": f"{text}\n"} for text in ("one", "two", "three"))
PASSWORD = "hunter2"  # noqa: S105  the one that nobody may read
SALT = "5a17c0de"


@pytest.fixture
def stage(monkeypatch: pytest.MonkeyPatch) -> Stage:
    stage = make_stage()
    stand_in(stage, monkeypatch)
    return stage


@pytest.fixture
def app(stage: Stage) -> Stage:
    """``app`` with two applied contents, `TWO` being active."""
    stage.make(data=ONE)
    stage.apply(cause="edited by kubectl-edit")
    stage.edit(TWO)
    stage.apply(cause="edited by argocd")
    return stage


class Shell:
    """Runs commands and keeps what they print."""

    def __init__(self, capsys: pytest.CaptureFixture[str]) -> None:
        self._capsys = capsys
        self.out = ""
        self.err = ""

    def run(self, *argv: str) -> int:
        code = main(argv)
        captured = self._capsys.readouterr()
        self.out, self.err = captured.out, captured.err
        assert "Traceback" not in self.err
        return code

    @property
    def rows(self) -> list[list[str]]:
        """What is not a minute old is shown as new: machines differ in their speed."""
        lines = (re.split(r" {3,}", line.strip()) for line in self.out.splitlines())
        return [[re.sub(r"^\d\d?s$", "0s", cell) for cell in line] for line in lines]


@pytest.fixture
def shell(capsys: pytest.CaptureFixture[str]) -> Shell:
    return Shell(capsys)


def make_secret(stage: Stage, **values: str) -> Json:
    data = {key: base64.b64encode(value.encode()).decode() for key, value in values.items()}
    annotations = {"surehup.dev/salt": SALT}
    return stage.make("key", kind=SECRETS, data=data, metadata={"annotations": annotations})


# --- status


def test_status_lists_what_a_sidecar_has_written_on(app: Stage, shell: Shell) -> None:
    app.make("stranger", data=ONE)
    app.make("stale", data=ONE)
    app.apply("stale")
    app.edit(TWO, "stale")
    assert shell.run("status") == 0
    assert shell.rows == [
        ["NAME", "STATUS", "ACTIVE", "REVISION", "UPDATED", "MESSAGE"],
        ["app", "Applied", digest_of({"a.yml": b"two\n"})[:12], "2", "0s", "1/1 proven"],
        [
            *("stale", "Pending", digest_of({"a.yml": b"one\n"})[:12], "1", "0s"),
            "edited since the last report, which the sidecar has not seen yet",
        ],
    ]


def test_status_of_one_is_shown_also_without_annotations(app: Stage, shell: Shell) -> None:
    app.make("stranger", data=ONE)
    assert shell.run("status", "stranger") == 0
    assert shell.rows[1] == ["stranger", "-", "-", "-", "-", "no sidecar has written on it"]
    assert shell.run("status", "nobody") == 1
    assert shell.err == (
        "surehup: ConfigMap shop/nobody does not exist: create it, or correct its name and"
        " namespace\n"
    )
    assert shell.run("status", "shop/app") == 0
    assert len(shell.rows) == 2


def test_status_wide_shows_the_protocol(app: Stage, shell: Shell) -> None:
    app.edit(THREE)
    app.say(status="Reloading", previous=app.digest(), holder="web-0/1234abcd/1/15")
    assert shell.run("status", "-o", "wide") == 0
    head, row = shell.rows
    assert head[5:] == ["OBSERVED", "PREVIOUS", "HOLDER", "DESIRED", "GROUP", "MESSAGE"]
    short = app.digest()[:12]
    assert row[5:] == [short, short, "web-0/1234abcd/1/15", "-", "-", "1/1 proven"]


def test_status_for_programs(app: Stage, shell: Shell) -> None:
    assert shell.run("status", "app", "-o", "json") == 0
    one = json.loads(shell.out)
    assert one == {
        "kind": "ConfigMap",
        "namespace": "shop",
        "name": "app",
        "status": "Applied",
        "message": "1/1 proven",
        "updated": app.read()["metadata"]["annotations"]["surehup.dev/updated"],
        "digest": app.digest(),
        "observed": app.digest(),
        "active": app.digest(),
        "previous": "",
        "desired": "",
        "revision": 2,
        "holder": "",
        "paused": False,
        "groups": [],
    }
    assert shell.run("status", "-o", "yaml") == 0
    assert yaml.safe_load(shell.out) == [one]


def test_status_of_nothing_is_no_error(stage: Stage, shell: Shell) -> None:
    stage.make("stranger", data=ONE)
    assert shell.run("status") == 0
    assert (shell.out, shell.err) == (
        "",
        "No ConfigMap in namespace shop was written on by surehup.\n",
    )
    assert shell.run("status", "-n", "web", "-o", "json") == 0
    assert json.loads(shell.out) == []


def test_status_of_a_group(stage: Stage, shell: Shell) -> None:
    stage.group = "blue"
    stage.make(data=ONE)
    stage.apply()
    assert shell.run("status", "--group", "blue", "-o", "wide") == 0
    assert shell.rows[1][1] == "Applied"
    assert shell.rows[1][-2] == "blue"
    assert shell.run("status") == 0
    assert shell.out == ""


def test_status_of_a_secret_shows_no_whole_digest(stage: Stage, shell: Shell) -> None:
    make_secret(stage, pw=PASSWORD)
    whole = stage.say("key", of=SECRETS, status="Applied", active=stage.digest("key", SECRETS))
    assert shell.run("status", "secret/key", "-o", "json") == 0
    told = json.loads(shell.out)
    assert (told["status"], told["digest"], told["active"]) == ("Applied", whole[:12], whole[:12])
    for argv in (("-o", "wide"), ("-o", "yaml"), ()):
        assert shell.run("status", "secret/key", *argv) == 0
        for leak in (whole, PASSWORD, SALT, digest_of({"pw": PASSWORD.encode()})[:12]):
            assert leak not in shell.out


@pytest.mark.usefixtures("stage")
def test_status_refuses_contradictions(shell: Shell) -> None:
    assert shell.run("status", "-A", "app") == 3
    assert shell.run("status", "-A", "-n", "x") == 3
    assert shell.run("status", "web/app", "-n", "shop") == 3
    assert "another namespace" in shell.err
    assert shell.run("status", "-o", "xml") == 3


def test_status_says_which_permission_is_missing(app: Stage, shell: Shell) -> None:
    fake_of(app).forbid("list")
    assert shell.run("status") == 2
    assert 'apiGroups [""] resources [configmaps] verbs [list]' in shell.err
    assert "or name one ConfigMap, which needs get alone" in shell.err
    assert shell.run("status", "-A") == 2
    assert "ask for a ClusterRole" in shell.err
    assert shell.run("status", "app") == 0


def test_what_is_deleted_while_it_is_listed_is_left_out(app: Stage, shell: Shell) -> None:
    app.make("zebra", data=ONE)
    app.apply("zebra")
    deleted: list[str] = []

    def vanish(verb: str) -> None:
        if verb == "get" and not deleted:
            deleted.append("app")
            app.editor.delete(app.refer())

    fake_of(app)._delay = vanish
    assert shell.run("status") == 0
    assert [row[0] for row in shell.rows] == ["NAME", "zebra"]


# --- wait


@pytest.mark.parametrize(
    ("status", "code"),
    [("Applied", 0), ("Rejected", 4), ("Failed", 5), ("RolledBack", 5), ("Unconfirmed", 6)],
)
def test_wait_tells_the_verdict(app: Stage, shell: Shell, status: str, code: int) -> None:
    app.say(status=status, message="a.yml: line 1: bad")
    assert shell.run("wait", "app") == code
    assert shell.out == (f"ConfigMap shop/app {app.digest()[:12]} {status}: a.yml: line 1: bad\n")
    assert shell.err == ""


def test_wait_times_out(app: Stage, shell: Shell) -> None:
    app.edit(THREE)
    assert shell.run("wait", "app", "--timeout", "200ms") == 8
    assert shell.out == ""
    why = "Pending: edited since the last report, which the sidecar has not seen yet"
    assert shell.err == (
        f"waiting: {why}\nsurehup: ConfigMap shop/app has no verdict after 200ms: {why}\n"
    )


def test_wait_for_a_digest(app: Stage, shell: Shell) -> None:
    assert shell.run("wait", "app", "--digest", app.digest()) == 0
    assert shell.run("wait", "app", "--digest", "0" * 12, "--timeout", "200ms") == 8
    assert f"it holds {app.digest()[:12]} now, not 000000000000" in shell.err


@pytest.mark.parametrize(
    "argv",
    [
        ["--timeout", "0"],
        ["--timeout", "5"],
        ["--timeout", "soon"],
        ["--digest", "abc"],
        ["--digest", "G" * 12],
    ],
)
@pytest.mark.usefixtures("stage")
def test_wait_refuses_what_it_cannot_wait_for(shell: Shell, argv: list[str]) -> None:
    assert shell.run("wait", "app", *argv) == 3
    assert argv[0] in shell.err


def test_wait_for_what_is_not_there(app: Stage, shell: Shell) -> None:
    assert shell.run("wait", "nobody") == 1
    fake_of(app).go_down()
    assert shell.run("wait", "app") == 7
    assert shell.run("wait", "app", "--digest", "0" * 12) == 7


# --- history


@pytest.mark.usefixtures("app")
def test_history_marks_what_is_active(shell: Shell) -> None:
    assert shell.run("history", "app") == 0
    assert shell.out.splitlines()[0].startswith("  REVISION   DIGEST")
    assert shell.rows == [
        ["REVISION", "DIGEST", "AGE", "CAUSE"],
        ["* 2", digest_of({"a.yml": b"two\n"})[:12], "0s", "edited by argocd"],
        ["1", digest_of({"a.yml": b"one\n"})[:12], "0s", "edited by kubectl-edit"],
    ]


def test_history_for_programs(app: Stage, shell: Shell) -> None:
    assert shell.run("history", "app", "-o", "json") == 0
    newest, oldest = json.loads(shell.out)
    assert newest == {
        "revision": 2,
        "digest": app.digest(),
        "active": True,
        "created": newest["created"],
        "cause": "edited by argocd",
        "kept": True,
    }
    assert not oldest["active"]


def test_history_of_none(stage: Stage, shell: Shell) -> None:
    stage.make(data=ONE)
    assert shell.run("history", "app") == 0
    assert (shell.out, shell.err) == ("", "No content of ConfigMap shop/app was kept yet.\n")


def test_history_says_which_permission_is_missing(app: Stage, shell: Shell) -> None:
    fake_of(app).forbid("list")
    assert shell.run("history", "app") == 2
    assert 'apiGroups ["apps"] resources [controllerrevisions] verbs [list]' in shell.err


# --- diff


def test_diff_of_active_and_live(app: Stage, shell: Shell) -> None:
    assert shell.run("diff", "app") == 0
    assert (shell.out, shell.err) == ("", "")
    active = app.digest()[:12]
    app.edit(THREE)
    assert shell.run("diff", "app") == 1
    assert shell.out == (
        f"--- active ({active}): a.yml\n+++ live: a.yml\n@@ -1 +1 @@\n-two\n+three\n"
    )


@pytest.mark.usefixtures("app")
def test_diff_of_revisions(shell: Shell) -> None:
    assert shell.run("diff", "app", "1") == 1
    assert "--- revision 1: a.yml\n+++ live: a.yml\n" in shell.out
    assert shell.run("diff", "app", "revision:2", "1") == 1
    assert shell.out.endswith("-two\n+one\n")
    assert shell.run("diff", "app", "2") == 0
    assert shell.run("diff", "app", "7") == 1
    assert shell.err == "surehup: ConfigMap shop/app has no revision 7: its history has 2, 1\n"


@pytest.mark.usefixtures("app")
def test_diff_with_files_of_this_machine(shell: Shell, tmp_path: Path) -> None:
    folder = tmp_path / "conf"
    (folder / "below").mkdir(parents=True)
    (folder / "a.yml").write_text("two\n")
    (folder / "no key~").write_text("left out, as kubectl does\n")
    assert shell.run("diff", "app", str(folder)) == 0
    (folder / "a.yml").write_text("2\n")
    assert shell.run("diff", "app", "live", str(folder / "a.yml")) == 1
    assert shell.out.endswith("-two\n+2\n")
    (folder / "b").write_text("b\n")
    assert shell.run("diff", "app", str(folder)) == 1
    assert f"--- {folder}: b\n+++ live: no b\n" in shell.out


@pytest.mark.usefixtures("app")
def test_diff_with_a_mounted_folder(shell: Shell, tmp_path: Path) -> None:
    (tmp_path / "..1").mkdir()
    (tmp_path / "..1" / "a.yml").write_text("two\n")
    (tmp_path / "..data").symlink_to("..1")
    (tmp_path / "a.yml").symlink_to("..data/a.yml")
    assert shell.run("diff", "app", str(tmp_path)) == 0


@pytest.mark.usefixtures("app")
def test_diff_with_a_manifest(
    shell: Shell, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    document = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "app"},
        "data": {"a.yml": "two\n"},
    }
    other = {**document, "metadata": {"name": "other"}, "data": {}}
    path = tmp_path / "all.yaml"
    path.write_text(yaml.safe_dump_all([other, document]))
    assert shell.run("diff", "app", str(path)) == 0
    path.write_text(yaml.safe_dump(other))
    assert shell.run("diff", "app", str(path)) == 3
    assert "holds no manifest of ConfigMap shop/app, but ConfigMap other" in shell.err
    path.write_text(yaml.safe_dump_all([document, document]))
    assert shell.run("diff", "app", str(path)) == 3
    assert "holds 2 manifests" in shell.err
    path.write_text("apiVersion: v1\nkind: Pod\n")
    assert shell.run("diff", "app", str(path)) == 3
    assert "no ConfigMap or Secret" in shell.err
    rendered = io.TextIOWrapper(io.BytesIO(yaml.safe_dump(document).encode()))
    monkeypatch.setattr(sys, "stdin", rendered)
    assert shell.run("diff", "app", "-") == 0


def test_diff_refuses_what_is_not_there(app: Stage, shell: Shell, tmp_path: Path) -> None:
    assert shell.run("diff", "app", str(tmp_path / "none")) == 3
    assert "No such file" in shell.err
    assert shell.run("diff", "app", "lvie") == 3
    odd = tmp_path / "no key~"
    odd.write_text("x")
    assert shell.run("diff", "app", str(odd)) == 3
    big = tmp_path / "big"
    with big.open("wb") as file:
        file.truncate((10 << 20) + 1)
    assert shell.run("diff", "app", str(big)) == 3
    assert "larger than 10 MiB" in shell.err
    app.make("stranger", data=ONE)
    assert shell.run("diff", "stranger") == 1
    assert "names no active content" in shell.err


def test_diff_says_where_content_was_not_kept(app: Stage, shell: Shell) -> None:
    app.say(active="0" * 64)
    assert shell.run("diff", "app") == 1
    assert "does not hold the content of 000000000000" in shell.err


def test_diff_of_a_secret_is_masked(stage: Stage, shell: Shell, tmp_path: Path) -> None:
    make_secret(stage, pw=PASSWORD, user="me")
    stage.apply("key", of=SECRETS)
    assert shell.run("diff", "secret/key") == 0
    document = {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": "key"},
        "stringData": {"pw": "other-value", "user": "me"},
    }
    path = tmp_path / "secret.yaml"
    path.write_text(yaml.safe_dump(document))
    assert shell.run("diff", "secret/key", str(path)) == 1
    assert shell.out == (
        f"--- {path}\n+++ live\n-pw: <masked>\n+pw: <masked, changed>\n user: <masked>\n"
    )
    assert shell.run("diff", "secret/key", "1", str(path)) == 1
    assert shell.err == (
        "surehup: of revision 1 only the digest is kept, as Secret shop/key is a Secret: take its"
        " content from where you keep it\n"
    )


# --- rollback


def test_rollback_brings_the_last_good_back_and_waits(app: Stage, shell: Shell) -> None:
    app.edit({"a.yml": "broken\n", "new": "key"})
    app.say(status="RolledBack", message="refused")
    assert shell.run("rollback", "app", "--no-wait") == 0
    assert app.read()["data"] == TWO
    short = app.digest()[:12]
    assert shell.out == f"ConfigMap shop/app holds the content of revision 2 ({short}) again\n"


def test_rollback_exits_with_the_verdict(app: Stage, shell: Shell) -> None:
    restored = digest_of({"a.yml": b"one\n"})

    def decide() -> None:
        until(lambda: app.digest() == restored)
        app.say(status="RolledBack", message="refused again")

    with app.later(decide):
        assert shell.run("rollback", "app") == 5
    assert shell.out.splitlines()[1] == (
        f"ConfigMap shop/app {restored[:12]} RolledBack: refused again"
    )


def test_rollback_to_a_revision(app: Stage, shell: Shell) -> None:
    assert shell.run("rollback", "app", "--to", "1", "--no-wait") == 0
    assert app.read()["data"] == ONE
    assert shell.run("rollback", "app", "--to", "1") == 1
    assert shell.err == "surehup: ConfigMap shop/app holds the content of revision 1 already\n"
    assert shell.run("rollback", "app", "--to", "9") == 1
    assert shell.run("rollback", "app", "--to", "x") == 3


def test_rollback_restores_binary_and_text_where_they_were(stage: Stage, shell: Shell) -> None:
    binary = {"bin": base64.b64encode(b"\0\xff").decode(), "asc": base64.b64encode(b"x").decode()}
    stage.make(data={"t": "ü"}, binaryData=binary)
    first = stage.digest()
    stage.apply()
    stage.editor.patch(
        stage.refer(), {"data": {"t": None, "bin": "now text"}, "binaryData": {"bin": None}}
    )
    assert shell.run("rollback", "app", "--no-wait") == 0
    content = stage.read()
    assert stage.digest() == first
    assert content["data"] == {"t": "ü"}
    assert content["binaryData"] == binary


def test_rollback_is_written_over_annotations_and_never_over_an_edit(
    app: Stage, shell: Shell
) -> None:
    conflict = ConflictError("changed", status=409)
    fake_of(app).fail_next("patch", conflict)
    assert shell.run("rollback", "app", "--no-wait") == 0
    assert app.read()["data"] == ONE

    def edit(verb: str) -> None:
        if verb == "patch":
            app.edit(THREE)

    fake_of(app)._delay = edit
    assert shell.run("rollback", "app", "--no-wait") == 1
    assert "was edited meanwhile, and left as it is" in shell.err
    assert app.read()["data"] == THREE
    fake_of(app)._delay = lambda _verb: None
    for _ in range(5):
        fake_of(app).fail_next("patch", conflict)
    assert shell.run("rollback", "app", "--no-wait") == 5
    assert "changes too often" in shell.err


@pytest.mark.parametrize(
    ("manager", "metadata", "owner"),
    [
        ("argocd-controller", {}, "Argo CD"),
        ("kustomize-controller", {}, "Flux"),
        ("helm", {}, "Helm"),
        ("editor", {"labels": {"helm.toolkit.fluxcd.io/name": "x"}}, "Flux"),
        ("editor", {"annotations": {"argocd.argoproj.io/tracking-id": "x"}}, "Argo CD"),
        ("editor", {"annotations": {"meta.helm.sh/release-name": "x"}}, "Helm"),
    ],
)
def test_rollback_leaves_alone_what_others_would_put_back(
    app: Stage, shell: Shell, manager: str, metadata: Json, owner: str
) -> None:
    fake_of(app).make_other(manager).patch(app.refer(), {"data": THREE, "metadata": metadata})
    assert shell.run("rollback", "app", "--no-wait") == 1
    assert shell.err == (
        f"surehup: ConfigMap shop/app belongs to {owner}, which would undo this: revert the change"
        f" where {owner} takes it from, or do it all the same with --force\n"
    )
    assert app.read()["data"] == THREE
    assert shell.run("rollback", "app", "--no-wait", "--force") == 0
    assert shell.err == f"warning: {owner} owns ConfigMap shop/app and may undo this\n"
    assert app.read()["data"] == TWO


def test_rollback_has_to_have_something_to_go_back_to(stage: Stage, shell: Shell) -> None:
    stage.make(data=ONE)
    assert shell.run("rollback", "app") == 1
    assert shell.err.endswith("cannot be rolled back: its history holds no content\n")
    stage.apply()
    assert shell.run("rollback", "app") == 1
    assert shell.err.endswith("cannot be rolled back: its history holds no other content\n")


def test_rollback_of_what_cannot_change(stage: Stage, shell: Shell) -> None:
    stage.make(data=ONE, immutable=True)
    assert shell.run("rollback", "app") == 1
    assert "is immutable, so that its data can never change" in shell.err


def test_rollback_of_a_secret_is_refused(stage: Stage, shell: Shell) -> None:
    make_secret(stage, pw=PASSWORD)
    stage.apply("key", of=SECRETS)
    secret = {"data": {"pw": base64.b64encode(b"other").decode()}}
    stage.editor.patch(stage.refer("key", SECRETS), secret)
    assert shell.run("rollback", "secret/key") == 1
    assert "only the digest is kept" in shell.err


@pytest.mark.usefixtures("app")
def test_rollback_says_that_it_waits_for_a_resume(shell: Shell) -> None:
    assert shell.run("pause", "app") == 0
    assert shell.run("rollback", "app", "--no-wait") == 0
    assert "is paused" in shell.err


# --- pause, resume, retry


def read_marks_of(stage: Stage) -> dict[str, str]:
    return dict(stage.read()["metadata"].get("annotations") or {})


def test_pause_and_resume(app: Stage, shell: Shell) -> None:
    assert shell.run("pause", "app") == 0
    assert "is paused" in shell.out
    assert read_marks_of(app)["surehup.dev/paused"] == "true"
    assert shell.run("status", "app") == 0
    assert shell.rows[1][-1] == "1/1 proven; paused"
    assert shell.run("resume", "app") == 0
    assert "surehup.dev/paused" not in read_marks_of(app)
    assert shell.run("resume", "app") == 0
    for command in ("pause", "resume", "retry"):
        assert shell.run(command, "nobody") == 1


def test_a_group_is_paused_alone(app: Stage, shell: Shell) -> None:
    assert shell.run("pause", "app", "--group", "blue") == 0
    assert read_marks_of(app)["blue.surehup.dev/paused"] == "true"
    assert "surehup.dev/paused" not in read_marks_of(app)


def test_a_missing_patch_permission_is_told(app: Stage, shell: Shell) -> None:
    fake_of(app).forbid("patch")
    for command in ("pause", "resume", "retry"):
        assert shell.run(command, "app") == 2
        assert "resources [configmaps] resourceNames [app] verbs [patch]" in shell.err
    assert shell.run("rollback", "app") == 2


def test_retry_waits_for_the_answer_to_itself(app: Stage, shell: Shell) -> None:
    app.say(status="Rejected", message="no")

    def answer() -> None:
        until(lambda: "surehup.dev/requested" in read_marks_of(app))
        requested = read_marks_of(app)["surehup.dev/requested"]
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z", requested)
        app.say(status="Reloading")
        app.say(status="Applied", message="yes", handled=requested)

    with app.later(answer):
        assert shell.run("retry", "app") == 0
    first, second = shell.out.splitlines()
    assert first == "ConfigMap shop/app is to be tried again"
    assert second.endswith("Applied: yes")


def test_retry_times_out_without_an_answer(app: Stage, shell: Shell) -> None:
    app.say(status="Rejected", message="no")
    assert shell.run("retry", "app", "--timeout", "200ms") == 8
    assert "the sidecar has not taken the request yet" in shell.err
    assert shell.run("retry", "app", "--no-wait") == 0


@pytest.mark.usefixtures("app")
def test_retry_of_what_is_paused(shell: Shell) -> None:
    shell.run("pause", "app")
    assert shell.run("retry", "app") == 1
    assert shell.err == "surehup: ConfigMap shop/app is paused: end that first, by surehup resume\n"
