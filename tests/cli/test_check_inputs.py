"""What `surehup check` reads: files, folders, volumes, manifests, standard input."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from sidecar.testing.kubelet import AtomicWriter
from tests.cli.checks import Check, make_check

pytestmark = pytest.mark.usefixtures("untraced_children")

JOB = "scrape_configs:\n- job_name: a\n  static_configs: [{targets: ['h:1']}]\n"
BAD_JOBS = f"{JOB}- job_name: a\n  static_configs: [{{targets: ['i:1']}}]\n"
ROUTING = "route: {receiver: a, group_by: [x]}\nreceivers:\n- name: a\n"
HEAD = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: x}\n"


@pytest.fixture
def check(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Check:
    return make_check(tmp_path, monkeypatch, capsys)


def presets(check: Check, *argv: str, given: bytes = b"") -> dict[str, str]:
    """The preset that each path was judged for."""
    subjects = check.json(*argv, "--no-commands", given=given).document["subjects"]
    return {each["path"]: each["preset"] for each in subjects if "preset" in each}


def test_presets_by_name_and_by_content(check: Check) -> None:
    check.write(
        {
            "a/prometheus.yml": JOB,
            "b/anything.yml": JOB,
            "c/routes.yaml": ROUTING,
            "d/probes.yml": "modules:\n  m:\n    prober: http\n",
            "e/nginx.conf": "events {}\n",
            "f/Caddyfile": ":80\n",
            "g/tail.yml": "clients: []\nscrape_configs: []\n",
            "h/values.yaml": "modules: [a]\nserver: {}\n",
            "i/list.yaml": "- scrape_configs\n",
            "j/broken.yaml": "scrape_configs: [\n",
            "k/rules.yaml": "global: {}\nrule_files: []\nnested: {route: {}, receivers: []}\n",
        }
    )
    assert presets(check, ".") == {
        "a/prometheus.yml": "prometheus",
        "b/anything.yml": "prometheus",
        "c/routes.yaml": "alertmanager",
        "d/probes.yml": "blackbox_exporter",
        "e/nginx.conf": "nginx",
        "f/Caddyfile": "caddy",
        "g/tail.yml": "promtail",
        "j/broken.yaml": "prometheus",
        "k/rules.yaml": "prometheus",
    }


def test_the_flag_beats_the_annotation_which_beats_the_content(check: Check) -> None:
    annotated = HEAD.replace("{name: x}", "{name: x, annotations: {surehup.dev/preset: vmagent}}")
    text = "data:\n  prometheus.yml: |\n    scrape_configs: []\n"
    check.write({"a.yaml": HEAD + text, "b.yaml": annotated + text})
    assert presets(check, "a.yaml", "b.yaml") == {"a.yaml": "prometheus", "b.yaml": "vmagent"}
    assert presets(check, "a.yaml", "b.yaml", "--preset", "promtail") == {
        "a.yaml": "promtail",
        "b.yaml": "promtail",
    }
    assert presets(check, "a.yaml", "b.yaml", "--preset", "none") == {}
    assert presets(check, "a.yaml", "--preset", "vmalert") == {"a.yaml": "vmalert"}


def test_an_annotation_that_names_nothing(check: Check) -> None:
    check.write({"a.yaml": HEAD.replace("x}", "x, annotations: {surehup.dev/preset: promtheus}}")})
    done = check("a.yaml")
    assert done.code == 4
    assert "a.yaml:1: error[manifest/preset]: ConfigMap x: " in done.out
    assert "did you mean 'prometheus'?" in done.out


def test_a_preset_by_flag_is_for_those_that_have_its_file(check: Check) -> None:
    check.write({"d/prometheus.yml": JOB, "d/other.json": "{}", "cm.yaml": HEAD + "data: {a: b}\n"})
    assert presets(check, ".", "--preset", "prometheus") == {"d/prometheus.yml": "prometheus"}


def test_a_preset_whose_file_is_nowhere(check: Check) -> None:
    check.write({"cm.yaml": HEAD + "data: {a.conf: b}\n"})
    done = check("cm.yaml", "--preset", "nginx")
    assert done.code == 4
    assert "starts from 'nginx.conf', which is not there (there is a.conf)" in done.out
    assert check("cm.yaml", "--preset", "nginx", "--file", "a.conf", "--no-commands").code == 0
    (check.folder / "empty").mkdir()
    done = check("empty", "--preset", "nginx")
    assert (done.code, "(there is nothing)" in done.out) == (4, True)


def test_a_named_file_is_the_main_one_whatever_its_name(check: Check) -> None:
    check.write({"my.conf": "global:\n  a: [\n", "p/x.yml": BAD_JOBS, "p/y.yml": "a: b\n"})
    done = check.json("my.conf", "--preset", "prometheus", "--no-commands")
    assert done.found == [("my.conf", 2, "yaml/syntax")]
    done = check.json("p", "--preset", "prometheus", "--file", "x.yml", "--no-commands")
    assert done.found == [("p/x.yml", 4, "PW301")]


def test_emptiness_is_refused_where_a_daemon_starts_from_it(check: Check) -> None:
    check.write({"p/prometheus.yml": "# nothing\n", "free.yaml": ""})
    done = check.json(".")
    assert done.found == [("p/prometheus.yml", None, "empty/empty-file")]


def test_files_below_a_main_file_are_its_context(check: Check) -> None:
    main = f"rule_files: [rules/*.yml]\n{JOB}"
    check.write(
        {"prometheus.yml": main, "rules/a.yml": "groups: []\n", "sub/alertmanager.yml": ROUTING}
    )
    assert check.json(".", "--no-commands").code == 0
    assert [rule for *_, rule in check.json("prometheus.yml", "--no-commands").found] == []
    (check.folder / "rules" / "a.yml").unlink()
    assert check.json("prometheus.yml", "--no-commands").found == [("prometheus.yml", 1, "PW101")]
    assert (
        check.json("prometheus.yml", "rules", "sub", "--no-commands").document["summary"]["files"]
        == 2
    )


def test_a_folder_that_is_too_large_is_no_context(check: Check) -> None:
    check.write({"prometheus.yml": JOB, "a.bin": b"x" * (9 << 20), "b.bin": b"x" * (9 << 20)})
    done = check("prometheus.yml", "--no-commands")
    assert done.code == 0
    assert "note: . is large" in done.out


def test_standard_input_of_all_kinds(check: Check) -> None:
    assert check("-", given=b'{"a": 1}').code == 0
    assert check("-", given=b'{"a": 1, "a": 2}').code == 4
    assert check.json("-", given=b"a: [\n").found == [("<stdin>", 1, "yaml/syntax")]
    assert presets(check, "-", given=ROUTING.encode()) == {"<stdin>": "alertmanager"}
    assert presets(check, "-", "--preset", "nginx", given=b"events {}\n") == {"<stdin>": "nginx"}
    done = check("-", given=b"\0")
    assert (done.code, "standard input is binary" in done.err) == (3, True)


def test_standard_input_is_bounded(check: Check) -> None:
    done = check("-", given=b"a" * ((10 << 20) + 1))
    assert (done.code, "larger than 10 MiB" in done.err) == (3, True)


def test_an_empty_standard_input_is_no_good_configuration(check: Check) -> None:
    done = check("-", given=b"\n")
    assert (done.code, "standard input is empty" in done.err) == (3, True)


def test_manifests_beside_other_objects(check: Check) -> None:
    other = "apiVersion: v1\nkind: Service\nmetadata: {name: s}\n"
    check.write({"all.yaml": f"{other}---\n{HEAD}data:\n  a.yaml: |\n    a: 1\n    a: 2\n"})
    assert check.json("all.yaml").found == [("all.yaml", 11, "yaml/duplicate-key")]


def test_a_manifest_that_breaks_off_is_read_up_to_there(check: Check) -> None:
    check.write({"a.yaml": f"{HEAD}data:\n  a.json: '{{'\n---\na: [\n"})
    rules = [rule for *_, rule in check.json("a.yaml").found]
    assert rules == ["json/syntax", "yaml/syntax"]


def test_what_the_api_server_would_refuse(check: Check) -> None:
    check.write({"a.yaml": f"{HEAD}data: {{n: 1}}\n"})
    assert check.json("a.yaml").found == [("a.yaml", 4, "manifest/type")]


def test_binary_keys_are_left_alone(check: Check) -> None:
    check.write({"a.yaml": f"{HEAD}binaryData: {{k.json: AAEC}}\n"})
    assert check("a.yaml").code == 0


def test_a_kubelet_volume_is_read_as_the_sidecar_reads_it(check: Check) -> None:
    volume = check.folder / "deep" / "volume"
    volume.mkdir(parents=True)
    AtomicWriter(volume).write({"prometheus.yml": BAD_JOBS.encode(), "bin": b"\0"})
    for path in ("deep/volume", "deep"):
        done = check.json(path, "--no-commands")
        assert done.found == [("deep/volume/prometheus.yml", 4, "PW301")]
        assert done.document["notes"] == ["deep/volume/bin was skipped: it is binary"]


def test_the_mount_tells_what_absolute_paths_mean(check: Check) -> None:
    check.write({"cm.yaml": f"{HEAD}data:\n  prometheus.yml: |\n    rule_files: [/p/a.yml]\n"})
    assert check.json("cm.yaml", "--no-commands").found == []
    done = check.json("cm.yaml", "--no-commands", "--mount", "/p")
    assert [rule for *_, rule in done.found] == ["PW101"]


def test_the_sidecars_own_variables_are_heard(
    check: Check, monkeypatch: pytest.MonkeyPatch
) -> None:
    check.write({"conf": BAD_JOBS})
    monkeypatch.setenv("SUREHUP_MOUNT", str(check.folder))
    monkeypatch.setenv("SUREHUP_PRESET", "prometheus")
    monkeypatch.setenv("SUREHUP_FILE", "conf")
    assert [rule for *_, rule in check.json("--no-commands").found] == ["PW301"]
    monkeypatch.setenv("SUREHUP_VALIDATE", "false {file}\n\n")
    check.write({"conf": JOB})
    assert [rule for *_, rule in check.json("--no-commands").found] == ["false/exit-1"]


def test_what_is_skipped_is_noted(check: Check) -> None:
    check.write(
        {
            "bin.yaml": b"\0\1",
            "large.yaml": b"#" * ((10 << 20) + 1),
            ".git/x.yaml": "a: [\n",
            "chart/Chart.yaml": "name: x\n",
            "chart/templates/cm.yaml": "a: {{ .Values.x }}\n",
            "vendor/bad.yaml": "a: [\n",
        }
    )
    os.mkfifo(check.folder / "pipe.yaml")
    (check.folder / "loop.yaml").symlink_to("loop.yaml")
    (check.folder / "circle").symlink_to(".")
    done = check.json(".", "--exclude", "vendor/*")
    assert done.code == 0
    assert done.document["notes"] == [
        "bin.yaml was skipped: it is binary",
        "chart/templates was skipped: pipe helm template into surehup check -",
        "large.yaml was skipped: it is larger than 10 MiB",
        "loop.yaml was skipped: Too many levels of symbolic links",
        "pipe.yaml was skipped: it is no regular file",
    ]
    assert [each["path"] for each in done.document["subjects"]] == ["chart/Chart.yaml"]


def test_names_of_any_bytes_can_be_told(check: Check) -> None:
    path = os.fsencode(check.folder) + b"/\xff.yaml"
    Path(os.fsdecode(path)).write_text("a: 1\na: 2\n")
    for form in ("human", "json", "sarif", "junit"):
        done = check(".", "--format", form)
        assert done.code == 4
        assert ".yaml" in done.out


def test_a_thousand_files_are_not_too_many(check: Check) -> None:
    content = "".join(f"k{number}: v\n" for number in range(100))
    check.write({f"d{number % 20}/f{number}.yaml": content for number in range(1_000)})
    assert check.json(".").document["summary"]["files"] == 1_000
