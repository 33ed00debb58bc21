"""Small configurations with one random text in them, joined from pieces that parsers stumble on."""

from __future__ import annotations

import random

_PIECES: dict[str, tuple[str, ...]] = {
    "regex": (
        *("a", "b", "z", "(", ")", "(?:", "(?P<n>", "(?<n>", "(?i)", "(?i:", "(?s-i)", "(?-", "[", "]"),
        *("[^", "-", "[:alpha:]", "[:", ":]", "\\", "\\d", "\\W", "\\b", "\\pL", "\\p{", "}", "{", "{2}"),
        *("{2,}", "{1,500}", "{1001}", ",", "*", "+", "?", "|", "^", "$", ".", "\\Q", "\\E", "\\x4", "1"),
        *("\\1", "\\08", "\\z", "\\A", "é", "^Greek", "\\P{^Lu}", "\\x{41}", "0", "=", "!", ">", " "),
    ),
    "matcher": (
        *("a", "b1", "é", "=", "!=", "=~", "!~", "~", "!", '"', '"', '"x"', '"a b"', "\\", "\\n", ",", "{"),
        *("}", " ", "\t", "'", "`", ".", "a:b", "\\x41", "\\u00e9", '\\"', "-", "(", "|", "[", "0", "\u00a0"),
    ),
    "duration": (*"0123456789", "y", "w", "d", "h", "m", "s", "ms", "us", "ns", "µs", ".", "-", "+", " ", "e"),
    "go_duration": (*"0159", "h", "m", "s", "ms", "us", "ns", "µs", ".", "-", "+", "d", "5m", "1.5"),
    "url": (
        *("http", "https", "HTTP", "://", ":", "/", "//", "a.b", "é", "@", "?", "#", "%", "%41", "%zz", "[::1]"),
        *("[", "]", " ", "8080", "x", "{", "}", "<", ">", "\\", "^", "|", '"', "`", "*", "&", "=", "+", "%2F", "_"),
    ),
    "address": ("a", "1", ":", "[", "]", "::1", "25", "smtp", ".", " ", "%eth0", "é"),
    "day": (*"0123456789", ":", "-", "+", "31", "28", "_", " "),
    "month": (*"0123456789", ":", "-", "may", "June", "march", "JANUARY", " ", "+"),
    "weekday": (":", "monday", "Friday", "sunday", "SATURDAY", " ", "mon", "1"),
    "time": (*"0123456789", ":", "24", "00", "09", " "),
    "label": ("a", "_", "1", "-", ".", ":", " ", "é", "A", "\u0000"),
    "glob": ("a", "*", "?", "[", "]", "^", "-", "\\", "a/", "[a-z]", "[^", "!"),
    "template": (
        *("{{", "}}", "{{-", "-}}", "{{ ", " }}", "if ", "else", "end", "range ", "with ", "define ", "block "),
        *("template ", ".X", ".", "$", "$x", " := ", " = ", "|", "(", ")", '"a"', "`b`", "5", "len ", "toUpper "),
        *(" ", "text", "/*", "*/", ",", "nil", "true", "'c'", "nope", "break", "\n", "1.5", "0x1", "and ", "eq "),
    ),
    "scalar": (*"0179", "x", "b", "o", "_", ".", "e", "-", "+", "~", "null", "y", "on", ":", "!", " ", "'", '"', "#"),
    "chat": (*"0179", "x", "b", "o", "_", ".", "e", "-", "+", "~", "i", "n", "f", "5"),
}
_ROUTE = "route: {receiver: r}\nreceivers:\n- name: r\n"


def write_fuzz(rng: random.Random) -> tuple[str, str, dict[str, str]]:
    """What kind of text it is, a configuration with it, and the files beside."""
    kind = rng.choice(tuple(_PIECES))
    text = "".join(rng.choice(_PIECES[kind]) for _ in range(rng.randint(1, 7)))
    if kind == "template":
        text = text if rng.random() < 0.3 else "{{ " + text + " }}"  # noqa: PLR2004 - a chance
        return kind, f"templates: ['*.tmpl']\n{_ROUTE}", {"a.tmpl": text}
    return kind, _PLACES[kind].replace("TEXT", _quote(text) if kind not in _BARE else text), {}


def _quote(text: str) -> str:
    """A double-quoted YAML text."""
    special = {'"': '\\"', "\\": "\\\\", "\t": "\\t", "\n": "\\n", "\u0000": "\\0"}
    return '"' + "".join(special.get(character, character) for character in text) + '"'


_BARE = frozenset(("scalar", "chat"))
_CHILD = "route:\n  receiver: r\n  routes:\n  - TEXT_HERE\nreceivers:\n- name: r\n"
_INTERVAL = f"{_ROUTE}time_intervals:\n- name: t\n  time_intervals:\n  - TEXT_HERE\n"


def _child(line: str) -> str:
    return _CHILD.replace("TEXT_HERE", line)


def _interval(line: str) -> str:
    return _INTERVAL.replace("TEXT_HERE", line)


_PLACES = {
    "regex": _child("match_re: {a: TEXT}"),
    "matcher": _child("matchers: [TEXT]"),
    "duration": _child("group_wait: TEXT"),
    "label": _child("group_by: [TEXT]"),
    "scalar": _child("continue: TEXT"),
    "go_duration": f"{_ROUTE}  pushover_configs: [{{user_key: u, token: t, retry: TEXT}}]\n",
    "url": f"{_ROUTE}  webhook_configs: [{{url: TEXT}}]\n",
    "address": f"global: {{smtp_smarthost: TEXT}}\n{_ROUTE}",
    "chat": f"{_ROUTE}  telegram_configs:\n  - bot_token: b\n    chat_id: TEXT\n",
    "day": _interval("days_of_month: [TEXT]"),
    "month": _interval("months: [TEXT]"),
    "weekday": _interval("weekdays: [TEXT]"),
    "time": _interval("times: [{start_time: TEXT, end_time: '24:00'}]"),
    "glob": f"templates: [TEXT]\n{_ROUTE}",
}
