"""Has the settings built in a child process, so that its libraries leave with it.

pydantic alone costs a running process 9 MB; a fork costs 1 ms. Called before any thread exists.
"""

from __future__ import annotations

import importlib
import os
import pickle
import select
import signal
import sys
import traceback
from collections.abc import Callable, Mapping, Sequence

from sidecar.clock import SystemClock
from sidecar.core.errors import SettingsError, SurehupError
from sidecar.settings.debugging import is_debugging
from sidecar.settings.values import Settings

Load = Callable[[Sequence[str], Mapping[str, str]], Settings]

TIMEOUT_S = 30.0
CHUNK_BYTES = 1 << 16


def load_settings_in_child(
    argv: Sequence[str], environ: Mapping[str, str], *, timeout_s: float = TIMEOUT_S
) -> Settings:
    """As `loading.load_settings`, done in a forked child.

    Raises `SettingsError`, and `SystemExit` where the child has printed the help.
    """
    return call_in_child(_load, argv, environ, timeout_s=timeout_s)


def _load(argv: Sequence[str], environ: Mapping[str, str]) -> Settings:
    # Imported by name and here: a plain import is the cost that the child is there to avoid.
    settings = importlib.import_module("sidecar.settings.loading").load_settings(argv, environ)
    if not isinstance(settings, Settings):  # told to the type checker
        raise TypeError(type(settings).__name__)
    return settings


def call_in_child(
    load: Load, argv: Sequence[str], environ: Mapping[str, str], *, timeout_s: float
) -> Settings:
    """What ``load(argv, environ)`` returns or raises in a forked child, within `timeout_s`."""
    sys.stdout.flush()
    sys.stderr.flush()
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:  # pragma: no cover  ends without a word to the tracer
        os.close(reader)
        answer = make_answer(load, argv, environ)
        # The parent ends us once it has the answer: what was printed must be out by then.
        sys.stdout.flush()
        sys.stderr.flush()
        with os.fdopen(writer, "wb") as stream:
            stream.write(answer)
        os._exit(0)
    os.close(writer)
    try:
        answer = _read(reader, timeout_s)
    finally:
        os.close(reader)
        os.kill(child, signal.SIGKILL)  # it has answered, or never will; unreaped, so still its PID
        os.waitpid(child, 0)
    return take_answer(answer)


def make_answer(load: Load, argv: Sequence[str], environ: Mapping[str, str]) -> bytes:
    """The child's side: call `load` and pack what comes of it. Never raises."""
    told: tuple[str, object]
    try:
        told = ("settings", load(argv, environ))
    except SettingsError as error:
        told = ("refused", error.message)
    except SystemExit as error:
        told = ("exit", error.code)
    except BaseException as error:  # noqa: BLE001  the parent tells it
        if is_debugging(argv, environ):
            traceback.print_exc()
        told = ("broke", f"{type(error).__name__}: {error}")
    return pickle.dumps(told)


def take_answer(answer: bytes) -> Settings:
    """The parent's side: what the child has to say, returned or raised."""
    if not answer:
        msg = "the settings could not be read: the child that reads them ended without a word"
        raise SurehupError(msg)
    match pickle.loads(answer):  # noqa: S301  our own child wrote it
        case ("settings", Settings() as settings):
            return settings
        case ("refused", message):
            raise SettingsError(message)
        case ("exit", code):
            raise SystemExit(code)
        case (_, message):
            msg = f"internal error while reading the settings: {message}"
            raise SurehupError(msg)
    raise AssertionError(answer)


def _read(pipe: int, timeout_s: float) -> bytes:
    clock = SystemClock()
    until_s = clock.monotonic() + timeout_s
    poll = select.poll()
    poll.register(pipe, select.POLLIN)
    answer = bytearray()
    while poll.poll(max(0.0, until_s - clock.monotonic()) * 1000):
        chunk = os.read(pipe, CHUNK_BYTES)
        if not chunk:
            return bytes(answer)
        answer += chunk
    msg = f"the settings could not be read within {timeout_s:g} s: is the machine overloaded?"
    raise SurehupError(msg)
