from __future__ import annotations

import json
from pathlib import Path

import pytest

from sidecar.core.bridge import (
    Access,
    Command,
    HttpReload,
    Language,
    Mode,
    Noop,
    OnInvalid,
    Policy,
    Proof,
    RefuseEmpty,
    Rollback,
    Rollout,
    Schema,
    Selector,
    SignalReload,
    Source,
    Strategy,
    Syntax,
)
from sidecar.core.evidence import Absent, Children, Evidence, JsonField, Role, Series
from sidecar.settings.flags import CONFIG, FLAGS
from sidecar.settings.loading import find_namespace, load_settings
from sidecar.settings.values import Address, Notify
from tests.settings.helpers import ENOUGH, load, refuse, write


def test_a_preset_and_a_mount_are_enough() -> None:
    settings = load(*ENOUGH)
    (bridge,) = settings.bridges
    assert bridge.name == bridge.preset == "prometheus"
    assert bridge.source == Source(mount="/etc/prometheus")
    assert bridge.target.process == "prometheus"
    assert bridge.reload == SignalReload(number=1)
    assert bridge.proof.url == "http://127.0.0.1:9090/metrics"
    assert bridge.proof.on_invalid is OnInvalid.PARTIAL
    assert bridge.checks[0] == RefuseEmpty(files=("prometheus.yml",))
    assert settings.listen == Address("", 9808)
    assert settings.state_dir == "/run/surehup"
    assert settings.origin == "flags"


EVERYTHING = """\
apiVersion: surehup.dev/v1alpha1
bridges:
- name: web
  source: {configMap: monitoring/web, mount: /etc/web/}
  mode: published
  publish: /config
  group: blue
  file: web.json
  refuseEmpty: ["*.json"]
  validate:
  - syntax: json
    files: ["{file}", "*.jsn"]
  - schema: /schemas/web.json
  - command: [webd, --check, "{file}", "{dir}", "{file:extra}", "{a: 1}"]
    timeout: 1m30s
    okCodes: [0, 2]
    mustMatch: "^ok"
    memory: 256Mi
    optional: true
  target:
    container: web
    process: webd
    pid: 7
    signal: USR2
    sigwait: true
    patience: 2m
  confirm:
    url: https://127.0.0.1:8443/metrics
    deadline: 1.5s
    cache: 100ms
    agree: 3
    noop: stays
    onInvalid: outage
    evidence:
    - - {name: ok, role: ok_gauge, metric: web_ok, labels: {part: main}}
      - {role: success_counter, metric: web_reloads, absent: zero, resolution: 1s}
    - - {role: generation, children: {leaving: bye, replaced: any}}
    basicAuth: {username: scraper, passwordFile: /secret/password}
    tls: {caFile: /ca, certFile: /cert, keyFile: /key, serverName: web, insecureSkipVerify: true}
    unixSocket: /run/web.sock
  rollback: data
  rollout: {strategy: independent, spread: 0, patience: 60s, replicas: 5, tolerate: 1, takeovers: 2}
debounce: 0s
listen: "[::1]:9000"
httpControl: true
stateDir: /state
poll: 250ms
logFormat: text
logLevel: debug
notify:
- {url: "https://user:secret@hooks.example/x?token=1", on: [failed, rejected, rolledback]}
- {url: "http://hooks.example"}
"""


def test_every_field_of_the_file_arrives(tmp_path: Path) -> None:
    path = write(tmp_path, EVERYTHING)
    settings = load("--config", path)
    (bridge,) = settings.bridges
    assert bridge.name == "web"
    assert bridge.source == Source(
        mount="/etc/web", config_map="monitoring/web", mode=Mode.PUBLISHED, publish="/config"
    )
    assert bridge.checks == (
        RefuseEmpty(files=("*.json",)),
        Syntax(language=Language.JSON, files=("web.json", "*.jsn")),
        Schema(schema="/schemas/web.json", files=("*.yaml", "*.yml", "*.json")),
        Command(
            argv=("webd", "--check", "{file:web.json}", "{dir}", "{file:extra}", "{a: 1}"),
            timeout_s=90.0,
            ok_codes=(0, 2),
            must_match="^ok",
            memory_bytes=256 << 20,
            optional=True,
        ),
    )
    assert bridge.target == Selector(container="web", process="webd", pid=7)
    assert bridge.reload == SignalReload(number=12, sigwait=True)
    assert bridge.policy == Policy(
        debounce_s=0.0,
        patience_s=120.0,
        rollback=Rollback.DATA,
        group="blue",
        rollout=Rollout(
            strategy=Strategy.INDEPENDENT,
            spread_s=0.0,
            patience_s=60.0,
            replicas=5,
            tolerate=1,
            takeovers=2,
        ),
    )
    assert settings.listen == Address("::1", 9000)
    assert str(settings.listen) == "[::1]:9000"
    assert settings.http_control
    assert (settings.state_dir, settings.poll_s) == ("/state", 0.25)
    assert (settings.log_format, settings.log_level) == ("text", "debug")
    assert settings.notify == (
        Notify(
            url="https://user:secret@hooks.example/x?token=1",
            on=("failed", "rejected", "rolledback"),
        ),
        Notify(url="http://hooks.example", on=("rejected", "rolledback", "failed", "unconfirmed")),
    )
    assert settings.origin == path


def test_every_field_of_a_proof_arrives(tmp_path: Path) -> None:
    (bridge,) = load("--config", write(tmp_path, EVERYTHING)).bridges
    assert bridge.proof == Proof(
        groups=(
            (
                Evidence(
                    name="ok",
                    role=Role.OK_GAUGE,
                    source=Series(metric="web_ok", labels=(("part", "main"),)),
                ),
                Evidence(
                    name="web_reloads",
                    role=Role.SUCCESS_COUNTER,
                    source=Series(metric="web_reloads"),
                    absent=Absent.ZERO,
                    resolution_s=1.0,
                ),
            ),
            (
                Evidence(
                    name="the child processes",
                    role=Role.GENERATION,
                    source=Children(leaving="bye", replaced="any"),
                ),
            ),
        ),
        url="https://127.0.0.1:8443/metrics",
        access=Access(
            username="scraper",
            password_file="/secret/password",  # noqa: S106  a path
            ca_file="/ca",
            cert_file="/cert",
            key_file="/key",
            server_name="web",
            insecure_skip_verify=True,
            unix_socket="/run/web.sock",
        ),
        deadline_s=1.5,
        cache_s=0.1,
        agree=3,
        noop=Noop.STAYS,
        on_invalid=OnInvalid.OUTAGE,
    )


def test_what_is_effective_reads_back_the_same_and_tells_no_secret(tmp_path: Path) -> None:
    settings = load("--config", write(tmp_path, EVERYTHING))
    shown = settings.effective_json
    assert "secret@" not in shown
    assert "token=1" not in shown
    assert json.loads(shown)["notify"][0]["url"] == "https://***@hooks.example/x?***"
    again = load("--config", write(tmp_path, shown))  # JSON is YAML
    assert again.bridges == settings.bridges
    assert again.effective_json == shown


def test_a_preset_is_part_of_what_is_effective(tmp_path: Path) -> None:
    settings = load(*ENOUGH)
    again = load("--config", write(tmp_path, settings.effective_json))
    assert again.bridges == settings.bridges


def test_a_flag_beats_its_variable_beats_the_file_beats_the_preset(tmp_path: Path) -> None:
    path = write(
        tmp_path,
        "bridges: [{preset: prometheus, source: {mount: /x}, confirm: {deadline: 20s, agree: 2}}]",
    )
    environ = {"SUREHUP_DEADLINE": "30s", "SUREHUP_CONFIG": path}

    def read_deadline(*argv: str, **variables: str) -> float:
        (bridge,) = load(*argv, environ=variables).bridges
        assert bridge.proof.agree == 2
        return bridge.proof.deadline_s

    assert read_deadline("--config", path) == 20.0
    assert read_deadline(**environ) == 30.0
    assert read_deadline("--deadline", "40s", **environ) == 40.0
    assert load(*ENOUGH).bridges[0].proof.deadline_s == 5.0


def test_every_flag_has_a_variable() -> None:
    environ = {
        "SUREHUP_CONFIGMAP": "ns/web",
        "SUREHUP_MOUNT": "/etc/web",
        "SUREHUP_PUBLISH": "/config",
        "SUREHUP_CONTAINER": "web",
        "SUREHUP_PROCESS": "webd",
        "SUREHUP_PID": "7",
        "SUREHUP_PRESET": "prometheus",
        "SUREHUP_RELOAD_URL": "/-/again",
        "SUREHUP_TRIGGER": "http",
        "SUREHUP_METRICS_URL": "http://127.0.0.1:1/web/metrics",
        "SUREHUP_DEADLINE": "1m",
        "SUREHUP_BEARER_TOKEN_FILE": "/token",
        "SUREHUP_CA_FILE": "/ca",
        "SUREHUP_VALIDATE": "webd -t {dir}\n\nother 'one word'\n",
        "SUREHUP_FILE": "web.yaml",
        "SUREHUP_ROLLBACK": "none",
        "SUREHUP_ROLLOUT": "independent",
        "SUREHUP_GROUP": "blue",
        "SUREHUP_DEBOUNCE": "3s",
        "SUREHUP_LISTEN": "127.0.0.1:1",
        "SUREHUP_HTTP_CONTROL": "true",
        "SUREHUP_STATE_DIR": "/state",
        "SUREHUP_POLL": "2s",
        "SUREHUP_LOG_FORMAT": "text",
        "SUREHUP_LOG_LEVEL": "warning",
    }
    elsewhere = {"SUREHUP_SECRET", "SUREHUP_SIGNAL", "SUREHUP_CONFIG"}
    assert set(environ) | elsewhere == {flag.variable for flag in (*FLAGS, CONFIG)}
    by_variable = load(environ=environ)
    argv = ["--http-control"]
    for name, value in environ.items():
        if name != "SUREHUP_HTTP_CONTROL":
            option = "--" + name.removeprefix("SUREHUP_").lower().replace("_", "-")
            for line in filter(None, value.splitlines()):
                argv += [option, line]
    by_flag = load(*argv)
    assert by_flag.bridges == by_variable.bridges
    assert by_flag.effective_json == by_variable.effective_json
    assert (by_flag.origin, by_variable.origin) == ("flags", "variables")
    (bridge,) = by_flag.bridges
    assert bridge.reload == HttpReload(url="http://127.0.0.1:1/web/-/again")
    assert bridge.checks[1:] == (
        Command(argv=("webd", "-t", "{dir}")),
        Command(argv=("other", "one word")),
    )
    assert bridge.proof.access == Access(bearer_token_file="/token", ca_file="/ca")  # noqa: S106
    assert bridge.source.mode is Mode.PUBLISHED
    assert bridge.policy.rollback is Rollback.NONE
    assert by_flag.http_control


def test_variables_that_kubernetes_sets_for_a_service_are_left_alone() -> None:
    environ = {
        "SUREHUP_SERVICE_HOST": "10.0.0.1",
        "SUREHUP_SERVICE_PORT": "9808",
        "SUREHUP_PORT": "tcp://10.0.0.1:9808",
        "SUREHUP_PORT_9808_TCP_ADDR": "10.0.0.1",
        "SUREHUP_DEBUG": "1",
        "SUREHUP_MOUNT": "",
    }
    assert load(*ENOUGH, environ=environ).bridges[0].source.mount == "/etc/prometheus"


def test_a_misspelt_variable_is_refused() -> None:
    assert refuse(*ENOUGH, environ={"SUREHUP_CONTIANER": "x"}) == [
        "SUREHUP_CONTIANER: unknown variable; did you mean SUREHUP_CONTAINER?"
    ]


@pytest.mark.parametrize("option", ["configmap", "secret"])
def test_an_object_gets_the_namespace_of_the_pod(option: str) -> None:
    argv = (*ENOUGH, f"--{option}", "web")
    (bridge,) = load(*argv, environ={"POD_NAMESPACE": "mine"}).bridges
    assert (bridge.source.config_map or bridge.source.secret) == "mine/web"


def test_the_service_account_knows_the_namespace(tmp_path: Path) -> None:
    (tmp_path / "namespace").write_text("theirs\n", encoding="utf-8")
    assert find_namespace({}, tmp_path) == "theirs"
    assert find_namespace({"POD_NAMESPACE": "mine"}, tmp_path) == "mine"
    assert find_namespace({}, tmp_path / "nowhere") == ""


def test_a_list_of_the_users_own_stands_alone() -> None:
    (bridge,) = load(*ENOUGH, "--validate", "mine {dir}").bridges
    assert bridge.checks == (
        RefuseEmpty(files=("prometheus.yml",)),
        Command(argv=("mine", "{dir}")),
    )


def test_another_main_file_is_another_everywhere() -> None:
    (bridge,) = load("--mount", "/x", "--preset", "alertmanager", "--file", "main.yaml").bridges
    commands = [check for check in bridge.checks if isinstance(check, Command)]
    assert commands[0].argv == ("amtool", "check-config", "{file:main.yaml}")
    assert bridge.checks[0] == RefuseEmpty(files=("main.yaml",))
    assert [evidence.file for evidence in bridge.proof.evidence if evidence.algorithm] == [
        "main.yaml"
    ]


def test_who_names_a_pid_means_it_whatever_it_is_called() -> None:
    assert load(*ENOUGH, "--pid", "7").bridges[0].target == Selector(pid=7)
    named = load(*ENOUGH, "--pid", "7", "--process", "prom").bridges[0].target
    assert named == Selector(pid=7, process="prom")
    contained = load(*ENOUGH, "--container", "main").bridges[0].target
    assert contained == Selector(container="main", process="prometheus")


def test_a_trigger_is_understood_from_what_it_needs() -> None:
    (by_signal,) = load("--mount", "/x", "--preset", "alloy", "--signal", "hup").bridges
    assert by_signal.reload == SignalReload(number=1)
    (by_http,) = load(*ENOUGH, "--reload-url", "http://127.0.0.1:1/x").bridges
    assert by_http.reload == HttpReload(url="http://127.0.0.1:1/x")
    (chosen,) = load(*ENOUGH, "--trigger", "http").bridges
    assert chosen.reload == HttpReload(url="http://127.0.0.1:9090/-/reload")


def test_the_answer_to_a_reload_by_http_is_evidence_where_it_speaks() -> None:
    (chosen,) = load(*ENOUGH, "--trigger", "http").bridges
    assert chosen.proof.groups[0][-1].role is Role.ANSWER
    (victoria,) = load("--mount", "/x", "--preset", "vmalert", "--trigger", "http").bridges
    assert all(evidence.role is not Role.ANSWER for evidence in victoria.proof.evidence)
    (alone,) = load(
        *("--mount", "/x", "--process", "webd", "--reload-url", "http://127.0.0.1:1/reload")
    ).bridges
    assert [evidence.role for evidence in alone.proof.evidence] == [Role.ANSWER]


def test_a_route_prefix_holds_for_all_pages() -> None:
    url = "http://127.0.0.1:9090/prom/metrics"
    (bridge,) = load(*ENOUGH, "--metrics-url", url, "--trigger", "http").bridges
    assert bridge.reload == HttpReload(url="http://127.0.0.1:9090/prom/-/reload")
    assert JsonField(field="status", path="/prom/api/v1/status/runtimeinfo") in {
        evidence.source for evidence in bridge.proof.evidence
    }


def test_without_an_address_what_needs_none_is_left() -> None:
    argv = ("--mount", "/x", "--preset", "haproxy")
    (bridge,) = load(*argv).bridges
    assert [type(evidence.source) for evidence in bridge.proof.evidence] == [Children]
    (addressed,) = load(*argv, "--metrics-url", "http://127.0.0.1:8404/metrics").bridges
    assert [type(evidence.source) for evidence in addressed.proof.evidence] == [Series, Children]


def test_proof_can_be_done_without_where_that_is_said(tmp_path: Path) -> None:
    path = write(
        tmp_path,
        "bridges: [{source: {mount: /x}, target: {process: x}, confirm: {evidence: []}}]",
    )
    assert load("--config", path).bridges[0].proof.groups == ()


def test_a_bridge_without_a_name_is_called_after_what_it_reloads() -> None:
    evidence = ("--reload-url", "http://127.0.0.1:1/reload")
    assert load("--mount", "/x", "--container", "web", *evidence).bridges[0].name == "web"
    assert load("--mount", "/x", "--process", "webd", *evidence).bridges[0].name == "default"


def test_nothing_need_be_served() -> None:
    assert load(*ENOUGH, "--listen", "off").listen is None


def test_a_relative_folder_is_below_the_working_directory() -> None:
    (bridge,) = load("--mount", "config", "--preset", "nginx").bridges
    assert bridge.source.mount == str(Path("config").absolute())


def test_help_is_the_help_of_run(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        load_settings(["--help"], {})
    assert caught.value.code == 0
    shown = capsys.readouterr().out
    assert shown.startswith("usage: surehup run")
    for flag in (*FLAGS, CONFIG):
        assert flag.option in shown
