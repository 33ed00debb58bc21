from __future__ import annotations

import os
import signal
import threading
from pathlib import Path
from queue import SimpleQueue

import pytest

from sidecar.loop.signals import SignalEar

SOON_S = 5.0


def test_signals_are_heard_in_a_thread_of_their_own_until_stopped() -> None:
    earlier = signal.getsignal(signal.SIGUSR1)
    heard: SimpleQueue[tuple[int, str]] = SimpleQueue()
    ear = SignalEar(
        [signal.SIGUSR1, signal.SIGUSR2],
        lambda number: heard.put((number, threading.current_thread().name)),
    )
    try:
        for number in (signal.SIGUSR1, signal.SIGUSR2):
            os.kill(os.getpid(), number)
            assert heard.get(timeout=SOON_S) == (number, "signals")
    finally:
        ear.stop()
    assert signal.getsignal(signal.SIGUSR1) is earlier
    assert "signals" not in [thread.name for thread in threading.enumerate()]


def test_signals_of_others_are_not_ours() -> None:
    heard: SimpleQueue[int] = SimpleQueue()
    others = signal.signal(signal.SIGUSR2, lambda *_: None)
    ear = SignalEar([signal.SIGUSR1], heard.put)
    try:
        os.kill(os.getpid(), signal.SIGUSR2)
        os.kill(os.getpid(), signal.SIGUSR1)
        assert heard.get(timeout=SOON_S) == signal.SIGUSR1
        assert heard.empty()
    finally:
        ear.stop()
        signal.signal(signal.SIGUSR2, others)


def test_a_storm_of_signals_neither_blocks_nor_drowns_another() -> None:
    heard: SimpleQueue[int] = SimpleQueue()
    ear = SignalEar([signal.SIGUSR1, signal.SIGUSR2], heard.put)
    try:
        for _ in range(500):
            os.kill(os.getpid(), signal.SIGUSR1)
        os.kill(os.getpid(), signal.SIGUSR2)
        assert heard.get(timeout=SOON_S) == signal.SIGUSR1
        for _ in range(500):
            if heard.get(timeout=SOON_S) == signal.SIGUSR2:
                break
        else:
            pytest.fail("the last signal was not heard")
    finally:
        ear.stop()


def test_an_ear_leaves_no_descriptor_behind() -> None:
    def count() -> int:
        return len(list(Path("/proc/self/fd").iterdir()))

    before = count()
    for _ in range(3):
        SignalEar([signal.SIGUSR1], lambda _number: None).stop()
    assert count() <= before
