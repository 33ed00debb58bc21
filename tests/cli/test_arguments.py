from __future__ import annotations

from collections.abc import Callable, Mapping

import pytest

from sidecar.cli.arguments import (
    FIND_NEEDS,
    RELOAD_NEEDS,
    add_find_arguments,
    add_reload_arguments,
)
from sidecar.core.bridge import Selector, SignalReload, Source
from sidecar.core.errors import SettingsError
from sidecar.settings.flags import Parser, make_parser
from sidecar.settings.loading import settle
from sidecar.settings.values import Need, Settings


def settle_with(
    add: Callable[[Parser], None],
    needs: frozenset[Need],
    argv: list[str],
    environ: Mapping[str, str] | None = None,
) -> Settings:
    parser = make_parser("surehup x", "text")
    add(parser)
    return settle(parser.parse_args(argv), environ or {}, needs=needs)


def find(*argv: str, **environ: str) -> Selector:
    (bridge,) = settle_with(add_find_arguments, FIND_NEEDS, [*argv], environ).bridges
    return bridge.target


def test_a_name_is_taken_to_the_letter() -> None:
    assert find("-n", "a.b").process == r"a\.b"
    assert find("--name", "nginx: master").process == r"nginx:\ master"
    assert find("--process", "a.b").process == "a.b"


def test_a_process_is_found_by_what_run_has() -> None:
    assert find("-p", "7") == find("--pid", "7") == Selector(pid=7)
    assert find("--preset", "nats", "--container", "main") == Selector(
        container="main", process="nats-server"
    )
    assert find(SUREHUP_PROCESS="nginx", SUREHUP_METRICS_URL="http://h/m").process == "nginx"


def test_find_needs_a_target_and_nothing_else() -> None:
    with pytest.raises(SettingsError, match=r"^target: names no process"):
        find("-v")
    with pytest.raises(SettingsError, match=r"unrecognized arguments: --mount"):
        find("-n", "x", "--mount", "/x")


def test_reload_needs_a_target_and_its_proof() -> None:
    def reload(*argv: str) -> Settings:
        return settle_with(add_reload_arguments, RELOAD_NEEDS, [*argv])

    (bridge,) = reload("--preset", "prometheus", "-d", "-v", "--validate", "x {dir}").bridges
    assert bridge.source == Source(mount="")
    assert bridge.reload == SignalReload(number=1)
    with pytest.raises(SettingsError, match=r"^confirm.evidence: is missing"):
        reload("-n", "webd")


def test_dry_run_and_verbose_are_switches() -> None:
    parser = make_parser("surehup x", "text")
    add_reload_arguments(parser)
    args = parser.parse_args(["-d", "-v", "-p", "7"])
    assert (args.dry_run, args.verbose, args.pid) == (True, True, "7")
    args = parser.parse_args(["--dry-run", "--verbose"])
    assert (args.dry_run, args.verbose, args.process) == (True, True, None)


def test_a_command_without_needs_may_have_no_bridge() -> None:
    assert settle_with(add_find_arguments, frozenset(), []).bridges == ()
