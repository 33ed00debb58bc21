"""What real validators print, and the sentence and place read from it."""

from __future__ import annotations

import pytest

from sidecar.validate.output import find_essence, split_output

FOLDER = "/scratch/surehup-check-x"
KEYS = ("prometheus.yml", "rules/r.yml", "am.yml", "nginx.conf", "h.cfg", "n.conf", "yml")


@pytest.mark.parametrize(
    ("output", "told", "place", "message"),
    [
        (  # promtool check config
            (
                "Checking {d}/prometheus.yml\n  FAILED: parsing YAML file {d}/prometheus.yml: "
                "yaml: unmarshal errors:\n"
                "  line 6: field bogus not found in type config.ScrapeConfig\n"
            ),
            (),
            ("prometheus.yml", 6, None),
            "field bogus not found in type config.ScrapeConfig",
        ),
        (  # promtool, in a rule file
            (
                "Checking {d}/prometheus.yml\n\n  FAILED:\n     {d}/rules/r.yml: 5:11: group "
                '"x", rule 1, "A": could not parse expression: 1:6: parse error: unexpected end\n'
            ),
            (),
            ("rules/r.yml", 5, 11),
            'group "x", rule 1, "A": could not parse expression: 1:6: parse error: unexpected end',
        ),
        (  # amtool
            (
                "Checking '{d}/am.yml'  FAILED: undefined receiver \"x\" used in route\n"
                "amtool: error: failed to validate 1 file(s)\n\n"
            ),
            (),
            ("am.yml", None, None),
            'undefined receiver "x" used in route',
        ),
        (
            (
                "Checking '{d}/am.yml'  FAILED: yaml: line 3: found a tab character\n"
                "amtool: error: failed to validate 1 file(s)\n"
            ),
            (),
            ("am.yml", 3, None),
            "found a tab character",
        ),
        (  # nginx -t
            (
                '2026/11/24 20:25:51 [emerg] 19428#19428: unknown directive "bogus" in '
                "{d}/nginx.conf:3\nnginx: configuration file {d}/nginx.conf test failed\n"
            ),
            (),
            ("nginx.conf", 3, None),
            'unknown directive "bogus"',
        ),
        (  # haproxy -c
            (
                "[NOTICE]   (19429) : haproxy version is 2.6.12-1\n"
                "[WARNING]  (19429) : config : parsing [{d}/h.cfg:1] : deprecated\n"
                "[ALERT]    (19429) : config : parsing [{d}/h.cfg:2] : unknown keyword 'bogus'\n"
                "[ALERT]    (19429) : config : Fatal errors found in configuration.\n"
            ),
            (),
            ("h.cfg", 2, None),
            "unknown keyword 'bogus'",
        ),
        (  # nats-server -t
            "nats-server: {d}/n.conf:1:0: interface conversion: not int64\n",
            (),
            ("n.conf", 1, None),
            "interface conversion: not int64",
        ),
        (
            "nats-server: Parse error on line 4: 'Expected a map value terminator'\n",
            ("n.conf",),
            ("n.conf", 4, None),
            "Expected a map value terminator",
        ),
        (  # blackbox_exporter --config.check
            (
                'ts=2026-11-24T20:25:51.187Z level=info msg="Starting"\n'
                'ts=2026-11-24T20:25:51.187Z level=error msg="Error" err="unmarshal errors:\\n  '
                'line 4: field bogus not found in type config.plain"\n'
            ),
            ("prometheus.yml",),
            ("prometheus.yml", 4, None),
            "field bogus not found in type config.plain",
        ),
        (  # vmalert -dryRun
            (
                "2026-11-24T20:25:51.197Z\tinfo\tlogger/flag.go:12\tbuild version:\n"
                '2026-11-24T20:25:51.19Z\tfatal\tm.go:9\tinvalid group in file "{d}/rules/r.yml"\n'
            ),
            (),
            ("rules/r.yml", None, None),
            'fatal\tm.go:9\tinvalid group in file "rules/r.yml"',
        ),
        ("only a warning: {d}/h.cfg:7: odd\n", (), ("h.cfg", 7, None), "odd"),
        ("no trouble\nat all\n", (), ("", None, None), "at all"),
        ("", ("h.cfg",), ("h.cfg", None, None), "it printed nothing"),
        ("cannot open {d}\n", (), ("", None, None), "cannot open ."),
    ],
)
def test_essence(
    output: str, told: tuple[str, ...], place: tuple[str, int | None, int | None], message: str
) -> None:
    lines = split_output(output.replace("{d}", FOLDER), folder=FOLDER)
    said = find_essence(lines, keys=KEYS, told=told)
    assert (said.file, said.line, said.column) == place
    assert said.message == message


def test_without_keys_nothing_is_placed() -> None:
    said = find_essence(["error: a.yml:1:2: bad"], keys=(), told=())
    assert (said.file, said.message) == ("", "error: a.yml:1:2: bad")
