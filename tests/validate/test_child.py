"""Jobs in short-lived children: whatever happens there comes back as a sentence."""

from __future__ import annotations

import io
import json
import time
from pathlib import Path
from threading import Event, Timer

import pytest

from sidecar.clock import SystemClock
from sidecar.core.report import Finding, Report, Severity
from sidecar.validate.child import Task, run_in_child
from sidecar.validate.job import (
    MOST_FINDINGS,
    answer,
    read_answer,
    read_request,
    write_answer,
    write_request,
)
from sidecar.validate.process import Bounds

pytestmark = pytest.mark.usefixtures("untraced_children")

SYNTAX_JOB = "sidecar.validate.syntax:check_syntax_job"
BOUNDS = Bounds(timeout_s=10.0, memory_bytes=256 << 20)


def _check(
    language: str, files: dict[str, bytes], bounds: Bounds = BOUNDS, cancel: Event | None = None
) -> Report:
    task = Task(
        job=SYNTAX_JOB, what="the syntax check", options={"language": language}, bounds=bounds
    )
    return run_in_child(task, files, clock=SystemClock(), cancel=cancel or Event())


@pytest.fixture
def parsers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of modules that the child, and only the child, finds before the real ones."""
    monkeypatch.syspath_prepend(str(tmp_path))
    return tmp_path


def test_findings_come_back_whole_in_order_with_odd_keys() -> None:
    files = {"b\udcff": b"{", "a": b"{}", "c": b'{"x": NaN}'}
    report = _check("json", files)
    assert [(finding.file, finding.line) for finding in report.findings] == [
        ("b\udcff", 1),
        ("c", 1),
    ]
    assert report.findings[1].severity is Severity.ERROR
    assert report.findings[1].excerpt == '{"x": NaN}'


def test_what_a_job_prints_does_not_spoil_its_answer(parsers: Path) -> None:
    (parsers / "tomllib.py").write_text(
        "print('noise')\nclass TOMLDecodeError(ValueError): ...\n"
        "def loads(text):\n    print('more')\n"
        "    raise TOMLDecodeError('Bad (at line 1, column 2)')\n"
    )
    [finding] = _check("toml", {"a": b"x"}).findings
    assert finding.place == "a:1:2"


BOUNDED = """\
import resource, time
while resource.getrlimit(resource.RLIMIT_DATA)[0] == resource.RLIM_INFINITY:
    time.sleep(0.001)
"""
"""A child is bounded from outside, right after its start: a busy machine may take its time."""


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("import os, signal; os.kill(os.getpid(), signal.SIGKILL)", "killed by SIGKILL"),
        ("import os, signal; os.kill(os.getpid(), signal.SIGSEGV)", "crashed with SIGSEGV"),
        ("import os, signal; os.kill(os.getpid(), 40)", "crashed with signal 40"),
        ("import os; os.write(2, b'last words'); os._exit(3)", "code 3 and no answer: last words"),
        ("import os; os.write(1, b'{}'); os._exit(0)", "code 0 and no answer"),
        ("import time; time.sleep(60)", "did not finish within 0.7 s"),
        (f"{BOUNDED}x = bytes(500 << 20)", "ran out of memory"),
        ("raise KeyError('x')", "broke with KeyError"),
        ("from sidecar.validate.job import CannotJudgeError as E; raise E('no idea')", "no idea"),
    ],
)
def test_a_job_that_breaks_judges_nothing(parsers: Path, code: str, words: str) -> None:
    (parsers / "yaml.py").write_text(code)
    bounds = Bounds(timeout_s=0.7 if "sleep" in code else 10, memory_bytes=256 << 20)
    report = _check("yaml", {"a": b"x"}, bounds)
    assert report.findings == ()
    [reason] = report.cannot_run
    assert words in reason


def test_a_running_job_can_be_cancelled(parsers: Path) -> None:
    (parsers / "yaml.py").write_text("import time; time.sleep(60)")
    cancel = Event()
    timer = Timer(0.1, cancel.set)
    timer.start()
    began = time.monotonic()
    report = _check("yaml", {"a": b"x"}, cancel=cancel)
    timer.join()
    assert time.monotonic() - began < 5
    assert "no longer wanted" in report.summary


def test_an_interpreter_that_is_gone_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.executable", "/nowhere/python")
    assert "could not start /nowhere/python" in _check("yaml", {"a": b"x"}).summary


@pytest.mark.parametrize("job", ["os:system", "sidecar.core.report:Finding", "sidecar.validate.x"])
def test_only_jobs_of_this_room_are_run(job: str) -> None:
    with pytest.raises(ValueError, match="names no function"):
        Task(job=job, what="x")


def test_the_inner_side_answers_a_request() -> None:
    request = io.BytesIO()
    write_request(request, SYNTAX_JOB, {"a": b"[", "b": b"[]"}, {"language": "json"})
    request.seek(0)
    assert read_request(request) == (SYNTAX_JOB, {"a": b"[", "b": b"[]"}, {"language": "json"})
    request.seek(0)
    [finding] = read_answer(answer(request)).findings
    assert finding.file == "a"
    assert json.loads(write_answer(Report(cannot_run=("x",))))["cannot_run"] == ["x"]
    with pytest.raises(ValueError, match="findings"):
        read_answer(b"{}")


@pytest.mark.parametrize(
    ("job", "options", "words"),
    [
        (SYNTAX_JOB, {"language": "cobol"}, "broke with ValueError"),
        ("sidecar.validate.nothing:at_all", {}, "broke with ModuleNotFoundError"),
        ("sidecar.validate.schema:hold_against_schema", {"schema": "/nowhere"}, "cannot be read"),
    ],
)
def test_the_inner_side_answers_also_when_the_job_breaks(
    job: str, options: dict[str, object], words: str
) -> None:
    request = io.BytesIO()
    write_request(request, job, {"a": b"x"}, options)
    request.seek(0)
    assert words in read_answer(answer(request)).summary


def test_findings_are_bounded() -> None:
    request = io.BytesIO()
    files = {str(number): b"[" for number in range(MOST_FINDINGS + 5)}
    write_request(request, SYNTAX_JOB, files, {"language": "json"})
    request.seek(0)
    report = read_answer(answer(request))
    assert len(report.findings) == MOST_FINDINGS
    assert all(isinstance(finding, Finding) for finding in report.findings)
