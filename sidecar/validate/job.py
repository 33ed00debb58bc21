"""The inner side of a short-lived child: reads one request, runs one function, writes one answer.

A job is a function of this package, named ``module:function``:

    def check_something(files: Files, options: Options) -> Iterable[Finding]: ...

`files` are keys and contents, `options` whatever JSON the caller passed. It returns findings, or
raises `CannotJudgeError` when it could not judge. Started by `child.run_in_child`, which passes
our `sys.path` along so that `site` need not be loaded (-I -S: 6 ms instead of 15).

Request, on standard input: one line of JSON (job, options, keys with sizes), then the contents end
to end. Answer, on standard output: JSON, findings and at most one reason why it could not judge.
"""

from __future__ import annotations

import importlib
import json
import os
import sys
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict
from itertools import islice
from typing import BinaryIO, cast

from sidecar.core.report import Finding, Report, Severity

Files = Mapping[str, bytes]
Options = Mapping[str, object]
Job = Callable[[Files, Options], Iterable[Finding]]

ROOM = "sidecar.validate"
MOST_FINDINGS = 1000


class CannotJudgeError(Exception):
    """A validator could not judge; the text is the sentence for people, with the fix."""


def split_job_name(name: str) -> tuple[str, str]:
    """The module and the function that ``module:function`` names, without importing it.

    Raises:
        ValueError: it lies outside of this package.
    """
    module, _, function = name.partition(":")
    if not module.startswith(f"{ROOM}.") or not function.isidentifier():
        message = f"{name!r} names no function of {ROOM}"
        raise ValueError(message)
    return module, function


def _load_job(name: str) -> Job:
    module, function = split_job_name(name)
    return cast("Job", getattr(importlib.import_module(module), function))


def write_request(stream: BinaryIO, job: str, files: Files, options: Options) -> None:
    """Write what `read_request` reads."""
    sizes = [[key, len(content)] for key, content in files.items()]
    head = {"job": job, "options": options, "files": sizes}
    stream.write(json.dumps(head).encode("ascii") + b"\n")
    stream.writelines(files.values())
    stream.flush()


def read_request(stream: BinaryIO) -> tuple[str, Files, Options]:
    """The job's name, its files and its options."""
    head = json.loads(stream.readline())
    files = {key: stream.read(size) for key, size in head["files"]}
    return head["job"], files, head["options"]


def write_answer(report: Report) -> bytes:
    """Spell a report as JSON."""
    findings = [asdict(finding) for finding in report.findings]
    return json.dumps({"findings": findings, "cannot_run": report.cannot_run}).encode("ascii")


def read_answer(answer: bytes) -> Report:
    """Read what `write_answer` spelled.

    Raises:
        ValueError: the answer is incomplete, because the child ended early.
    """
    try:
        told = json.loads(answer)
        findings = tuple(
            Finding(**{**finding, "severity": Severity(finding["severity"])})
            for finding in told["findings"]
        )
        return Report(findings=findings, cannot_run=tuple(told["cannot_run"]))
    except (KeyError, TypeError) as error:
        raise ValueError(str(error)) from error


def answer(request: BinaryIO) -> bytes:
    """Do what `request` asks and spell the answer. Never raises for what the job raises."""
    name, files, options = read_request(request)
    try:
        findings = tuple(islice(_load_job(name)(files, options), MOST_FINDINGS))
        return write_answer(Report(findings=findings))
    except CannotJudgeError as error:
        reason = str(error)
    except MemoryError:
        reason = "the check ran out of memory: split the content into smaller files"
    except Exception as error:  # noqa: BLE001 - a person gets a sentence, whatever broke
        reason = f"the check {name} broke with {type(error).__name__}: please report it"
    return write_answer(Report(cannot_run=(reason,)))


def serve() -> None:
    """Answer the request on standard input. What the job prints goes to standard error instead."""
    with os.fdopen(os.dup(1), "wb") as stream:
        os.dup2(2, 1)
        stream.write(answer(sys.stdin.buffer))
