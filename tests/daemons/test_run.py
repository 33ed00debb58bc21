"""`surehup run` beside each real daemon, by its preset, judged on the daemon's own pages.

Other tests may run the same daemons on this machine at the same time, which share no PID namespace
in a pod. So each daemon here is started by a path of its own, and the sidecar given that path.
"""

from __future__ import annotations

import os
import re
import shutil
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from itertools import cycle
from pathlib import Path

import pytest

from sidecar.core.snapshot import START_MARGIN_S
from tests.daemons.evidence import succeeded_at
from tests.daemons.harness import DaemonSpec, Running, running
from tests.daemons.sidecars import UNTRACED, Sidecar, beside, digest_of, fetch, swap_unchanged
from tests.daemons.specs import (
    ALERTMANAGER,
    BLACKBOX,
    CADDY,
    HAPROXY,
    NATS,
    NGINX,
    PROMETHEUS,
    VMALERT,
    demo,
)

STORM_EDITS = 50

ALERT_HISTORY = replace(
    demo("--style=alert-history"),
    name="alert-history",
    groups=((succeeded_at("alert_history_config_reload_last_success_timestamp_seconds"),),),
)
ALERT_HISTORY_OLDER = replace(
    demo("--style=alert-history-sighup"),
    name="alert-history-sighup",
    groups=((succeeded_at("alert_history_sighup_reloader_last_reload_timestamp_seconds"),),),
)
SPECS = (
    PROMETHEUS,
    ALERTMANAGER,
    BLACKBOX,
    NATS,
    NGINX,
    HAPROXY,
    VMALERT,
    CADDY,
    ALERT_HISTORY,
    ALERT_HISTORY_OLDER,
)

TRACED = PROMETHEUS
"""Whose sidecar coverage watches: to the others nothing happens that does not to this one."""

PRESETS = {ALERT_HISTORY_OLDER.name: "alert-history"}

PAGES: Mapping[str, tuple[str, Callable[[int], str]]] = {
    PROMETHEUS.name: ("{url}/api/v1/status/config", lambda n: f"scrape_interval: {15 + n}s"),
    ALERTMANAGER.name: ("{url}/api/v2/status", lambda n: f"group_wait: {10 + n}s"),
    BLACKBOX.name: ("{url}/config", lambda n: f"web_{n}:"),
    NATS.name: ("{other}/varz", lambda n: f'"max_connections": {100 + n},'),
    NGINX.name: ("{url}/version", lambda n: f"{n}\n"),
    HAPROXY.name: (
        "{url}/metrics?scope=frontend",
        lambda n: f'haproxy_frontend_limit_sessions{{proxy="metrics"}} {100 + n}\n',
    ),
    VMALERT.name: ("{url}/api/v1/rules", lambda n: f"vector({n})"),
    CADDY.name: ("{url}/config/", lambda n: f'"body":"{n}"'),
    ALERT_HISTORY.name: ("{url}/config", lambda n: f"hello {n}\n"),
    ALERT_HISTORY_OLDER.name: ("{url}/config", lambda n: f"hello {n}\n"),
}
"""Where each daemon shows what it runs, and how the n-th valid configuration reads there."""

SEEN_BY_DAEMON_ONLY = frozenset({BLACKBOX.name, ALERT_HISTORY.name, ALERT_HISTORY_OLDER.name})
"""No validator of the preset is installed here (Debian renames blackbox_exporter) or there is none:
the daemon itself refuses what is not broken YAML."""

FAILURES = {
    PROMETHEUS.name: ("RolledBack", "Unconfirmed"),
    ALERTMANAGER.name: ("RolledBack", "Unconfirmed"),
    BLACKBOX.name: ("RolledBack", "Unconfirmed"),
    NATS.name: ("Unconfirmed", "Unconfirmed"),
    NGINX.name: ("Unconfirmed", "Unconfirmed"),
    HAPROXY.name: ("Unconfirmed", "Unconfirmed"),
    VMALERT.name: ("RolledBack", "RolledBack"),
    CADDY.name: ("Unconfirmed", "Unconfirmed"),
    ALERT_HISTORY.name: ("RolledBack", "RolledBack"),
    ALERT_HISTORY_OLDER.name: ("RolledBack", "RolledBack"),
}
"""What becomes of a first and a second content that only the daemon refuses."""


@dataclass(slots=True, kw_only=True)
class Bed:
    """One daemon and the sidecar beside it. `numbers` makes every configuration a new one.

    They stay below 60 s, which some daemons spell as minutes.
    """

    daemon: Running
    sidecar: Sidecar
    numbers: Iterator[int] = field(default_factory=lambda: cycle(range(1, 41)))

    @property
    def name(self) -> str:
        return self.daemon.spec.name

    def shows(self, n: int) -> bool:
        """Whether the daemon itself says that it runs the n-th configuration."""
        place = self.daemon.place
        url, mark = PAGES[self.name]
        page = fetch(
            url.format(
                url=f"http://127.0.0.1:{place.port}", other=f"http://127.0.0.1:{place.other_port}"
            )
        )
        return mark(n) in page

    def eventually_shows(self, n: int) -> None:
        """Daemons with workers answer from the old ones for a while."""
        end_s = time.monotonic() + 3.0
        while not self.shows(n):
            assert time.monotonic() < end_s, f"{self.name} does not run number {n}"
            time.sleep(0.01)

    def edit(self) -> int:
        """Write the next valid configuration; its number."""
        n = next(self.numbers)
        self.daemon.write(self.daemon.valid(n))
        return n

    def apply(self) -> int:
        """Edit, and see it applied and running."""
        n = self.edit()
        self.sidecar.settle(self.daemon.valid(n), "Applied")
        self.eventually_shows(n)
        return n

    def break_it(self, n: int) -> Mapping[str, str]:
        """Write an invalid configuration that is different for every n."""
        files = {key: f"{text}\n\n# {n}\n" for key, text in self.daemon.invalid().items()}
        if self.name.startswith("alert-history"):
            files = dict.fromkeys(files, f"broken-{n}: 1\n")
        self.daemon.write(files)
        return files


def isolate(spec: DaemonSpec, folder: Path) -> DaemonSpec:
    """The same daemon, started by a path that no other process on this machine has."""
    program = folder / Path(spec.program).name
    program.symlink_to(shutil.which(spec.program) or spec.program)
    return replace(spec, program=str(program))


def preset_flags(daemon: Running, *more: str) -> list[str]:
    spec = daemon.spec
    url = [] if spec.name == NGINX.name else [f"--metrics-url={daemon.metrics_url}"]
    path = re.escape(spec.program)
    return [
        f"--preset={PRESETS.get(spec.name, spec.name)}",
        f"--mount={daemon.folder}",
        f"--process={'nginx: master process ' * (spec.name == NGINX.name)}{path}.*",
        f"--deadline={'4s' if spec.cache_s else '1500ms'}",
        *url,
        *more,
    ]


def make_bed(spec: DaemonSpec, folder: Path, *more: str) -> Iterator[Bed]:
    if not spec.is_installed:
        pytest.skip(f"{spec.program} is not installed")
    here = Path(sys.executable).parent
    environ = {"PATH": f"{os.environ['PATH']}:{here}"}
    if spec is not TRACED:
        environ |= UNTRACED
    with running(isolate(spec, folder), folder) as daemon:
        # The first start is too close to its files to tell that it read them.
        daemon.stop()
        time.sleep(2 * START_MARGIN_S)
        daemon.start()
        flags = preset_flags(daemon, *more)
        with beside(*flags, folder=folder / "sidecar", environ=environ) as sidecar:
            bed = Bed(daemon=daemon, sidecar=sidecar)
            sidecar.settle(daemon.valid(0), "Applied", within_s=15)
            yield bed


@pytest.fixture(scope="module", params=SPECS, ids=lambda spec: spec.name)
def bed(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bed]:
    spec: DaemonSpec = request.param
    yield from make_bed(spec, tmp_path_factory.mktemp(spec.name))


def test_a_running_daemon_is_adopted_without_a_signal(bed: Bed) -> None:
    status = bed.sidecar.status()
    assert status is not None
    assert status["attempts"][-1]["adopted"], status
    assert bed.sidecar.signals == 0
    bed.eventually_shows(0)


def test_an_unchanged_swap_signals_nobody(bed: Bed) -> None:
    n = bed.apply()
    signals = bed.sidecar.signals
    swap_unchanged(bed.daemon.folder)
    assert bed.sidecar.ask()["outcome"] == "unchanged"
    assert bed.sidecar.signals == signals
    bed.sidecar.settle(bed.daemon.valid(n), "Applied")
    bed.apply()
    assert bed.sidecar.signals == signals + 1


def test_a_valid_edit_is_applied_by_one_signal(bed: Bed) -> None:
    signals = bed.sidecar.signals
    bed.apply()
    assert bed.sidecar.signals == signals + 1
    assert bed.sidecar.metric("surehup_config_applied{") == 1


def test_invalid_edits_keep_the_last_good_and_a_repair_is_applied(bed: Bed) -> None:
    n = bed.apply()
    signals, asked = bed.sidecar.signals, bed.name in SEEN_BY_DAEMON_ONLY
    expected = FAILURES[bed.name] if asked else ("Rejected", "Rejected")
    for number, status in enumerate(expected):
        seen = bed.sidecar.settle(bed.break_it(number), status)
        assert seen["message"], seen
        assert seen["lastGood"] == digest_of(bed.daemon.valid(n))
        assert bed.shows(n)
        assert bed.daemon.process is not None
        assert bed.sidecar.metric("surehup_config_applied{") == 0
    assert bed.sidecar.signals == signals + 2 * asked
    bed.apply()


def test_a_restarted_daemon_is_adopted_without_a_signal(bed: Bed) -> None:
    n = bed.apply()
    signals, before = bed.sidecar.signals, bed.daemon.pid
    time.sleep(2 * START_MARGIN_S)  # a start so soon after the edit proves nothing
    bed.daemon.restart()
    bed.sidecar.wait_for(
        lambda status: (
            status["status"] == "Applied"
            and status["outOfSyncSeconds"] is None
            and status["target"] is not None
            and status["target"]["pid"] == bed.daemon.pid != before
        )
    )
    assert bed.sidecar.signals == signals
    bed.eventually_shows(n)
    bed.apply()


def test_of_a_storm_the_last_edit_is_applied(bed: Bed) -> None:
    signals, began_s = bed.sidecar.signals, time.monotonic()
    for _ in range(STORM_EDITS - 1):
        bed.edit()
    bed.apply()
    took_s = time.monotonic() - began_s
    assert 1 <= bed.sidecar.signals - signals <= 2 + took_s / 0.1
    assert bed.sidecar.signals - signals < STORM_EDITS / 2


def test_there_and_back_ends_where_it_began(bed: Bed) -> None:
    n = bed.apply()
    for settled in (False, True):
        there = bed.edit()
        if settled:
            bed.sidecar.settle(bed.daemon.valid(there), "Applied")
        bed.daemon.write(bed.daemon.valid(n))
        bed.sidecar.settle(bed.daemon.valid(n), "Applied")
        bed.eventually_shows(n)


@pytest.mark.parametrize(
    "spec",
    [spec for spec in SPECS if spec.name not in SEEN_BY_DAEMON_ONLY],
    ids=lambda spec: spec.name,
)
def test_what_only_the_daemon_refuses_is_never_applied(spec: DaemonSpec, tmp_path: Path) -> None:
    for bed in make_bed(spec, tmp_path, "--validate=true"):
        n = bed.apply()
        for number, expected in enumerate(FAILURES[spec.name]):
            bed.sidecar.settle(bed.break_it(number), expected)
        assert bed.daemon.process is not None
        bed.eventually_shows(n)
        bed.apply()
