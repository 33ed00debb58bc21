from __future__ import annotations

import json
from collections.abc import Mapping

import pytest
import yaml

from sidecar.core.report import Finding, Report
from sidecar.core.snapshot import Snapshot
from sidecar.serve.config import answer_config
from sidecar.serve.content import ActiveContent, Content, DryRun
from sidecar.serve.dryrun import CODES, Prospect, answer_dry_run
from sidecar.serve.message import Request, Response
from sidecar.testing.clock import FakeClock

pytestmark = pytest.mark.usefixtures("untraced_children")

FILES = {"a.yml": b"global: {x: 1}\npassword: hunter22\n", "b.yml": b"rules: []\n"}
CLOCK = FakeClock(monotonic_s=1000.0, wall_s=1_700_000_000.25)


def seal(files: Mapping[str, bytes], *, is_secret: bool = False) -> Content:
    digest = Snapshot.of(files).digest
    return Content(files=files, digest=digest, source="folder /etc/a", is_secret=is_secret)


ACTIVE = ActiveContent(content=seal(FILES), loaded_s=940.0)
DIGEST = ACTIVE.content.digest


def ask(**query: str) -> Response:
    request = Request(method="GET", path="/", query=query, headers={}, client="::1")
    found = {"web": ACTIVE, "young": None}
    return answer_config(request, ["web", "young"], found.__getitem__, CLOCK)


WEB = {
    "bridge": "web",
    "version": DIGEST,
    "source": "folder /etc/a",
    "loaded_at": "2023-11-14T22:12:20.250Z",
}


def test_all_bridges_show_what_they_run() -> None:
    response = ask()
    assert (response.status, response.content_type) == (200, "application/json")
    files = {
        "a.yml": {"global": {"x": 1}, "password": "<secret>"},
        "b.yml": {"rules": []},
    }
    unknown = dict.fromkeys(("version", "source", "loaded_at"))
    young = {"bridge": "young", **unknown, "files": dict[str, object]()}
    assert json.loads(response.body) == {"bridges": [{**WEB, "files": files}, young]}


def test_yaml_says_the_same() -> None:
    response = ask(format="yaml")
    assert response.content_type == "application/yaml"
    assert yaml.safe_load(response.body) == json.loads(ask(format="json").body)


def test_one_bridge_and_one_section_can_be_picked() -> None:
    document = json.loads(ask(bridge="web", section="global").body)
    assert document == {"bridges": [{**WEB, "files": {"a.yml": {"global": {"x": 1}}}}]}
    assert json.loads(ask(bridge="young").body)["bridges"][0]["version"] is None


@pytest.mark.parametrize(
    ("query", "status", "reason"),
    [
        ({"format": "xml"}, 400, "there is no format 'xml': there are json, yaml"),
        (
            {"sections": "x"},
            400,
            "there is no parameter 'sections': there are format, section, bridge",
        ),
        ({"bridge": "x"}, 404, "no bridge is named 'x': there are web, young"),
        ({"section": "x"}, 404, "no file has a section 'x': there are global, password, rules"),
        (
            {"section": "x", "bridge": "young"},
            404,
            "no file has a section 'x': no file that is proven active has sections",
        ),
    ],
)
def test_what_is_not_there_is_refused(query: dict[str, str], status: int, reason: str) -> None:
    response = ask(**query)
    assert response.status == status
    assert json.loads(response.body) == {"error": reason}


def test_what_cannot_be_masked_is_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.executable", "/nowhere/python")
    response = ask()
    assert response.status == 503
    assert "nothing of the configuration is shown" in json.loads(response.body)["error"]
    run = DryRun(active=ACTIVE.content, mounted=seal({"a": b"1"}), report=Report())
    tried = answer_dry_run(["web"], lambda _: run)
    assert tried.status == 503
    assert json.loads(tried.body)["outcome"] == "blocked"


NEW = seal({"a.yml": b"global: {x: 2}\npassword: other-word\n"})
FINDING = Finding(check="promtool", file="a.yml", line=2, message="not this", suggestion="drop it")


def try_it(run: DryRun) -> tuple[int, dict[str, object], dict[str, object]]:
    response = answer_dry_run(["web"], lambda _: run)
    assert b"other-word" not in response.body
    assert b"hunter22" not in response.body
    document = json.loads(response.body)
    assert document["dryRun"] is True
    (bridge,) = document["bridges"]
    assert (document["outcome"], document["message"]) == (bridge["outcome"], bridge["message"])
    return response.status, document, bridge


def test_a_dry_run_shows_what_would_change() -> None:
    status, document, bridge = try_it(DryRun(active=ACTIVE.content, mounted=NEW, report=Report()))
    assert (status, document["outcome"]) == (200, "valid")
    assert document["message"] == f"{NEW.digest[:12]} passes every check"
    assert (bridge["active"], bridge["mounted"]) == (DIGEST, NEW.digest)
    assert bridge["errors"] == []
    assert bridge["changes"] == [
        {"file": "a.yml", "change": "changed", "shown": True},
        {"file": "b.yml", "change": "removed", "shown": True},
    ]
    assert "-  x: 1\n+  x: 2\n password: <secret>" in str(bridge["diff"])


def test_a_dry_run_tells_findings() -> None:
    report = Report(findings=(FINDING,), cannot_run=("amtool: gone",))
    status, document, bridge = try_it(DryRun(active=ACTIVE.content, mounted=NEW, report=report))
    assert (status, document["outcome"]) == (422, "invalid")
    assert document["message"] == f"{NEW.digest[:12]} would be rejected: a.yml:2: not this"
    (error,) = bridge["errors"] if isinstance(bridge["errors"], list) else []
    assert (error["message"], error["suggestion"]) == ("not this", "drop it")


def test_a_dry_run_without_a_proof_compares_with_nothing() -> None:
    status, document, bridge = try_it(DryRun(mounted=NEW, report=Report()))
    assert status == 200
    assert "nothing is proven active yet" in str(document["message"])
    assert bridge["active"] is None
    assert "+  x: 2" in str(bridge["diff"])


def test_a_dry_run_of_what_is_active_changes_nothing() -> None:
    status, document, bridge = try_it(DryRun(active=ACTIVE.content, mounted=ACTIVE.content))
    assert (status, document["outcome"]) == (200, "unchanged")
    assert (bridge["diff"], bridge["changes"]) == ("", [])


def test_a_dry_run_says_what_keeps_it_from_judging() -> None:
    status, document, bridge = try_it(DryRun(active=ACTIVE.content, trouble="no such folder"))
    assert (status, document["outcome"], document["message"]) == (503, "blocked", "no such folder")
    assert bridge["mounted"] is None
    report = Report(cannot_run=("promtool was killed",))
    status, document, bridge = try_it(DryRun(active=ACTIVE.content, mounted=NEW, report=report))
    assert (status, document["outcome"]) == (503, "blocked")
    assert document["message"] == f"{NEW.digest[:12]} cannot be judged: promtool was killed"
    assert bridge["changes"]


def test_the_worst_bridge_speaks_for_all() -> None:
    runs = {
        "same": DryRun(active=NEW, mounted=NEW),
        "lost": DryRun(trouble="gone"),
        "bad": DryRun(mounted=NEW, report=Report(findings=(FINDING,))),
    }
    response = answer_dry_run(list(runs), runs.__getitem__)
    assert response.status == 503
    document = json.loads(response.body)
    assert document["message"] == "gone"
    assert [one["outcome"] for one in document["bridges"]] == ["unchanged", "blocked", "invalid"]


def test_a_dry_run_before_the_first_report_waits() -> None:
    response = answer_dry_run([], lambda _: DryRun())
    assert response.status == 503


def test_every_prospect_has_a_code() -> None:
    assert set(CODES) == set(Prospect)
