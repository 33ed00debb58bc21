"""What holds for all tests."""

from __future__ import annotations

import signal

# A run under nohup would hand its deafness on to every process that the tests start.
signal.signal(signal.SIGHUP, signal.SIG_DFL)
