"""`surehup check`: what it finds, where it says that it stands, and how it ends."""

from __future__ import annotations

import base64
import json
import os
import pty
import shutil
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from jsonschema import Draft202012Validator

from sidecar.cli.checking.guess import NAMES
from sidecar.presets.loading import load_preset
from sidecar.presets.names import list_presets
from tests.cli.checks import Check, make_check

pytestmark = pytest.mark.usefixtures("untraced_children")

ROOT = Path(__file__).parents[2]
JOB = "scrape_configs:\n- job_name: a\n  static_configs: [{targets: ['h:1']}]\n"
ROUTE = "route: {receiver: a}\n"
BAD_JOBS = f"{JOB}- job_name: a\n  static_configs: [{{targets: ['i:1']}}]\n"
needs_promtool = pytest.mark.skipif(not shutil.which("promtool"), reason="promtool is not here")
needs_kubectl = pytest.mark.skipif(not shutil.which("kubectl"), reason="kubectl is not here")


@pytest.fixture
def check(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Check:
    return make_check(tmp_path, monkeypatch, capsys)


def config_map(key: str, content: str, name: str = "x", head: str = "") -> str:
    block = "".join(f"    {line}\n" for line in content.splitlines())
    return (
        f"apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: {name}\n{head}"
        f"data:\n  {key}: |\n{block}"
    )


def test_good_files_end_with_zero(check: Check) -> None:
    check.write({"a.yaml": "a: b\n", "d/b.json": "{}", "d/c.toml": "a = 1\n"})
    done = check(".")
    assert (done.code, done.out, done.err) == (0, "all good (3 files checked)\n", "")


def test_the_report_as_a_compiler_would_print_it(check: Check) -> None:
    content = "groups:\n- name: a\n  name: b\n"
    check.write({"cm.yaml": config_map("rules.yaml", content), "note.txt": "x"})
    done = check("cm.yaml", "note.txt")
    assert done.code == 4
    assert done.out == (
        "cm.yaml:9:7: error[yaml/duplicate-key]: ConfigMap x, key rules.yaml: the key 'name' "
        "stands twice in one mapping, first on line 8\n"
        "    9 |       name: b\n"
        "      |       ^\n"
        "  = help: remove one of them\n"
        "  = see: https://yaml.org/spec/1.2.2/\n"
        "\n"
        "note: nothing is known of note.txt: give --preset or --validate\n"
        "1 error (2 files checked)\n"
    )


@pytest.mark.parametrize(
    ("argv", "said"),
    [
        (["gone.yaml"], "gone.yaml cannot be read (No such file or directory)"),
        ([], "there is nothing to check"),
        (["--preset", "promtheus", "."], "did you mean 'prometheus'?"),
        (["--format", "xml", "."], "invalid choice"),
        (["--validate", "'", "."], "--validate: "),
        (["--validate", "x", "--validate-pattern", "(", "."], "--validate: "),
        (["--validate", "x", "--validate-pattern", "a", "."], "no named group"),
        (["--validate", "x {what}", "--validate", "", "."], "x"),
    ],
)
def test_usage_ends_with_three(check: Check, argv: list[str], said: str) -> None:
    check.write({"a.yaml": "a: b\n"})
    done = check(*argv)
    assert done.code == 3
    assert said in done.out + done.err


def test_a_program_that_was_asked_for_and_is_not_there(check: Check) -> None:
    check.write({"a.yaml": "a: b\n"})
    done = check("a.yaml", "--validate", "no-such-program {file}")
    assert done.code == 3
    assert "cannot judge: no-such-program is not installed" in done.out
    assert done.out.endswith("1 check could not run (1 file checked)\n")


def test_programs_of_the_user_judge_every_file(check: Check) -> None:
    check.write({"a.yaml": "a: b\n", "b.yaml": "c: d\n", "cm.yaml": config_map("k", "a: b")})
    program = 'sh -c \'grep -n b "$1" | sed "s|^|$1:|"; ! grep -q b "$1"\' sh {file}'
    pattern = r"^(?P<file>[^:]+):(?P<line>\d+):(?P<message>.*)$"
    done = check.json(".", "--validate", program, "--validate-pattern", pattern)
    assert done.code == 4
    assert done.found == [("a.yaml", 1, "sh"), ("cm.yaml", 7, "sh")]


def test_programs_that_name_a_key_run_where_it_is(check: Check) -> None:
    check.write({"a.yaml": "a: b\n", "b.yaml": "c: d\n"})
    done = check.json(".", "--validate", "false {file:a.yaml}")
    assert [finding[0] for finding in done.found] == ["a.yaml"]


def test_json_of_programs(check: Check) -> None:
    check.write({"a.yaml": "a: b\n"})
    printed = json.dumps([{"file": "a.yaml", "line": 1, "level": "warning", "message": "hm"}])
    argv = ("--validate", f"echo '{printed}'", "--validate-output", "json")
    assert check.json("a.yaml", *argv).found == [("a.yaml", 1, "echo")]
    assert check("a.yaml", *argv).code == 0
    assert check("a.yaml", *argv, "--mode", "strict").code == 4


def test_modes(check: Check) -> None:
    check.write({"cm.yaml": config_map("prometheus.yml", f"{JOB}  bearer_token: x\n")})
    severities = {}
    for mode in ("strict", "lenient", "permissive"):
        done = check.json("cm.yaml", "--mode", mode, "--no-commands")
        severities[mode] = [each["severity"] for each in done.document["findings"]]
    assert severities == {"strict": ["error"], "lenient": ["error"], "permissive": ["warning"]}
    check.write({"p/prometheus.yml": f"{JOB}  tls_config: {{insecure_skip_verify: true}}\n"})
    for mode, severity, code in (
        ("strict", "error", 4),
        ("lenient", "warning", 0),
        ("permissive", "info", 0),
    ):
        done = check.json("p", "--mode", mode, "--no-commands")
        assert [each["severity"] for each in done.document["findings"]] == [severity]
        assert done.code == code
    check.write({"bad/prometheus.yml": BAD_JOBS})
    assert check("bad", "--mode", "permissive", "--no-commands").code == 4


def test_the_rules_of_prometheus_and_of_alertmanager(check: Check) -> None:
    routing = "route:\n  receiver: gone\nreceivers: [{name: a}]\n"
    check.write(
        {
            "cm.yaml": "---\n".join(
                (
                    config_map("prometheus.yaml", BAD_JOBS, "p"),
                    config_map("am.yaml", routing, "a"),
                )
            )
        }
    )
    done = check.json("cm.yaml", "--no-commands")
    errors = [each for each in done.document["findings"] if each["severity"] == "error"]
    assert [(each["line"], each["rule"]) for each in errors] == [(10, "PW301"), (20, "E206")]
    assert "first on line 8" in errors[0]["message"]
    presets = [subject.get("preset") for subject in done.document["subjects"]]
    assert presets == [None, "alertmanager", "prometheus"]


def test_the_version_of_alertmanager_decides_which_fields_there_are(check: Check) -> None:
    mail = "{smarthost: 'h:25', from: a@b, to: c@d, force_implicit_tls: true}"
    check.write({"alertmanager.yml": f"{ROUTE}receivers: [{{name: a, email_configs: [{mail}]}}]\n"})

    def judge(version: str) -> list[str]:
        argv = ["alertmanager.yml", "--no-commands", "--alertmanager-version", version]
        return [rule for *_, rule in check.json(*argv).found if rule in {"E104", "I110"}]

    assert judge("0.25") == judge("v0.28.1") == ["E104"]
    assert judge("0.34") == judge("0.99") == []
    assert judge("") == ["I110"]


@pytest.mark.parametrize(
    ("version", "said"),
    [
        ("newest", "'newest' is no version of Alertmanager like 0.28.1"),
        ("0.24.0", "0.24.0 is too old: the rules know Alertmanager 0.25 to 0.34"),
    ],
)
def test_a_version_that_cannot_be_judged_for_is_refused(
    check: Check, version: str, said: str
) -> None:
    done = check(".", "--alertmanager-version", version)
    assert done.code == 3
    assert f"--alertmanager-version: {said}" in done.err


def test_a_version_that_came_later_is_noted(check: Check) -> None:
    check.write({"alertmanager.yml": f"{ROUTE}receivers: [{{name: a}}]\n"})
    done = check("alertmanager.yml", "--no-commands", "--alertmanager-version", "0.40")
    assert done.code == 0
    assert "note: the rules know Alertmanager 0.25 to 0.34: what 0.40 added is not" in done.out


@needs_promtool
def test_promtool_runs_and_points_at_the_line(check: Check) -> None:
    check.write({"prom/prometheus.yml": f"{JOB}  bogus: 1\n"})
    done = check.json("prom")
    assert done.found == [("prom/prometheus.yml", 4, "promtool/exit-1")]
    assert check("prom", "--no-commands").code == 0
    check.write({"cm.yaml": config_map("prometheus.yml", f"{JOB}  bogus: 1\n")})
    assert check.json("cm.yaml").found == [("cm.yaml", 10, "promtool/exit-1")]


@needs_promtool
def test_one_file_is_checked_with_the_files_beside_it(check: Check) -> None:
    main = f"rule_files: [rules/a.yml]\nalerting: {{alertmanagers: [{{}}]}}\n{JOB}"
    check.write({"p/prometheus.yml": main, "p/rules/a.yml": "groups: []\n"})
    assert check("p/prometheus.yml").code == 0
    check.write({"p/rules/a.yml": "groups: [{name: g, rules: [{record: a, expr: '('}]}]\n"})
    done = check.json("p/prometheus.yml", "--format", "json")
    assert done.found[0][0] == "p/prometheus.yml"
    assert done.code == 4


@needs_promtool
def test_files_of_other_volumes_are_no_errors(check: Check) -> None:
    main = f"rule_files: [/etc/alerts/gone.yml]\n{JOB}"
    check.write({"cm.yaml": config_map("prometheus.yml", main)})
    assert check("cm.yaml").code == 0


def test_a_daemon_whose_program_is_not_here_is_noted(
    check: Check, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(check.folder))
    check.write({"prometheus.yml": JOB})
    done = check("prometheus.yml")
    assert done.code == 0
    assert "note: promtool is not installed here" in done.out


def test_a_secret_is_never_shown(check: Check) -> None:
    hidden = "hunter2"
    config = f"{JOB}  bearer_token: {hidden}\n  {hidden}: {hidden}\n"
    encoded = base64.b64encode(config.encode()).decode()
    secret = (
        "apiVersion: v1\nkind: Secret\nmetadata: {name: s}\n"
        f"data: {{prometheus.yml: {encoded}}}\n"
        f"stringData:\n  b.yaml: |\n    a: 1\n    a: {hidden}\n  c: |\n    {hidden}\n"
    )
    check.write({"s.yaml": secret})
    for form in ("human", "json", "junit", "sarif"):
        done = check("s.yaml", "--format", form)
        assert done.code == 4
        assert hidden not in done.out
        assert encoded not in done.out
    assert ("s.yaml", 8, "yaml/duplicate-key") in check.json("s.yaml").found
    check.write({"broken.yaml": f"{secret}  - {hidden}\n"})
    done = check("broken.yaml")
    assert done.code == 4
    assert hidden not in done.out


@needs_promtool
def test_the_words_of_programs_about_a_secret_are_kept_back(check: Check) -> None:
    text = "apiVersion: v1\nkind: Secret\nmetadata: {name: s}\nstringData:\n  prometheus.yml: |\n"
    text += "".join(f"    {line}\n" for line in f"{JOB}  hunter2: 1\n".splitlines())
    check.write({"s.yaml": text})
    done = check.json("s.yaml")
    assert done.found == [("s.yaml", 9, "promtool/exit-1")]
    assert "hunter2" not in done.out
    assert "may quote the Secret" in done.out


def test_every_format_is_what_it_says(check: Check) -> None:
    check.write({"cm.yaml": config_map("a.yaml", "a: 1\na: 2\n"), "bin.yaml": b"\0"})
    schema = json.loads((ROOT / "docs" / "check-report.schema.json").read_text("utf-8"))
    Draft202012Validator(schema).validate(check.json(".").document)
    document = json.loads(check(".", "--format", "sarif").out)
    assert document["runs"][0]["results"][0]["ruleId"] == "yaml/duplicate-key"
    root = ET.fromstring(check(".", "--format", "junit").out)  # noqa: S314 - our own
    assert root.attrib["failures"] == "1"


def test_quiet(check: Check) -> None:
    check.write({"a.yaml": "a: yes\n", "bin.yaml": b"\0"})
    assert check(".", "-q").out == ""
    assert "hint" in check(".").out


@pytest.mark.parametrize(("variables", "coloured"), [({}, True), ({"NO_COLOR": "1"}, False)])
def test_colours_are_for_terminals(
    check: Check,
    variables: dict[str, str],
    coloured: bool,  # noqa: FBT001 - a parameter
) -> None:
    check.write({"a.yaml": "a: 1\na: 2\n"})
    leader, follower = pty.openpty()
    environ = {**os.environ, **variables}
    if not variables:
        environ.pop("NO_COLOR", None)
    with os.fdopen(leader, "rb", buffering=0) as terminal:
        done = subprocess.run(
            [sys.executable, "-m", "sidecar", "check", "a.yaml"],
            stdout=follower,
            cwd=check.folder,
            env={**environ, "PYTHONPATH": str(ROOT)},
            timeout=20,
            check=False,
        )
        os.close(follower)
        shown = terminal.read(1 << 16)
    assert done.returncode == 4
    assert (b"\x1b[" in shown) is coloured
    assert "\x1b[" not in check("a.yaml").out


@needs_kubectl
def test_what_kubectl_and_kustomize_pipe_in(check: Check) -> None:
    check.write(
        {
            "k/prometheus.yml": BAD_JOBS,
            "k/kustomization.yaml": "configMapGenerator:\n- name: p\n  files: [prometheus.yml]\n",
        }
    )
    for command in (
        [
            "kubectl",
            "create",
            "cm",
            "p",
            "--from-file=k/prometheus.yml",
            "--dry-run=client",
            "-oyaml",
        ],
        [
            "kubectl",
            "create",
            "cm",
            "p",
            "--from-file=k/prometheus.yml",
            "--dry-run=client",
            "-ojson",
        ],
        ["kubectl", "kustomize", "k"],
    ):
        made = subprocess.run(command, capture_output=True, check=True, timeout=20).stdout
        done = check.json("-", "--no-commands", given=made)
        assert [(path, rule) for path, _, rule in done.found] == [("<stdin>", "PW301")]
        (finding,) = done.document["findings"]
        assert finding["key"] == "prometheus.yml"
        if b'"kind"' in made:
            assert finding["keyLine"] == 4
        else:
            line = made.decode().split("\n")[finding["line"] - 1]
            assert line[finding["column"] - 1 :] == "a"
            assert finding["source"] == line


def test_the_names_that_tell_a_preset_are_those_of_the_presets() -> None:
    assert set(NAMES.values()) <= set(list_presets())
    # vmagent and Prometheus share a name, and auth.yml may be anybody's.
    known = {load_preset(name).file for name in set(list_presets()) - {"vmauth"}} - {None}
    assert known <= set(NAMES)
