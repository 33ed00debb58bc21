"""Values for generated Alertmanager configurations: good ones, and ones that tempt a validator."""

from __future__ import annotations


class Word(str):
    """A text that is written without quotes, whatever YAML makes of it."""

    __slots__ = ()


SPELLINGS = tuple(
    Word(word)
    for word in (
        *("yes", "No", "on", "off", "y", "N", "TRUE", "maybe", "~", "null", "Null", "NULL", "0x10"),
        *("1_000", "0o17", "010", "09", "0b11", "1e3", "1.", ".5", "+5", "-0x1", ".inf", ".NaN"),
        *(
            "18446744073709551615",
            "18446744073709551616",
            "9223372036854775808",
            "-9223372036854775809",
        ),
        *(
            "2024-01-01",
            "12:30",
            "1:30:00",
            "0x",
            "1__0",
            "!!str 5",
            "!!int '5'",
            "!!bool yes",
            "!foo x",
        ),
        *(
            "!!float 5",
            "!!null ''",
            "!!binary aGk=",
            "!!binary ?",
            "!!int x",
            "!!str",
            "'5'",
            "=",
            "-",
        ),
        *(
            "!!float 1.5",
            "!!timestamp 2024-01-01",
            "!!str ~",
            "! 5",
            "_1",
            "1e400",
            "0.1e",
            "+",
            "5s",
        ),
    )
)

GOOD_DURATIONS = ("30s", "5m", "1h30m", "1d", "2w", "1y", "1500ms", "1d12h", "10m")
ODD_DURATIONS = (
    "0s",
    "0",
    "",
    "5",
    "5x",
    "1m1h",
    "1.5h",
    "-5m",
    "5 m",
    "1h1h",
    "5m ",
    "300y",
    "1e3s",
    "1µs",
    30,
    0,
    None,
    True,
)
GOOD_URLS = (
    "https://example.org/hook",
    "http://localhost:9000/",
    "https://user:pass@example.org/a?b=c#d",
    "https://example.org:8443",
    "http://[::1]:80/x",
    "HTTPS://EXAMPLE.org/%20",
    "http://10.0.0.1/a b",
    "https://example.org?x={{ .y }}",
)
ODD_URLS = (
    "", "example.org", "ftp://example.org", "http://", "http:///path", "https//example.org",
    "http://exa mple.org", "http://{{ .Host }}/", "http://example.org:port/", "http://example.org/%zz",
    "//example.org/x", "http:example.org", "mailto:a@example.org", "http://[::1/x", "http://a%20b/",
    "http://user name@example.org/", "http://example.org\n/x", "<secret>", "http://example.org:/",
    ":foo", "1http://x", "http://a<b>/", "http://a|b/", "http://a_b/", "http://%41/", "http://x/%",
    "http://x#%zz", "http://x?%zz", "http://u%zz@x/", "http://u:p:q@x/", "http://@x/", "http://x@", "/rooted", "http://é.example/",
    None, 5, [], {},
)  # fmt: skip
GOOD_REGEXES = (
    "a|b", "web.*", "(?i)prod", "^foo$", "a{2,3}", "[[:alpha:]]+", r"\d+\.\w", r"\pL", r"\p{Greek}+",
    "(?P<n>x)", "", ".*", r"\Qa.b\E", "a**?".replace("**?", "*?"), "[^]a]", "[a-]", "x{1000}", r"\z", "a{,2}", "{", "a}", r"[\]]",
    "(?s-i:a)", r"\x41\x{10FFFF}", r"\101", "[a-z&&[b]]", "foo|", "|", "()", "(|a)*", r"\_", r"[\d-z]", "a)|(b",
    "^*", "$+", r"\b+", "(?i:a)*?", "[[:^space:]]", r"\pN{2}", "]", "a]", "(?U)a+", "(?mi)x", "x{0}", "(x{0}){1000}", "(?:a|b){3,}",
)  # fmt: skip
ODD_REGEXES = (
    "(", ")", "[", "a**", "*a", "+", "?", "a{1001}", "a{3,2}", "(?=x)", "(?!x)", "(?<=x)", "(?<!x)", r"(a)\1",
    "a++", "a?+", "(?>a)", r"\Z", r"\h", r"\8", "[z-a]", "(?P<n>a)(?P<n>b)", "(?P=n)", r"\p{Nope}",
    "[[:nope:]]", r"\x{110000}", "(?#c)", "(?x)a", "\\", "(?P<1a>x)", "(?P<>x)", r"\x4", "(a{100}){100}", "(?i-)", "(?-i)x",
    "a|*", "(*a)", "(?i)*", "a(?i)*", r"\C", "[a", "[]", "[^]", "a{2}{3}", "a{2}*", "(?<n>x)", r"[\8]", r"\c", "(?P<é>x)", r"\pX", r"\p", r"\p{", r"\e", "[a-\\d]", "[\\d-a]", "(?", "(?P", "(?P<", "(?i", "a{99999999999}", "a{01}", "x{2}{", r"\07", r"\7", r"\18", None, 5,
)  # fmt: skip
GOOD_MATCHERS = (
    'severity="critical"', "severity=critical", 'team=~"a|b"', 'team!~"x.*"', 'a!="b"', '{a="b",c="d"}',
    'a="b", c=~"d"', ' a = "b" ', 'a=""', "a=", 'a="x,y"', 'a="say \\"hi\\""', "a=b c", 'a="é"', "a:b=c", 'a="\\\\n"', "a=b=c", 'a="b",', "{}", "", "a='b'", "a=b'c", 'a="x\\d"', "a=~x.y", "a={b}", "a=b\\", 'a="b\\\\"',
    "a=~[a-z]+", "a=`b`", 'a="1", b="2", c!~"3"', "a=b}", "{a=b", "a=b}}"
)  # fmt: skip
ODD_MATCHERS = (
    "severity", "=x", 'a=="b"', 'a="b', 'a=b"', "a~b", "1a=b", "a-b=c", 'a=~"("', '"a b"="c"', "a=b,,c=d", "a b=c", ",", "a=b,c",
    "é=x", '"é"="x"', "{a=b}{c=d}", "!a=b", "a=~*", 'a="b"c', 'a="b"="c"', "a!b", 'a="b\\"', '{"a"="b"}', "a.b=c", 'a="b" c="d"', "{,}", "a=b,}", "a =~ (", 'a="x"y"', "{{a=b}}", 'a=~"(?=x)"', "a>b", None, 5, {"a": "b"},
)  # fmt: skip
GOOD_LABELS = ("alertname", "cluster", "_x", "a1", "job", "Severity", "__name__")
ODD_LABELS = ("", "1a", "a-b", "a b", "é", "a.b", "...", None, 5, True, "a:b", "\ta", "a\n")
GOOD_ZONES = ("Europe/London", "UTC", "America/New_York", "Asia/Kolkata", "Etc/GMT+5", "Local", "")
ODD_ZONES = (
    "Nowhere/City",
    "europe london",
    "../etc/passwd",
    "GMT+25",
    "/UTC",
    None,
    5,
    "Europe",
    "Europe/Lond",
    "\\x",
)
TIMES = ("00:00", "09:00", "17:30", "23:59", "24:00", "08:15")
ODD_TIMES = (
    "9:00",
    "24:01",
    "25:00",
    "12:60",
    "noon",
    "",
    "12",
    None,
    "12:0",
    " 09:00",
    "09:00:00",
    540,
)
GOOD_WEEKDAYS = (
    "monday:friday",
    "sunday",
    "Saturday",
    "monday",
    "sunday:saturday",
    "TUESDAY:Wednesday",
)
ODD_WEEKDAYS = (
    "mon",
    "friday:monday",
    "monday-friday",
    "1:5",
    "",
    "monday:",
    ":",
    "a:b:c",
    None,
    1,
    " monday",
    "saturday:sunday",
)
GOOD_DAYS = ("1:5", "-3:-1", "15", "31", "1:-1", "-31", "-28:-1", "+3", "01:05")
ODD_DAYS = (
    "0",
    "32",
    "-32",
    "5:1",
    "-1:-3",
    "-1:1",
    "a",
    "1:2:3",
    "",
    None,
    5,
    "28:-1",
    "29:-1",
    "1:",
    "1.5",
    "-5:-6",
    "5:-27",
    "27:-1",
)
GOOD_MONTHS = ("january:march", "1:3", "december", "12", "May", "0", "13", "5:13")
ODD_MONTHS = (
    "jan",
    "march:january",
    "3:1",
    "",
    "1:2:3",
    None,
    4,
    "december:january",
    "-1",
    "-1:2",
    "january:",
    "1_0",
)
GOOD_YEARS = ("2024", "2024:2026", "-5", "0:1", "1999:1999")
ODD_YEARS = ("2026:2024", "next", "", None, 2024, "2024:", "99999999999999999999", "20_24", "0x10")
GOOD_HOSTS = ("mail:25", "localhost:587", "[::1]:25", "smtp.example.org:smtp", ":25", "")
ODD_HOSTS = (
    "mail",
    "mail:",
    "::1:25",
    "[::1]",
    "a:b:c",
    "[::1:25",
    "mail]:25",
    None,
    25,
    "[a]b:1",
    "a[b]:1",
    "[]:1",
)
ODD_VALUES = (
    None,
    "",
    "text",
    5,
    -1,
    1.5,
    True,
    "yes",
    "no",
    "on",
    "~",
    "null",
    "0x10",
    "1_000",
    [],
    ["x"],
    [None],
    {},
    {"a": "b"},
    [{}],
    "2024-01-01",
    " ",
    "é",
    "1e3",
    "NaN",
    ".inf",
    "<<",
    "=",
    "!",
)
TEMPLATES = (
    '{{ define "a" }}hello{{ end }}', "plain", "{{ .Status | toUpper }}", "{{ range .Alerts }}{{ .Labels.x }}{{ end }}",
    "{{- if eq .Status `firing` -}}x{{- else if .Y }}z{{ else }}y{{- end }}", "{{/* note */}}", "{{ $x := 1 }}{{ $x }}", "{{ with $y := .X }}{{ $y.Z }}{{ end }}",
    '{{ template "a" . }}', '{{ block "b" . }}x{{ end }}', "{{ range $i, $e := .A }}{{ break }}{{ $i }}{{ end }}", "{{ (index .X 0).Y }}", '{{ printf "%s" .X | len }}', "", "}}", "{ {", "{{ 1 }}", "{{ `raw\nline` }}", "{{ .A.B.C }}", "{{ not (and .X .Y) }}", "{{ 'c' }}", "{{ $ }}", "{{ .X\n.Y }}", "{{- /* c */ -}}", "{{ range .X }}{{ else }}{{ end }}", "{{ 0x1F }}{{ 1e3 }}{{ -1.5 }}", "{{ true }}{{ nil | len }}".replace("nil | len", "len nil"),
    "{{ $x := 1 }}{{ $x = 2 }}", '{{ .X.Y | len | printf "%d" }}', "{{ reReplaceAll `a` `b` .X }}", "{{ join `,` (stringSlice `a` `b`) }}",
)  # fmt: skip
ODD_TEMPLATES = (
    "{{", "{{ .X", "{{ if .X }}", "{{ end }}", "{{ else }}", "{{ nope .X }}", "{{ $x }}", "{{ define }}", '{{ define "a" }}', "{{ .X | }}", "{{ | .X }}",
    "{{ }}", "{{ ( .X }}", "{{ .X ) }}", '{{ "open }}', "{{ template }}", "{{ break }}", "{{ range }}{{ end }}", "{{ /* open }}", '{{ define "a" }}1{{ end }}{{ define "a" }}2{{ end }}', "{{ if .X }}{{ else }}{{ else }}{{ end }}",
    "{{ .X | 5 }}", "{{ 1.X }}", "{{ .X.1 }}", "{{ with }}x{{ end }}", "{{ .X := 1 }}", "{{ $x = 1 }}", "{{ 5x }}", "{{ .X @ }}", "{{ if .X }}{{ $y := 1 }}{{ end }}{{ $y }}", "{{ $a, $b := .X }}", '{{ "\\q" }}', "{{ x }}", "{{ toUpper }}", "{{ trimSpace .X }}", "{{ humanizeDuration .X }}", "{{ nil }}", "{{ .X nil.Y }}", "{{ 'ab' }}", "{{ if }}x{{ end }}", "{{ range .X }}{{ continue }}{{ end }}", '{{ block "b" }}x{{ end }}', "{{ block b . }}x{{ end }}", "{{ template a . }}", "{{ else if .X }}", "{{end}}", '{{ if .X }}{{ define "z" }}{{ end }}{{ end }}', "{{.X}}{{-.Y}}", "{{ .X -}}", "{{ .X-}}", "{{ 1_0 }}", "{{ 09 }}", "{{ ..X }}", "{{ .X..Y }}", "{{ $x.Y := 1 }}", "{{ true.X }}", "{{ (.X).Y.Z }}", '{{ .X"a" }}', "{{ .X(1) }}", '{{ "a""b" }}',
)  # fmt: skip
