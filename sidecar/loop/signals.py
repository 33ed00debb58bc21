"""Hears the signals to surehup itself, at once.

Python runs handlers in the main thread, between two of its steps. One that comes just before that
thread begins to wait would be heard when the wait ends, so that a thread of our own reads what the
kernel's side of the handler writes: a byte per signal.
"""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Collection


class SignalEar:
    """Calls `on_signal(number)` from its own thread for each of `numbers`, from now to `stop`.

    Made in the main thread, as `signal` demands.
    """

    def __init__(self, numbers: Collection[int], on_signal: Callable[[int], None]) -> None:
        self._on_signal = on_signal
        self._reader, self._writer = os.pipe2(os.O_CLOEXEC)
        os.set_blocking(self._writer, False)
        self._earlier = {number: signal.signal(number, _hear) for number in numbers}
        self._earlier_fd = signal.set_wakeup_fd(self._writer, warn_on_full_buffer=False)
        self._thread = threading.Thread(target=self._run, name="signals", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Hear nothing any more; what was installed before is installed again."""
        signal.set_wakeup_fd(self._earlier_fd)
        for number, handler in self._earlier.items():
            signal.signal(number, handler)
        os.close(self._writer)
        self._thread.join()
        os.close(self._reader)

    def _run(self) -> None:
        while heard := os.read(self._reader, 1):
            if heard[0] in self._earlier:
                self._on_signal(heard[0])


def _hear(*_: object) -> None:
    """The byte in the pipe says it."""
