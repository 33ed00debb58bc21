"""Commands: real validators on real candidates, and every way in which they fail to judge."""

from __future__ import annotations

import os
import time
from pathlib import Path
from threading import Event, Timer

import pytest

from sidecar.core.bridge import Command, RefuseEmpty
from sidecar.core.report import Finding
from sidecar.validate.process import find_launcher
from tests.validate.judge import Judge

PROMTOOL = Command(argv=("promtool", "check", "config", "{dir}/prometheus.yml"))
AMTOOL = Command(argv=("amtool", "check-config", "{file:alertmanager.yml}"))
RULES = b"groups:\n- name: x\n  rules:\n  - alert: A\n    expr: up ==\n"
FILES = {"a.yml": b"x: 1\n", "b.yml": b"y: 1\n"}


def _shell(
    script: str,
    *more: str,
    timeout_s: float = 10.0,
    ok_codes: tuple[int, ...] = (0,),
    must_match: str = "",
    memory_bytes: int = 1 << 30,
) -> Command:
    return Command(
        argv=("sh", "-c", script, "sh", *more),
        timeout_s=timeout_s,
        ok_codes=ok_codes,
        must_match=must_match,
        memory_bytes=memory_bytes,
    )


def _only(findings: tuple[Finding, ...]) -> Finding:
    [finding] = findings
    return finding


def test_promtool_accepts_a_good_candidate(judge: Judge) -> None:
    files = {"prometheus.yml": b"rule_files: ['rules/*.yml']\n", "rules/r.yml": b"groups: []\n"}
    assert judge(files, RefuseEmpty(), PROMTOOL).passes


def test_promtool_places_its_findings_in_keys(judge: Judge) -> None:
    bad = {"prometheus.yml": b"global:\n  scrape_interval: 15s\nbogus: 1\n"}
    finding = _only(judge(bad, PROMTOOL).findings)
    assert (finding.check, finding.place) == ("promtool", "prometheus.yml:3")
    assert finding.message == "promtool: field bogus not found in type config.plain"
    assert finding.code == "exit-1"

    rules = {"prometheus.yml": b"rule_files: ['rules/*.yml']\n", "rules/r.yml": RULES}
    finding = _only(judge(rules, PROMTOOL).findings)
    assert finding.place == "rules/r.yml:5:11"
    assert "could not parse expression" in finding.message
    assert str(judge.scratch) not in finding.excerpt + finding.message


def test_the_same_error_reads_the_same_each_time(judge: Judge) -> None:
    bad = {"nginx.conf": b"events {}\nhttp {\n  bogus;\n}\n"}
    nginx = Command(argv=("/usr/sbin/nginx", "-t", "-c", "{file:nginx.conf}"))
    first, second = (_only(judge(bad, nginx).findings) for _ in range(2))
    assert first.place == "nginx.conf:3"
    assert first.message == second.message == 'nginx: unknown directive "bogus"'


def test_amtool_names_the_file(judge: Judge) -> None:
    bad = {"alertmanager.yml": b"route:\n  receiver: x\nreceivers:\n- name: y\n"}
    finding = _only(judge(bad, AMTOOL).findings)
    assert (finding.check, finding.file) == ("amtool", "alertmanager.yml")
    assert finding.message == 'amtool: undefined receiver "x" used in route'
    good = {"alertmanager.yml": b"route:\n  receiver: y\nreceivers:\n- name: y\n"}
    assert judge(good, AMTOOL).passes


def test_haproxy_and_nats_speak_of_keys_too(judge: Judge) -> None:
    haproxy = Command(argv=("/usr/sbin/haproxy", "-c", "-f", "{file:h.cfg}"))
    finding = _only(judge({"h.cfg": b"global\n  bogus x\n"}, haproxy).findings)
    assert finding.place == "h.cfg:2"
    assert "unknown keyword 'bogus'" in finding.message
    nats = Command(argv=("/usr/sbin/nats-server", "-t", "-c", "{dir}/n.conf"))
    finding = _only(judge({"n.conf": b"\nport: 'x'\n", "o": b""}, nats).findings)
    assert (finding.file, finding.line) == ("n.conf", 2)


def test_references_to_the_mount_are_judged_in_the_candidate(scratch: Path) -> None:
    judge = Judge(scratch, mount="/etc/surehup-test")
    main = b"rule_files: [/etc/surehup-test/rules/*.yml]\n"
    finding = _only(judge({"prometheus.yml": main, "rules/r.yml": RULES}, PROMTOOL).findings)
    assert finding.place == "rules/r.yml:5:11"


def test_a_missing_key_is_the_candidates_fault(judge: Judge) -> None:
    finding = _only(judge(FILES, AMTOOL).findings)
    assert (finding.check, finding.code, finding.file) == (
        "amtool",
        "missing-key",
        "alertmanager.yml",
    )
    assert "the source has a.yml, b.yml" in finding.message


def test_a_key_that_would_escape_is_a_finding(judge: Judge) -> None:
    finding = _only(judge({"../evil": b"x"}, Command(argv=("true",))).findings)
    assert finding.code == "key"
    assert list(judge.scratch.parent.glob("evil")) == []


def test_ok_codes_and_must_match(judge: Judge) -> None:
    assert judge(FILES, _shell("exit 2", ok_codes=(0, 2))).passes
    assert judge(FILES, _shell("exit 127", ok_codes=(127,))).passes
    looks = _shell("echo '1 rule files found'", must_match=r"[1-9]\d* rule files found")
    assert judge(FILES, looks).passes
    blind = _shell("echo fine", must_match="rule files found")
    finding = _only(judge(FILES, blind).findings)
    assert finding.code == "output"
    assert "lacks 'rule files found'" in finding.message
    assert "no regular expression" in judge(FILES, _shell("true", must_match="(")).summary


def test_a_program_gets_no_input_and_none_of_our_settings(
    judge: Judge, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SUREHUP_TOKEN", "secret")
    monkeypatch.setenv("OTHER", "kept")
    script = 'cat; test -z "$SUREHUP_TOKEN" && test "$OTHER" = kept && test "$PWD" = "$1"'
    assert judge(FILES, _shell(script, "{dir}")).passes


def test_the_limits_hold(judge: Judge) -> None:
    script = (
        'test "$(ulimit -d)" = 262144 && test "$(ulimit -c)" = 0 && test "$(ulimit -v)" = unlimited'
        ' && test "$(cat /proc/$$/oom_score_adj)" = 1000 && test "$(ulimit -f)" = 131072'
        ' && test "$(cut -d" " -f6 /proc/$$/stat)" = $$'
    )
    # The shell begins before it is bounded: it asks until it sees its limits.
    patient = f"for i in 1 2 3 4 5 6 7 8 9; do {script} && exit 0; sleep 0.05; done; exit 1"
    assert judge(FILES, _shell(patient, memory_bytes=256 << 20)).passes


@pytest.mark.parametrize(
    ("script", "words"),
    [
        ("kill -9 $$", "was killed by SIGKILL, as the kernel does when memory runs out"),
        ("echo boom; kill -SEGV $$", "crashed with SIGSEGV (boom)"),
        ("kill -XCPU $$", "used more CPU time"),
        ("echo 'fatal error: runtime: out of memory'; exit 2", "ran out of its 1024 MiB"),
        ("exec surehup-test-absent", "could not execute what it needs"),
        ("printf 'panic: oops\\n\\ngoroutine 1 [running]:\\n'; exit 2", "crashed (panic: oops)"),
    ],
)
def test_a_program_that_breaks_has_not_judged(judge: Judge, script: str, words: str) -> None:
    report = judge(FILES, _shell(script))
    assert report.findings == ()
    [reason] = report.cannot_run
    assert reason.startswith("sh ")
    assert words in reason


def test_talk_of_memory_is_no_breakdown(judge: Judge) -> None:
    script = "echo 'error: alert \"Host out of memory\" has no expr'; exit 1"
    assert judge(FILES, _shell(script)).rejects


def test_memory_is_really_bounded_for_go(judge: Judge) -> None:
    rules = b"groups:\n" + b"".join(
        b"- name: g%d\n  rules:\n  - {record: 'a:b', expr: 'sum(rate(x[5m])) by (y)'}\n" % number
        for number in range(9000)
    )
    check = Command(argv=("promtool", "check", "rules", "{file:r.yml}"), memory_bytes=100 << 20)
    report = judge({"r.yml": rules}, check)
    assert report.findings == ()
    assert "ran out of its 100 MiB of memory" in report.summary


@pytest.mark.parametrize(
    "script",
    [
        "sleep 60",
        "sleep 60 & sleep 60",
        "(sleep 60; echo late) & exec sleep 60",
        "kill -STOP $$; sleep 60",
        "trap '' TERM INT HUP; sleep 60; sleep 60",
    ],
)
def test_a_timeout_ends_the_whole_group(judge: Judge, tmp_path: Path, script: str) -> None:
    began = time.monotonic()
    report = judge(FILES, _shell(f"echo $$ > {tmp_path}/pid; {script}", timeout_s=0.4))
    assert time.monotonic() - began < 3
    assert "did not finish within 0.4 s" in report.summary
    assert not report.rejects
    _expect_no_session(int((tmp_path / "pid").read_text()))


def _expect_no_session(session: int) -> None:
    """No process of this session lives (init may take a moment to reap)."""
    deadline = time.monotonic() + 3
    while time.monotonic() < deadline:
        if not _living(session):
            return
        time.sleep(0.01)
    pytest.fail(f"alive: {_living(session)}")


def _living(session: int) -> list[str]:
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(fields[3]) == session and fields[0] != "Z":
            found.append(stat.parent.name)
    return found


def test_a_grandchild_that_holds_the_pipe_is_not_waited_for(judge: Judge, tmp_path: Path) -> None:
    began = time.monotonic()
    script = f"echo $$ > {tmp_path}/pid; sleep 60 & echo bad; exit 1"
    finding = _only(judge(FILES, _shell(script)).findings)
    assert time.monotonic() - began < 3
    assert finding.message == "sh: bad"
    _expect_no_session(int((tmp_path / "pid").read_text()))


def test_a_grandchild_that_escapes_and_writes_is_not_waited_for(
    judge: Judge, tmp_path: Path
) -> None:
    began = time.monotonic()
    script = (
        f"setsid sh -c 'echo $$ > {tmp_path}/pid; exec timeout 5 yes' & "
        f"while ! test -s {tmp_path}/pid; do sleep 0.01; done; exit 0"
    )
    assert judge(FILES, _shell(script)).passes
    assert time.monotonic() - began < 3
    _expect_no_session(int((tmp_path / "pid").read_text()))  # SIGPIPE ended it


def test_cancel_ends_a_running_command_soon(judge: Judge, tmp_path: Path) -> None:
    cancel = Event()
    timer = Timer(0.1, cancel.set)
    timer.start()
    began = time.monotonic()
    report = judge(FILES, _shell(f"echo $$ > {tmp_path}/pid; sleep 60"), cancel=cancel)
    timer.join()
    assert time.monotonic() - began < 2
    assert not report.passes
    assert not report.rejects
    _expect_no_session(int((tmp_path / "pid").read_text()))


def test_much_output_is_kept_at_its_end_and_costs_no_memory(judge: Judge) -> None:
    script = (
        "yes 'a line of noise' | head -c 10000000; echo; printf '\\033[31merror: last\\n'; exit 1"
    )
    _only(judge(FILES, _shell(script)).findings)
    before = _resident_kib()
    finding = _only(judge(FILES, _shell(script)).findings)
    assert _resident_kib() - before < 1024
    assert finding.message == "sh: error: last"
    assert len(finding.excerpt.splitlines()) == 20


def _resident_kib() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGESIZE") // 1024


def test_a_missing_program_blames_nobody(judge: Judge) -> None:
    report = judge(FILES, Command(argv=("surehup-test-absent", "x")))
    assert report.findings == ()
    assert report.summary.startswith("surehup-test-absent is not installed in the sidecar")


def test_an_optional_program_is_missed_once(judge: Judge) -> None:
    check = Command(argv=("surehup-test-absent", "x"), optional=True)
    assert judge(FILES, check).passes
    assert judge(FILES, check).passes
    assert judge.told == [
        "surehup-test-absent is not installed in the sidecar, so its check is skipped"
    ]


@pytest.mark.parametrize(
    ("content", "mode", "words"),
    [
        (b"#!/bin/sh\n", 0o644, "is not executable by this user, so chmod +x it"),
        (b"\x7fELF garbage", 0o755, "Exec format error"),
        (b"#!/nowhere/interpreter\n", 0o755, "No such file or directory"),
    ],
)
def test_a_file_that_is_no_program_blames_nobody(
    judge: Judge, tmp_path: Path, content: bytes, mode: int, words: str
) -> None:
    program = tmp_path / "check-it"
    program.write_bytes(content)
    program.chmod(mode)
    report = judge(FILES, Command(argv=(str(program),), optional=True))
    assert report.findings == ()
    assert report.summary.startswith("check-it cannot be run")
    assert words in report.summary


def test_without_setpriv_everything_but_the_death_with_us_holds(
    judge: Judge, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = tmp_path / "setpriv"
    program = tmp_path / "check-it"
    program.write_bytes(b"\x7fELF garbage")
    program.chmod(0o755)
    for script in (b"#!/bin/sh\nexit 1\n", b"\x7fELF garbage", None):
        if script is None:
            broken.unlink()
        else:
            broken.write_bytes(script)
            broken.chmod(0o755)
        monkeypatch.setenv("PATH", str(tmp_path))
        find_launcher.cache_clear()
        assert find_launcher() == ()
        assert judge(FILES, Command(argv=("/bin/sh", "-c", "exit 0"))).passes
        assert "Exec format error" in judge(FILES, Command(argv=(str(program),))).summary
    monkeypatch.undo()
    find_launcher.cache_clear()
    assert find_launcher()


def test_a_scratch_folder_that_is_missing_blames_nobody(tmp_path: Path) -> None:
    report = Judge(tmp_path / "absent")(FILES, Command(argv=("true",)))
    assert report.findings == ()
    assert "mount an emptyDir there" in report.summary
