"""Runs a heavy check in a short-lived child process, so that its memory comes back.

The outer side; what runs inside, and how to write a job, stands in `job`. Used for what is larger
than 64 KiB (`syntax`), for what needs a heavy library (`schema`: jsonschema) and for rule sets
with models.

    task = Task(
        job="sidecar.validate.schema:hold_against_schema",
        what="the schema check",
        options={"schema": "/schemas/app.json"},
    )
    report = run_in_child(task, files, clock=clock, cancel=cancel)
"""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass, field
from typing import BinaryIO

from sidecar.core.ports import Cancel, Clock
from sidecar.core.report import Report
from sidecar.validate.ends import say_end
from sidecar.validate.job import Files, Options, read_answer, split_job_name, write_request
from sidecar.validate.process import Bounds, CannotStartError, Ended, How, Streams, run_program
from sidecar.validate.text import last_line

CHILD_BOUNDS = Bounds(timeout_s=30.0, memory_bytes=512 << 20)
"""A YAML document of 1 MiB, held against a schema, takes 35 MB and half a second."""

MOST_ANSWER_BYTES = 4 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """What a child is to do: `job` is ``module:function`` of this package (see `job`).

    `what` names the check in sentences ("the schema check"). `options` must be JSON.
    """

    job: str
    what: str
    options: Options = field(default_factory=dict)
    bounds: Bounds = CHILD_BOUNDS

    def __post_init__(self) -> None:
        """Refuse jobs of elsewhere: raises `ValueError`."""
        split_job_name(self.job)


def run_in_child(task: Task, files: Files, *, clock: Clock, cancel: Cancel) -> Report:
    """Do `task` with `files` in a child process and report what it found.

    A child that crashes, is killed, takes too long or too much memory makes the report's
    `cannot_run`. Takes 30 to 60 ms, most of it the start of the interpreter. Never raises.
    """
    try:
        with _memory_file("request") as request, _memory_file("answer") as answer:
            write_request(request, task.job, files, task.options)
            request.seek(0)
            ended = run_program(
                [sys.executable, "-I", "-S", "-c", _bootstrap()],
                bounds=task.bounds,
                clock=clock,
                cancel=cancel,
                streams=Streams(request=request.fileno(), answer=answer.fileno()),
            )
            answer.seek(0)
            return _judge(task, ended, answer.read(MOST_ANSWER_BYTES))
    except (OSError, CannotStartError) as error:
        text = f"{task.what} could not start {sys.executable} ({error}): check the installation"
        return Report(cannot_run=(text,))


def _judge(task: Task, ended: Ended, answer: bytes) -> Report:
    if ended.how is How.EXITED:
        try:
            return read_answer(answer)
        except ValueError:
            reason = f"ended with code {ended.code} and no answer: {last_line(ended.output)}"
    else:
        reason = say_end(ended, task.bounds)
    return Report(cannot_run=(f"{task.what} {reason}",))


def _memory_file(name: str) -> BinaryIO:
    """An anonymous file in memory: pipes would have to be fed and drained at once."""
    return os.fdopen(os.memfd_create(f"surehup-{name}", os.MFD_CLOEXEC), "w+b")


def _bootstrap() -> str:
    """The child's program: our own import path, without the cost of `site`."""
    path = [os.path.abspath(entry) for entry in sys.path]  # noqa: PTH100 - some entries are zips
    return f"import sys; sys.path[:] = {path!r}; from sidecar.validate.job import serve; serve()"
