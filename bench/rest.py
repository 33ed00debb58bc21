"""What a sidecar costs while nothing changes, and how its memory stays over many reloads."""

from __future__ import annotations

import threading

from bench.stand import edit, find_sidecar, prometheus, read_cpu_s, read_rss_mb, show_table

REST_S = 30.0
SETTLE_S = 3.0


def main() -> None:
    """Print the table."""
    pause = threading.Event()
    with prometheus(commands=False) as stage:
        pid = find_sidecar(stage)
        pause.wait(SETTLE_S)
        before_s = read_cpu_s(pid)
        pause.wait(REST_S)
        share = (read_cpu_s(pid) - before_s) / REST_S
        fresh_mb = read_rss_mb(pid)
        edit(stage, 2)
        rows = [
            ("CPU at rest", f"{100 * share:.3f} % of a core over {REST_S:g} s"),
            ("memory at rest", f"{fresh_mb:.1f} MB RSS"),
            ("after one reload", f"{read_rss_mb(pid):.1f} MB RSS"),
        ]
    show_table("mount-only sidecar", rows)


if __name__ == "__main__":
    main()
