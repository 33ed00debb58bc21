"""What Go takes: tables for each parser, agreed with real ones by the generated corpus."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from sidecar.validate.alertmanager.golang import addresses, durations, globs, matchers, times
from sidecar.validate.alertmanager.golang.headers import canonical_header
from sidecar.validate.alertmanager.golang.regex import check_anchored
from sidecar.validate.alertmanager.golang.regex_cursor import RegexError
from sidecar.validate.alertmanager.golang.scalars import (
    BadTagError,
    Kind,
    parse_bool,
    parse_float,
    parse_int,
    resolve,
)
from sidecar.validate.alertmanager.golang.template import check_template
from sidecar.validate.alertmanager.golang.template_tokens import TemplateError

LONG = "9" * 5000


def takes(parse: Callable[[str], object], text: str) -> bool:
    try:
        parse(text)
    except ValueError:
        return False
    return True


@pytest.mark.parametrize(
    "pattern",
    [
        *("", "a|b", "(?i)x", "a(?i)b", r"\z", r"\Qa(\E", r"\p{Greek}", r"\pL", r"\P{^Lu}"),
        *("(?P<n>x)(?P<n>y)", "[^]a]", "[a-]", "[[:alpha:]]", "[[:^space:]-z]", "x{1000}", "a{,2}"),
        *("{", "a{01}", "a{2,1x", "a)|(b", "^*", r"\101", r"\x{10FFFF}", r"[\d-z]", "(x{0}){1000}"),
        *(
            "[b]",
            r"[\pL\x41-\x5A]",
            "(?s-i:a)",
            "(?)",
            r"\_",
            r"\07",
            "a??",
            "(?U)",
            r"[\n\a\f\r\t\v]",
        ),
    ],
)
def test_go_compiles(pattern: str) -> None:
    check_anchored(pattern)


@pytest.mark.parametrize(
    "pattern",
    [
        *(
            "(",
            ")",
            "[",
            "[a",
            "a**",
            "*",
            "(*)",
            "a|+",
            "a{1001}",
            "a{3,2}",
            "(a{100}){100}",
            "a{2}*",
        ),
        *("(?=a)", "(?!a)", "(?<=a)", "(?<n>a)", "(?>a)", "(?i-)", "(?-)", "(?", "(?P", "(?P=n)"),
        *(
            "(?P<1-a>x)",
            "(?P<>x)",
            "(?P<n",
            "a++",
            r"\1",
            r"(a)\8",
            r"\Z",
            r"\C",
            r"\h",
            r"\c",
            "\\",
        ),
        *("[z-a]", "[[:x:]]", r"\p{X}", r"\pQ", r"\p{L", r"\x{110000}", r"\xZ", r"\x4", r"\x{}"),
        *(f"a{{{LONG}}}", "(" * 1001 + ")" * 1001, "((a{1000}){1000}){1000}", "(?P<é>x)"),
        "(" + "(x" * 600 + "){10}" * 600 + ")",
        "(?:" + "x" * 9000 + "){1000}",
    ],
)
def test_go_does_not_compile(pattern: str) -> None:
    with pytest.raises(RegexError):
        check_anchored(pattern)


def test_newer_go_takes_angle_names() -> None:
    check_anchored("(?<n>a)", angle_names=True)
    for pattern in ("(?<=a)", "(?<!a)", "(?<", "(?<é>x)"):
        with pytest.raises(RegexError):
            check_anchored(pattern, angle_names=True)


@pytest.mark.parametrize(
    ("line", "classic", "modern"),
    [
        ('a="b"', True, True),
        ("a=b", True, True),
        ("{a=b, c!~d}", True, True),
        ("", True, True),
        ("{}", True, True),
        ("a=b,", True, True),
        ("a=b c", True, False),
        ("a='b'", True, False),
        ('a="x\\d"', True, False),
        ("a=b\\", True, False),
        ("a={b}", True, False),
        ("a=b=c", True, False),
        ("é=b", False, True),
        ('"a b"="c"', False, True),
        ('"\\u00e9\\x41\\101\\n"=c', False, True),
        ("a.b=c", False, True),
        ("{,}", False, False),
        (",", False, False),
        ("a", False, False),
        ("=b", False, False),
        ('a="b', False, False),
        ('a="b"c', False, False),
        ('a=b"', False, False),
        ("a=~(", False, False),
        ("{a=b", True, False),
        ("a=b}", True, False),
        ("a=b d=e", True, False),
        ('"a" "b"', False, False),
        ('"\\q"=x', False, False),
        ('"\\xff"=x', False, False),
        ('"\\777"=x', False, False),
        ('"\\ud800"=x', False, False),
        ("a=\n", True, False),
    ],
)
def test_matchers(line: str, classic: bool, modern: bool) -> None:  # noqa: FBT001 - a table
    assert takes(matchers.parse_classic, line) is classic
    assert takes(matchers.parse_utf8, line) is modern


def test_matcher_values() -> None:
    (one,) = matchers.parse_classic('a =~ "x\\"\\\\\\n\\d"')
    assert (one.name, one.operator, one.value) == ("a", "=~", 'x"\\\n\\d')
    assert [each.name for each in matchers.parse_utf8('{"é"=x,b!="y"}')] == ["é", "b"]


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("0", 0.0),
        ("0s", 0.0),
        ("1h30m", 5400.0),
        ("1d", 86400.0),
        ("1500ms", 1.5),
        ("1y2w", 32745600),
    ],
)
def test_prometheus_durations(text: str, seconds: float) -> None:
    assert durations.parse_prometheus(text) == seconds


@pytest.mark.parametrize("text", ["", "5", "5x", "1m1h", "1.5h", "-5m", "300y", "1h1h", f"{LONG}s"])
def test_no_prometheus_durations(text: str) -> None:
    assert not takes(durations.parse_prometheus, text)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("1.5h", 5400), ("-1s", -1), ("+.5s", 0.5), ("1us", 1e-6), ("0", 0), ("2.m", 120)],
)
def test_go_durations(text: str, seconds: float) -> None:
    assert durations.parse_go(text) == seconds


@pytest.mark.parametrize("text", ["", "5", "1d", "s", ".s", "-", "1s ", "300000h1000000h2000000h"])
def test_no_go_durations(text: str) -> None:
    assert not takes(durations.parse_go, text)


@pytest.mark.parametrize(
    "text",
    [
        *("http://a", "HTTPS://a.b:80/c d?%zz#x", "http://[::1]:1/", "http://u:p@a", "http://é/"),
        *("http://a<b>/", "http://a:/", "http://a%80/", "http://x?{{", "http://@x"),
    ],
)
def test_web_urls(text: str) -> None:
    addresses.parse_web_url(text)


@pytest.mark.parametrize(
    "text",
    [
        *("", "a", "//a", "http:", "http:a", "http:///a", "ftp://a", ":a", "a:b/c:", "http://a b/"),
        *(
            "http://a/%zz",
            "http://a#%z",
            "http://a:b/",
            "http://[::1",
            "http://a%20/",
            "http://u@b@c d/",
        ),
        *(
            "http://a\n",
            "1http://a",
            "http://{{x}}/",
            "http://u v@a/",
            "/a:b",
            "a b:c",
            "http://u%@a",
        ),
    ],
)
def test_no_web_urls(text: str) -> None:
    assert not takes(addresses.parse_web_url, text)


@pytest.mark.parametrize(
    ("text", "local"),
    [
        ("http://localhost/", True),
        ("http://x.localhost", True),
        ("http://127.0.0.1:1/", True),
        ("http://[::1]/", True),
        ("http://10.0.0.1/", False),
        ("http://a.example/", False),
    ],
)
def test_local_urls(text: str, local: bool) -> None:  # noqa: FBT001 - a table
    assert addresses.parse_web_url(text).is_local is local


@pytest.mark.parametrize("text", ["a:1", ":1", "[::1]:smtp", "[]:1"])
def test_host_and_port(text: str) -> None:
    assert takes(addresses.split_host_port, text)


@pytest.mark.parametrize(
    "text", ["", "a", "a:", "a:b:c", "[::1]", "[a:1", "a]:1", "a[b]:1", "[a]b:1"]
)
def test_no_host_and_port(text: str) -> None:
    assert not takes(addresses.split_host_port, text)


@pytest.mark.parametrize(
    ("pattern", "name", "fits"),
    [
        ("*.tmpl", "a.tmpl", True),
        ("*.tmpl", "a.txt", False),
        ("a*b*c", "axbxc", True),
        ("[a-c]?", "bz", True),
        ("[^a]", "a", False),
        ("\\*", "*", True),
        ("*", "a", True),
        ("[!a]", "!", True),
        ("a", "", False),
        ("[]a]", "x", None),
        ("*[", "a", None),
        ("a*[", "b", False),
        ("x[", "", None),
        ("[a-", "a", None),
        ("a\\", "a", None),
        ("?", "/", False),
        ("*a", "b/a", False),
        ("*ab", "aab", True),
        ("*", "a/b", False),
    ],
)
def test_globs(pattern: str, name: str, fits: bool | None) -> None:  # noqa: FBT001 - a table
    if fits is None:
        with pytest.raises(globs.PatternError):
            globs.match_glob(pattern, name)
    else:
        assert globs.match_glob(pattern, name) is fits


def test_globs_in_folders_and_behind_stars() -> None:
    for pattern in ("/a[b/c]d", "/x\\/y*"):
        with pytest.raises(globs.PatternError):
            globs.check_glob(pattern)
    globs.check_glob("/a*[")
    with pytest.raises(globs.PatternError):
        globs.check_whole("a*[")
    globs.check_whole("a*[b]?\\x")


GOOD_TEMPLATES = [
    "",
    "}}",
    "{{ .X }}",
    "{{- .X -}}",
    "{{/* c */}}",
    "{{- /* c */ -}}",
    "{{ $x := 1 }}{{ $x.Y }}",
    "{{ if .X }}a{{ else if .Y }}b{{ else }}c{{ end }}",
    "{{ range $i, $e := .X }}{{ break }}{{ end }}",
    "{{ with $x := .Y }}{{ $x }}{{ end }}",
    '{{ define "a" }}{{ template "a" . }}{{ end }}',
    '{{ block "b" .X }}x{{ end }}',
    "{{ (index .X 1).Y | len }}",
    "{{ toUpper `x` | title }}",
    '{{ define "a" }} {{ end }}{{ define "a" }}x{{ end }}',
    "{{ 'c' 0x1F -1.5 1e3 }}",
    "{{ .X\n.Y }}",
    '{{ template "a" }}',
    "{{ true }}",
    "{{ $x = 5 }}",
    "{{ .X | }}",
    '{{ "\\x41\\"" }}',
    "{{ $ }}",
]


@pytest.mark.parametrize("text", GOOD_TEMPLATES)
def test_templates(text: str) -> None:
    check_template(text, ("toUpper", "title"))


@pytest.mark.parametrize(
    ("text", "offset"),
    [
        ("ab{{", 2),
        ("{{ .X", 0),
        ("{{ if .X }}", 9),
        ("{{ end }}", 7),
        ("{{ nope }}", 3),
        ("{{ $x }}", 3),
        ('{{ define "a" }}', 14),
        ("{{ | .X }}", 3),
        ("{{ }}", 3),
        ("{{ (.X }}", 7),
        ("{{ .X) }}", 5),
        ('{{ "a }}', 3),
        ("{{ template }}", 12),
        ("{{ break }}", 3),
        ("{{/* x", 0),
        ("{{ .X | 5 }}", 8),
        ("{{ 1.X }}", 3),
        ("{{ true.X }}", 7),
        ("{{ .X @ }}", 6),
        ("{{ 5x }}", 3),
        ("{{ 09 }}", 3),
        ('{{ "\\q" }}', 3),
        ("{{ 'ab' }}", 3),
        ('{{ if .X }}{{ define "a" }}', 14),
        ("{{ if .X }}{{ $y := 1 }}{{ end }}{{ $y }}", 36),
        ('{{ define "a" }}1{{ end }}{{ define "a" }}2{{ end }}', 36),
        ("{{ range .X }}{{ else }}{{ else }}{{ end }}", 32),
        ("{{ if .X }}{{ else with .Y }}{{ end }}{{ end }}", 18),
        ("{{ .X.1 }}", 5),
        ("{{ $a, $b := .X }}", 3),
        ('{{ "a""b" }}', 6),
        ("{{ template a . }}", 12),
        ("{{ if }}x{{ end }}", 6),
        ("{{ with .X }}{{ end }}{{ else }}", 30),
        ("{{ .X := 1 }}", 6),
        ("{{ else if .X }}", 7),
    ],
)
def test_broken_templates(text: str, offset: int) -> None:
    with pytest.raises(TemplateError) as caught:
        check_template(text, ())
    assert caught.value.offset == offset


def test_deep_templates_end() -> None:
    with pytest.raises(TemplateError):
        check_template("{{ " + "(" * 5000 + ".X" + ")" * 5000 + " }}", ())


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("", Kind.NULL),
        ("~", Kind.NULL),
        ("NULL", Kind.NULL),
        ("yes", Kind.BOOL),
        ("Off", Kind.BOOL),
        ("0x1F", Kind.INT),
        ("1_000", Kind.INT),
        ("-017", Kind.INT),
        ("0b11", Kind.INT),
        ("09", Kind.FLOAT),
        ("18446744073709551615", Kind.INT),
        ("18446744073709551616", Kind.FLOAT),
        ("1e3", Kind.FLOAT),
        (".inf", Kind.FLOAT),
        ("-.INF", Kind.FLOAT),
        (".5", Kind.FLOAT),
        (".x", Kind.TEXT),
        ("1:30", Kind.TEXT),
        ("2024-01-01", Kind.TEXT),
        ("x", Kind.TEXT),
        ("+18446744073709551615", Kind.FLOAT),
        (LONG, Kind.FLOAT),
    ],
)
def test_scalars(text: str, kind: Kind) -> None:
    assert resolve(text, tag=None, plain=True) == (kind, text)
    assert resolve(text, tag=None, plain=False) == (Kind.TEXT, text)


def test_tagged_scalars() -> None:
    base = "tag:yaml.org,2002:"
    assert resolve("5", tag=f"{base}str", plain=False) == (Kind.TEXT, "5")
    assert resolve("5", tag=f"{base}int", plain=False) == (Kind.INT, "5")
    assert resolve("5", tag=f"{base}float", plain=False) == (Kind.FLOAT, "5")
    assert resolve("", tag=f"{base}null", plain=False) == (Kind.NULL, "")
    assert resolve("aGk=", tag=f"{base}binary", plain=False) == (Kind.TEXT, "hi")
    assert resolve("x", tag="!own", plain=False) == (Kind.TEXT, "x")
    with pytest.raises(BadTagError):
        resolve("x", tag=f"{base}int", plain=False)


def test_values_of_scalars() -> None:
    assert [parse_int(text) for text in ("0x1F", "-017", "1_0", "0o7", "+5", "0b11", "0")] == [
        31, -15, 10, 7, 5, 3, 0,
    ]  # fmt: skip
    assert [parse_float(text) for text in ("1_0.5", "-.Inf", "1e3")] == [
        10.5,
        float("-inf"),
        1000.0,
    ]
    assert parse_bool("On")
    assert not parse_bool("n")


@pytest.mark.parametrize(
    ("parse", "good", "bad"),
    [
        (times.parse_time, ("00:00", "24:00"), ("9:00", "24:01", "", "x")),
        (times.parse_weekdays, ("Monday:friday", "sunday"), ("mon", "friday:monday", "a:b:c", "")),
        (times.parse_months, ("May", "1:3", "0"), ("jan", "3:1", "", "1:2:3", f"0{LONG}")),
        (times.parse_years, ("2024", "-5:5"), ("x", "2:1", "99999999999999999999")),
        (
            times.parse_days_of_month,
            ("1:31", "-1", "1:-1", "+3", "-31"),
            ("0", "32", "5:1", "-1:1", "-1:-3", "29:-1"),
        ),
    ],
)
def test_times(parse: Callable[[str], object], good: tuple[str, ...], bad: tuple[str, ...]) -> None:
    assert [text for text in good if not takes(parse, text)] == []
    assert [text for text in bad if takes(parse, text)] == []


def test_zones() -> None:
    assert times.knows_zones()
    assert all(times.is_zone(name) for name in ("", "UTC", "Local", "Europe/London"))
    assert not any(times.is_zone(name) for name in ("Nowhere", "../UTC", "/UTC", "Europe", "a\0b"))


def test_headers() -> None:
    assert canonical_header("x-fORWARDED-for") == "X-Forwarded-For"
    assert canonical_header("not a header") == "not a header"
