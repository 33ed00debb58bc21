"""Every kind of wrong setting, and the sentence that a person gets for it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.settings.helpers import ENOUGH, load, refuse, write

SOUND = "source: {mount: /x}, target: {process: d}, confirm: {url: 'http://h/m', "

FLAGS = [
    (["--deadline", "5"], "--deadline: '5' is no duration: write 5s"),
    (["--deadline", "soon"], "--deadline: 'soon' is no duration: write 500ms, 5s or 1m"),
    (["--deadline", "0"], "--deadline: must be longer than 0"),
    (["--poll", "0s"], "--poll: must be longer than 0"),
    (["--debounce", "1d"], "--debounce: '1d' is no duration: write 500ms, 5s or 1m"),
    (["--signal", "SIGKILL"], "--signal: SIGKILL ends or stops every process and reloads none"),
    (["--signal", "stop"], "--signal: SIGSTOP ends or stops every process and reloads none"),
    (["--signal", "9"], "--signal: SIGKILL ends or stops every process and reloads none"),
    (["--signal", "SIGHUB"], "--signal: 'SIGHUB' is no signal; did you mean 'SIGHUP'?"),
    (["--signal", "99"], "--signal: '99' is no signal: write SIGHUP"),
    (
        ["--process", "("],
        (
            "--process: '(' is no regular expression (missing ), unterminated subpattern at "
            "position 0)"
        ),
    ),
    (["--pid", "one"], "--pid: must be a whole number, not 'one'"),
    (["--pid", "0"], "--pid: '0' must be greater than 0"),
    (
        ["--preset", "promtheus"],
        ("--preset: there is no preset 'promtheus'; did you mean 'prometheus'?"),
    ),
    (
        ["--metrics-url", "127.0.0.1:9090"],
        ("--metrics-url: is no HTTP address: write http://HOST:PORT/PATH"),
    ),
    (
        ["--metrics-url", "http://h:99999/"],
        ("--metrics-url: is no HTTP address: write http://HOST:PORT/PATH"),
    ),
    (
        ["--metrics-url", "ftp://h/x"],
        ("--metrics-url: is no HTTP address: write http://HOST:PORT/PATH"),
    ),
    (
        ["--validate", "check 'dir"],
        ("--validate: cannot be split into words (No closing quotation): close every quote"),
    ),
    (["--validate", " "], "--validate: names no program"),
    (
        ["--validate", "x {file:}"],
        ("--validate: '{file:}' is no placeholder: write {dir} or {file:KEY}"),
    ),
    (["--validate", "x {dir"], "--validate: '{dir' is no placeholder: write {dir} or {file:KEY}"),
    (["--rollback", "all"], "--rollback: 'all' is none of annotation, data, none"),
    (
        ["--rollout", "canry"],
        ("--rollout: 'canry' is none of canary, independent; did you mean 'canary'?"),
    ),
    (["--trigger", "https"], "--trigger: 'https' is none of signal, http; did you mean 'http'?"),
    (
        ["--log-level", "warn"],
        ("--log-level: 'warn' is none of debug, info, warning, error; did you mean 'warning'?"),
    ),
    (["--log-format", "xml"], "--log-format: 'xml' is none of json, text"),
    (
        ["--listen", "9808x"],
        ("--listen: '9808x' is no address: write :9808, 127.0.0.1:9808, [::1]:9808 or off"),
    ),
    (
        ["--listen", "::1:9808"],
        ("--listen: '::1:9808' is no address: write :9808, 127.0.0.1:9808, [::1]:9808 or off"),
    ),
    (
        ["--listen", ":70000"],
        ("--listen: ':70000' is no address: write :9808, 127.0.0.1:9808, [::1]:9808 or off"),
    ),
    (["--configmap", "a/b/c"], "--configmap: 'a/b/c' names no object: write NAMESPACE/NAME"),
    (
        ["--configmap", "web"],
        ("--configmap: 'web' has no namespace, and the pod's own is not known: write NS/web"),
    ),
    (
        ["--configmap", "a/b", "--secret", "a/c"],
        ("source: configMap and secret exclude each other: write two bridges"),
    ),
    (
        ["--group", "Blue"],
        ("--group: 'Blue' must be lower-case letters, digits and dashes, at most 63"),
    ),
    (["--group", "blue"], "--group: needs source.configMap (--configmap NS/NAME)"),
    (["--rollback", "data"], "--rollback: data needs source.configMap (--configmap NS/NAME)"),
    (["--rollout", "independent"], "--rollout: needs source.configMap (--configmap NS/NAME)"),
    (["--mount", ""], "--mount: '' is no folder: write /etc/prometheus"),
    (
        ["--publish", "/etc/prometheus"],
        ("--publish: must not be the mount: the kubelet writes there; share an emptyDir"),
    ),
    (
        ["--trigger", "http", "--signal", "HUP"],
        ("--signal: contradicts trigger http: leave one of them out"),
    ),
    (["--trigger", "signal", "--reload-url", "/x"], "--reload-url: is for trigger http only"),
    (["--reload-url", "x"], "--reload-url: is no HTTP address: write http://HOST:PORT/PATH"),
    (["--mout", "/x"], "unrecognized arguments: --mout /x; did you mean --mount?"),
    (["--xyzzy"], "unrecognized arguments: --xyzzy; see surehup run --help"),
    (["--dead", "5s"], "unrecognized arguments: --dead 5s; did you mean --deadline?"),
    (["--deadline"], "argument --deadline: expected one argument; see surehup run --help"),
    (
        ["--config", "/nowhere.yaml"],
        ("/nowhere.yaml: cannot be read (No such file or directory): check --config and its mount"),
    ),
]


@pytest.mark.parametrize(("argv", "problem"), FLAGS, ids=[" ".join(argv) for argv, _ in FLAGS])
def test_a_flag_is_refused(argv: list[str], problem: str) -> None:
    assert refuse(*ENOUGH, *argv) == [problem]


@pytest.mark.parametrize(
    ("argv", "problem"),
    [
        (
            ["--preset", "nginx"],
            (
                "source: is missing: name the mounted folder (--mount DIR) or a ConfigMap "
                "(--configmap)"
            ),
        ),
        (
            ["--preset", "nginx", "--configmap", "a/b"],
            (
                "--mount: is missing: mount the ConfigMap into the sidecar too, or have the "
                "sidecar publish it"
            ),
        ),
        (
            ["--mount", "/x", "--reload-url", "http://127.0.0.1:1/"],
            "target: names no process: give a preset, a container or a process (--process REGEX)",
        ),
        (
            ["--mount", "/x", "--process", "d"],
            (
                "confirm.evidence: is missing, so that nothing would prove a reload: give a preset "
                "or evidence, or [] if every reload may stay Unconfirmed"
            ),
        ),
        (
            ["--mount", "/x", "--preset", "promtail"],
            "--metrics-url: is missing: the evidence is read from there (--metrics-url URL)",
        ),
        (
            ["--mount", "/x", "--process", "d", "--trigger", "http"],
            "--reload-url: is missing: trigger http needs the address to ask",
        ),
        (
            ["--mount", "/x", "--process", "d", "--reload-url", "/reload"],
            "--reload-url: is a path, and there is no confirm.url that it could be beside",
        ),
        (
            ["--mount", "/x", "--preset", "vmalert", "--deadline", "1s"],
            "--deadline: must be longer than cache: the page would still be the old one",
        ),
        (
            ["--mount", "/x", "--preset", "thanos-rule", "--validate", "x {file}"],
            "--validate: {file} needs the bridge's file (--file KEY); or write {file:KEY}",
        ),
    ],
)
def test_what_is_missing_is_named(argv: list[str], problem: str) -> None:
    assert refuse(*argv) == [problem]


FIELDS = [
    ("bridge: []", "bridge: unknown field; did you mean 'bridges'?"),
    ("bridges: [{sauce: {}}]", "bridges[0].sauce: unknown field; did you mean 'source'?"),
    (
        "bridges: [{confirm: {dedline: 5s}}]",
        ("bridges[0].confirm.dedline: unknown field; did you mean 'deadline'?"),
    ),
    (
        "bridges: [{confirm: {deadline: 5x}}]",
        ("bridges[0].confirm.deadline: '5x' is no duration: write 500ms, 5s or 1m"),
    ),
    (
        "bridges: [{confirm: {deadline: true}}]",
        ("bridges[0].confirm.deadline: True is no duration: write 500ms, 5s or 1m"),
    ),
    (
        "bridges: [{confirm: {on_invalid: dies}}]",
        ("bridges[0].confirm.on_invalid: unknown field; did you mean 'onInvalid'?"),
    ),
    (
        "bridges: [{rollout: {xyzzy: 1}}]",
        (
            "bridges[0].rollout.xyzzy: unknown field; known are "
            "strategy, spread, patience, replicas, tolerate, takeovers"
        ),
    ),
    ("bridges: {}", "bridges: must be a list, not a mapping"),
    ("bridges: x", "bridges: must be a list, not 'x'"),
    ("bridges: [x]", "bridges[0]: must be a mapping, not 'x'"),
    ("bridges: [{target: }]", "bridges[0].target: must be a mapping, not nothing"),
    ("bridges: [{source: [a]}]", "bridges[0].source: must be a mapping, not a list"),
    ("bridges: [{file: 5}]", "bridges[0].file: must be text, not 5"),
    ("bridges: [{file: ''}]", "bridges[0].file: must not be empty"),
    (
        "bridges: [{name: Big}]",
        ("bridges[0].name: 'Big' must be lower-case letters, digits, dashes, dots and underscores"),
    ),
    ("bridges: [{target: {process: 5}}]", "bridges[0].target.process: must be text"),
    (
        "bridges: [{confirm: {agree: 0}}]",
        ("bridges[0].confirm.agree: 0 must be greater than or equal to 1"),
    ),
    (
        "bridges: [{validate: [{}]}]",
        ("bridges[0].validate[0]: must have one of syntax, schema, command, not none"),
    ),
    (
        "bridges: [{validate: [{syntax: yaml, command: [x]}]}]",
        ("bridges[0].validate[0]: must have one of syntax, schema, command, not 2"),
    ),
    (
        "bridges: [{validate: [{syntax: yml}]}]",
        ("bridges[0].validate[0].syntax: 'yml' is none of yaml, json, toml; did you mean 'yaml'?"),
    ),
    (
        "bridges: [{validate: [{syntax: yaml, timeout: 5s}]}]",
        ("bridges[0].validate[0]: timeout is for a command only"),
    ),
    (
        "bridges: [{validate: [{command: [x], files: [y]}]}]",
        ("bridges[0].validate[0]: files is for syntax and schema only"),
    ),
    (
        "bridges: [{validate: [{command: {x: y}}]}]",
        (
            "bridges[0].validate[0].command: must be a "
            'list of texts like [promtool, check, config, "{dir}/prometheus.yml"]'
        ),
    ),
    (
        "bridges: [{validate: [{command: [x], memory: lots}]}]",
        ("bridges[0].validate[0].memory: 'lots' is no size: write 256Mi or 1Gi"),
    ),
    (
        "bridges: [{validate: [{command: [x], okCodes: [1.5]}]}]",
        ("bridges[0].validate[0].okCodes[0]: must be a whole number, not 1.5"),
    ),
    (
        "bridges: [{confirm: {evidence: [[{metric: x}]]}}]",
        ("bridges[0].confirm.evidence[0][0].role: is missing"),
    ),
    (
        "bridges: [{confirm: {bearerTokenFile: /t, basicAuth: {username: u}}}]",
        "bridges[0].confirm: bearerTokenFile and basicAuth exclude each other",
    ),
    (
        "bridges: [{confirm: {tls: {keyFile: /k}}}]",
        ("bridges[0].confirm.tls: keyFile needs certFile"),
    ),
    ("notify: [{}]", "notify[0].url: is missing"),
    ("notify: [{url: 'http://h/', on: []}]", "notify[0].on: must not be empty"),
    (
        "notify: [{url: 'http://h/', on: [reverted]}]",
        (
            "notify[0].on[0]: 'reverted' is none of "
            "applied, rejected, rolledback, failed, unconfirmed; did you mean 'rejected'?"
        ),
    ),
    ("apiVersion: v1", "apiVersion: 'v1' is none of surehup.dev/v1alpha1"),
    (
        "bridges: [{confirm: {agree: .inf}}]",
        "bridges[0].confirm.agree: input should be a finite number",
    ),
    ("httpControl: maybe", "httpControl: must be true or false, not 'maybe'"),
    (
        "bridges: [{preset: nginx, source: {mount: /x}, mode: published}]",
        ("bridges[0].publish: is missing: mode published needs the shared folder"),
    ),
    (
        "bridges: [{preset: nginx, source: {mount: /x}, mode: mounted, publish: /y}]",
        "bridges[0].publish: contradicts mode mounted: leave one of them out",
    ),
    (
        "bridges: [{preset: nginx, source: {mount: /x}, target: {reloadMethod: PUT}}]",
        "bridges[0].target.reloadMethod: is for trigger http only",
    ),
    (
        "bridges: [{preset: nginx, source: {mount: /x}}, {preset: nginx, source: {mount: /y}}]",
        "bridges[1].name: 'nginx' is already the name of bridges[0]",
    ),
    (
        (
            "bridges: [{preset: nginx, source: {mount: /x}, publish: /c}, {name: b, preset: nginx, "
            "source: {mount: /y}, publish: /c}]"
        ),
        "bridges[1].publish: bridges[0] already writes there",
    ),
    (
        (
            "bridges: [{preset: nginx, source: {mount: /x, configMap: a/b}}, {name: b, "
            "preset: nginx, source: {mount: /x, configMap: a/b}}]"
        ),
        "bridges[1].group: must differ: bridges[0] annotates a/b as well",
    ),
    (
        "bridges: [{preset: haproxy, source: {mount: /x}, validate: []}]",
        (
            "bridges[0].validate: "
            "must have a command or schema that is not optional: the daemon stops serving when it "
            "is told to load invalid content"
        ),
    ),
    (
        (
            "bridges: [{preset: vector, source: {mount: /x}, validate: [{syntax: yaml}, {command: "
            "[x], optional: true}]}]"
        ),
        (
            "bridges[0].validate: must have a command or schema that is not "
            "optional: the daemon ends when it is told to load invalid content"
        ),
    ),
    (
        (
            "bridges: [{preset: nginx, source: {mount: /x}, confirm: {evidence: [[{role: "
            "success_timestamp, metric: x}]]}}]"
        ),
        (
            "bridges[0].confirm.evidence[0][0]: needs confirm.url "
            "(--metrics-url URL) to be read from"
        ),
    ),
    (
        (
            "bridges: [{source: {mount: /x}, target: {process: d}, confirm: {evidence: [[{role: "
            "digest, page: 'http://h/c', algorithm: crc32, file: '{file}'}]]}}]"
        ),
        (
            "bridges[0].confirm."
            "evidence[0]: {file} needs the bridge's file (--file KEY); or write {file:KEY}"
        ),
    ),
]


@pytest.mark.parametrize(("text", "problem"), FIELDS, ids=[text for text, _ in FIELDS])
def test_a_field_is_refused(tmp_path: Path, text: str, problem: str) -> None:
    path = write(tmp_path, text)
    lines = refuse("--config", path)
    assert f"{path}: {problem}" in lines
    assert all(line.startswith(f"{path}: ") for line in lines)


EVIDENCE = [
    (
        "{role: ok_gauge, metric: x}",
        "",
        (
            "cannot prove a reload: add evidence of a role among "
            "answer, digest, echo, generation, success_counter, success_timestamp"
        ),
    ),
    (
        "{role: answer, answer: true}",
        "[0]",
        ("is the answer to a reload by HTTP and needs trigger http"),
    ),
    (
        "{role: echo, page: /a}, {role: echo, page: /b, name: the page /a}",
        "[1].name",
        ("'the page /a' already names other evidence: give it another name"),
    ),
    ("{role: echo}", "[0]", "must have one of metric, field, page, children, answer, not none"),
    ("{role: echo, page: ''}", "[0].page", "must not be empty"),
    ("{role: echo, page: /a, labels: {a: b}}", "[0]", "labels need a metric"),
    ("{role: echo, page: /a, path: /b}", "[0]", "path needs a field"),
    ("{role: echo, children: {}}", "[0]", "children are evidence of role generation only"),
    (
        "{role: echo, answer: true}",
        "[0]",
        ("role answer needs answer: true, and the other way round"),
    ),
    ("{role: probe, field: x}", "[0]", "role probe needs equals, and the other way round"),
    ("{role: ok_gauge, page: /a}", "[0]", "a page is evidence of role echo, digest or probe only"),
    ("{role: echo, page: /a, algorithm: crc32}", "[0]", "algorithm is for role digest only"),
    ("{role: digest, page: /a, file: x}", "[0]", "file needs an algorithm"),
]


@pytest.mark.parametrize(("group", "at", "problem"), EVIDENCE)
def test_evidence_is_refused(tmp_path: Path, group: str, at: str, problem: str) -> None:
    path = write(tmp_path, f"bridges: [{{{SOUND}evidence: [[{group}]]}}}}]")
    assert refuse("--config", path) == [f"{path}: bridges[0].confirm.evidence[0]{at}: {problem}"]


DOCUMENTS = [
    ("a: [", "line 1, column 5: is no YAML (expected the node content, but found '<stream end>')"),
    ("bridges: []\nbridges: []", "line 2: bridges stands there twice"),
    ("[a]", "must be a mapping that begins with 'bridges:'"),
    ("a: \x00", "is no YAML"),
    ("listen: &a 1\n<<: *b", "line 2, column 5: is no YAML (found undefined alias 'b')"),
    (
        "x: !!python/name:os.system",
        (
            "line 1, column 4: is no YAML (could not determine a "
            "constructor for the tag 'tag:yaml.org,2002:python/name:os.system')"
        ),
    ),
    ("#" * (1 << 20) + "\n", "is larger than 1 MiB: is it the settings file?"),
]


@pytest.mark.parametrize(("text", "problem"), DOCUMENTS, ids=range(len(DOCUMENTS)))
def test_a_document_is_refused(tmp_path: Path, text: str, problem: str) -> None:
    path = write(tmp_path, text)
    assert refuse("--config", path) == [f"{path}: {problem}"]


def test_bytes_that_are_no_text_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "surehup.yaml"
    path.write_bytes(b"\xff\xfe\xfd")
    assert refuse("--config", str(path)) == [f"{path}: is no YAML"]


def test_an_empty_file_is_no_settings_at_all(tmp_path: Path) -> None:
    assert load("--config", write(tmp_path, "# nothing\n"), *ENOUGH).bridges


def test_all_problems_are_told_at_once(tmp_path: Path) -> None:
    path = write(
        tmp_path,
        "bridges:\n- {confirm: {deadline: 0}, xyz: 1}\n- {name: b, source: {mount: /x}}\npoll: x\n",
    )
    lines = refuse("--config", path, "--log-level", "loud", environ={"SUREHUP_LISTEN": "here"})
    assert [line.removeprefix(f"{path}: ").partition(": ")[0] for line in lines] == [
        "bridges[0].confirm.deadline",
        "bridges[0].xyz",
        "SUREHUP_LISTEN",
        "poll",
        "--log-level",
        "bridges[1].target",
        "bridges[1].confirm.evidence",
    ]


def test_a_variable_is_named_as_the_place() -> None:
    assert refuse(*ENOUGH, environ={"SUREHUP_VALIDATE": "ok {dir}\n'"}) == [
        "SUREHUP_VALIDATE: cannot be split into words (No closing quotation): close every quote"
    ]


def test_a_flag_for_one_bridge_needs_one_bridge(tmp_path: Path) -> None:
    path = write(tmp_path, "bridges: [{name: a}, {name: b}]")
    assert refuse("--config", path, "--deadline", "5s") == [
        f"--deadline: is about one bridge, and {path} has 2: set confirm.deadline there"
    ]


@pytest.mark.parametrize("text", ["bridges: 5", "bridges: [5]", "bridges: [{confirm: 5}]"])
def test_a_flag_does_not_hide_what_is_wrong_around_it(tmp_path: Path, text: str) -> None:
    (line, *_) = refuse("--config", write(tmp_path, text), "--deadline", "5s")
    assert line.endswith(", not 5")


def test_no_address_tells_its_secrets() -> None:
    (line,) = refuse(*ENOUGH, "--metrics-url", "htp://user:hunter2@h/?token=hunter2")
    assert "hunter2" not in line
