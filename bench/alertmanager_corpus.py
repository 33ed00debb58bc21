"""Generates Alertmanager configurations from a seed: good ones, and each with one thing changed.

What `amtool` says of them is asked, not assumed: a change may well be harmless.
"""

from __future__ import annotations

import copy
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import yaml

from bench import alertmanager_changes as changes
from bench import alertmanager_values as values
from bench.alertmanager_fuzz import write_fuzz

Tree = dict[str, Any]
MOST_DEPTH = 3
HALF = 0.5
_FLAGS = (True, False, *(values.Word(word) for word in ("yes", "Off", "y", "NO", "on")))


@dataclass(frozen=True, slots=True)
class Case:
    """One configuration with the files beside it. `kind` says what was done to it."""

    kind: str
    text: str
    files: dict[str, str] = field(default_factory=dict)


class Builder:
    """Good configurations, all different."""

    def __init__(self, seed: int, *, newer: bool = False) -> None:
        self.random = random.Random(seed)  # noqa: S311 - a corpus, not a secret
        self._newer = newer

    def maybe(self, chance: float = 0.5) -> bool:
        """Yes, with a chance."""
        return self.random.random() < chance

    def pick(self, options: tuple[Any, ...]) -> Any:  # noqa: ANN401 - values of any type
        """One of some."""
        return self.random.choice(options)

    def build(self) -> Tree:
        """One configuration."""
        names = [f"team-{number}" for number in range(self.random.randint(1, 5))]
        intervals = [f"hours-{number}" for number in range(self.random.randint(0, 3))]
        tree: Tree = {"route": self._root(names, intervals), "receivers": []}
        tree["receivers"] = [self.receiver(name) for name in names]
        tree["global"] = self._global()
        if intervals:
            key = self.pick(("time_intervals", "mute_time_intervals"))
            tree[key] = [self._interval(name) for name in intervals]
        if self.maybe():
            tree["inhibit_rules"] = [self._inhibition() for _ in range(self.random.randint(1, 3))]
        if self.maybe(0.3):
            tree["templates"] = ["templates/*.tmpl"]
        return tree

    def _global(self) -> Tree:
        tree: Tree = {
            "smtp_smarthost": "mail.example.org:587",
            "smtp_from": "alerts@example.org",
            "slack_api_url": "https://hooks.example.org/services/T0/B0/X0",
            "opsgenie_api_key": "0123",
            "victorops_api_key": "4567",
            "wechat_api_secret": "89ab",
            "wechat_api_corp_id": "corp",
        }
        if self.maybe():
            tree["resolve_timeout"] = self.pick(values.GOOD_DURATIONS)
        if self.maybe(0.3):
            tree["http_config"] = self._http()
        if self.maybe(0.3):
            tree["smtp_require_tls"] = self.pick(_FLAGS)
        return tree

    def _root(self, names: list[str], intervals: list[str]) -> Tree:
        root: Tree = {"receiver": names[0], **self._timing()}
        root["routes"] = [
            self._route(names, intervals, 0) for _ in range(self.random.randint(0, 4))
        ]
        return root

    def _timing(self) -> Tree:
        tree: Tree = {}
        for key in ("group_wait", "group_interval", "repeat_interval"):
            if self.maybe():
                tree[key] = self.pick(values.GOOD_DURATIONS)
        if self.maybe():
            labels = self.random.sample(values.GOOD_LABELS, self.random.randint(1, 3))
            tree["group_by"] = labels if self.maybe(0.8) else ["..."]
        return tree

    def _route(self, names: list[str], intervals: list[str], depth: int) -> Tree:
        route: Tree = {"receiver": self.pick(tuple(names)), **self._timing()}
        route.update(self._condition("match", "match_re", "matchers"))
        if self.maybe(0.3):
            route["continue"] = self.pick(_FLAGS)
        for key in ("mute_time_intervals", "active_time_intervals"):
            if intervals and self.maybe(0.3):
                route[key] = [self.pick(tuple(intervals))]
        if depth < MOST_DEPTH and self.maybe(0.3):
            route["routes"] = [self._route(names, intervals, depth + 1)]
        return route

    def _condition(self, equal: str, regex: str, lines: str) -> Tree:
        tree: Tree = {}
        if self.maybe(0.3):
            tree[equal] = {self.pick(values.GOOD_LABELS): "x"}
        if self.maybe(0.3):
            tree[regex] = {self.pick(values.GOOD_LABELS): self.pick(values.GOOD_REGEXES)}
        if self.maybe(0.7):
            tree[lines] = [
                self.pick(values.GOOD_MATCHERS) for _ in range(self.random.randint(1, 3))
            ]
        return tree

    def _inhibition(self) -> Tree:
        rule = self._condition("source_match", "source_match_re", "source_matchers")
        rule.update(self._condition("target_match", "target_match_re", "target_matchers"))
        rule["equal"] = self.random.sample(values.GOOD_LABELS, 2)
        return rule

    def _interval(self, name: str) -> Tree:
        interval: Tree = {}
        if self.maybe():
            interval["times"] = [{"start_time": "09:00", "end_time": self.pick(("17:30", "24:00"))}]
        for key, options in (
            ("weekdays", values.GOOD_WEEKDAYS),
            ("days_of_month", values.GOOD_DAYS),
            ("months", values.GOOD_MONTHS),
            ("years", values.GOOD_YEARS),
        ):
            if self.maybe():
                interval[key] = [self.pick(options)]
        if self.maybe(0.4):
            interval["location"] = self.pick(values.GOOD_ZONES)
        return {"name": name, "time_intervals": [interval]}

    def _http(self) -> Tree:
        tree: Tree = self.pick(
            (
                {},
                {"basic_auth": {"username": "u", "password": "p"}},
                {"authorization": {"credentials": "c"}},
                {"authorization": {"type": "Token", "credentials_file": "/c"}},
                {"bearer_token": "b"},
                {"bearer_token_file": "/b"},
                {
                    "oauth2": {
                        "client_id": "i",
                        "client_secret": "s",
                        "token_url": "https://t.example",
                    }
                },
            )
        )
        tree = copy.deepcopy(tree)
        if self.maybe(0.3):
            tree["tls_config"] = {"ca_file": "/ca", "insecure_skip_verify": self.maybe()}
        if self.maybe(0.2):
            tree["proxy_url"] = "http://proxy.example.org:3128"
        if self.maybe(0.2):
            tree["follow_redirects"] = self.maybe()
        return tree

    def receiver(self, name: str) -> Tree:
        """One receiver with some configurations."""
        tree: Tree = {"name": name}
        makers = list(self.makers().items())
        for key, maker in self.random.sample(makers, self.random.randint(0, 3)):
            tree[key] = [self._notifier(key, maker) for _ in range(self.random.randint(1, 2))]
        return tree

    def _notifier(self, key: str, maker: Callable[[], Tree]) -> Tree:
        tree = maker()
        if self.maybe(0.3):
            tree["send_resolved"] = self.pick(_FLAGS)
        if key not in {"email_configs", "webex_configs"} and self.maybe(0.2):
            tree["http_config"] = self._http()
        return tree

    def makers(self) -> dict[str, Callable[[], Tree]]:
        """How to make each kind that the oldest release knows, and newer ones where asked for."""
        return OLD_MAKERS | NEW_MAKERS if self._newer else OLD_MAKERS


OLD_MAKERS: dict[str, Callable[[], Tree]] = {
    "email_configs": lambda: {
        "to": "ops@example.org",
        "headers": {"Subject": "x"},
        "require_tls": True,
    },
    "webhook_configs": lambda: {"url": "https://example.org/hook", "max_alerts": 10},
    "slack_configs": lambda: {
        "channel": "#alerts",
        "title": "{{ .Status }}",
        "fields": [{"title": "t", "value": "v", "short": True}],
        "actions": [{"type": "button", "text": "Open", "url": "https://example.org"}],
    },
    "pagerduty_configs": lambda: {
        "routing_key": "abc",
        "details": {"x": "y"},
        "links": [{"href": "h", "text": "t"}],
        "class": "c",
    },
    "opsgenie_configs": lambda: {
        "message": "m",
        "responders": [{"name": "n", "type": "team"}],
        "update_alerts": True,
    },
    "victorops_configs": lambda: {"routing_key": "r", "custom_fields": {"k": "v"}},
    "pushover_configs": lambda: {"user_key": "u", "token": "t", "retry": "1m", "expire": "1h"},
    "wechat_configs": lambda: {"to_user": "u", "message_type": "markdown"},
    "sns_configs": lambda: {
        "topic_arn": "arn:aws:sns:us-east-2:1:t",
        "sigv4": {"region": "us-east-2"},
        "attributes": {"k": "v"},
    },
    "telegram_configs": lambda: {"bot_token": "b", "chat_id": -100, "parse_mode": "MarkdownV2"},
    "discord_configs": lambda: {"webhook_url": "https://example.org/d", "title": "t"},
    "webex_configs": lambda: {
        "room_id": "r",
        "http_config": {"authorization": {"credentials": "c"}},
    },
}
NEW_MAKERS: dict[str, Callable[[], Tree]] = {
    "msteams_configs": lambda: {"webhook_url": "https://example.org/t", "summary": "s"},
    "msteamsv2_configs": lambda: {"webhook_url_file": "/t", "text": "x"},
    "jira_configs": lambda: {
        "api_url": "https://example.org",
        "project": "P",
        "issue_type": "Bug",
        "summary": "{{ .Status }}",
        "description": {"template": "d", "enable_update": False},
        "reopen_duration": "1d",
        "fields": {"f": [1, {"a": "b"}]},
    },
    "rocketchat_configs": lambda: {"token": "t", "token_id": "i", "channel": "#c"},
    "incidentio_configs": lambda: {"url": "https://example.org", "alert_source_token": "t"},
    "mattermost_configs": lambda: {
        "webhook_url": "https://example.org/m",
        "props": {"card": "c"},
        "attachments": [{"title": "t", "fields": [{"title": "a", "value": "b"}]}],
    },
    "webhook_configs": lambda: {"url": "https://example.org/{{ .Status }}", "timeout": "5s"},
}


def mutate(tree: Tree, rng: random.Random) -> tuple[str, Tree]:
    """A copy of `tree` with one thing changed, and what was done."""
    tree = copy.deepcopy(tree)
    spots = list(_list_spots(tree))
    action = rng.choice(
        (
            "value",
            "value",
            "entry",
            "entry",
            "map",
            "map",
            "drop",
            "extra",
            "extra",
            "odd",
            "rename",
            "url",
        )
    )
    rng.shuffle(spots)
    for parent, key in spots:
        done = _ACTIONS[action](parent, key, rng)
        if done:
            return f"{action} {done}", tree
    return "unchanged", tree


def _list_spots(node: Any) -> Iterator[tuple[Any, Any]]:  # noqa: ANN401
    if isinstance(node, dict):
        for key, child in node.items():
            yield node, key
            yield from _list_spots(child)
    elif isinstance(node, list):
        for position, child in enumerate(node):
            yield node, position
            yield from _list_spots(child)


def _change_value(parent: Any, key: Any, rng: random.Random) -> str:  # noqa: ANN401
    if not isinstance(parent, dict) or key not in changes.ODD_BY_KEY:
        return ""
    parent[key] = rng.choice(changes.ODD_BY_KEY[key] + values.SPELLINGS[: rng.choice((0, 60))])
    return str(key)


def _change_entry(parent: Any, key: Any, rng: random.Random) -> str:  # noqa: ANN401
    if (
        not isinstance(parent, dict)
        or key not in changes.ODD_ENTRIES
        or not isinstance(parent[key], list)
    ):
        return ""
    entry = copy.deepcopy(rng.choice(changes.ODD_ENTRIES[key]))
    if rng.random() < HALF:
        parent[key].append(entry)
    else:
        parent[key] = [entry]
    return str(key)


def _change_map(parent: Any, key: Any, rng: random.Random) -> str:  # noqa: ANN401
    if not isinstance(parent, dict) or key not in changes.ODD_MAPS:
        return ""
    name, value = rng.choice(changes.ODD_MAPS[key])
    parent[key] = {**(parent[key] or {}), name: value}
    return str(key)


def _change_url(parent: Any, key: Any, rng: random.Random) -> str:  # noqa: ANN401
    if not isinstance(parent, dict) or "url" not in str(key) or key == "client_url":
        return ""
    parent[key] = rng.choice(values.ODD_URLS + values.GOOD_URLS)
    return str(key)


def _drop(parent: Any, key: Any, _: random.Random) -> str:  # noqa: ANN401
    del parent[key]
    return str(key)


def _add(parent: Any, key: Any, rng: random.Random) -> str:  # noqa: ANN401
    target = parent if isinstance(parent, dict) else parent[key]
    if not isinstance(target, dict):
        return ""
    name, value = rng.choice(changes.EXTRA_FIELDS)
    target[name] = copy.deepcopy(value)
    return name


def _set_odd(parent: Any, key: Any, rng: random.Random) -> str:  # noqa: ANN401
    parent[key] = copy.deepcopy(rng.choice(values.ODD_VALUES + values.SPELLINGS))
    return str(key)


def _rename(parent: Any, key: Any, rng: random.Random) -> str:  # noqa: ANN401
    if not isinstance(parent, dict) or not isinstance(key, str) or not key:
        return ""
    position = rng.randrange(len(key))
    parent[key[:position] + key[position + 1 :]] = parent.pop(key)
    return key


_ACTIONS: dict[str, Callable[[Any, Any, random.Random], str]] = {
    "value": _change_value,
    "entry": _change_entry,
    "map": _change_map,
    "url": _change_url,
    "drop": _drop,
    "extra": _add,
    "odd": _set_odd,
    "rename": _rename,
}


def dump(tree: Tree) -> str:
    """YAML without aliases."""
    return yaml.dump(tree, Dumper=_PlainDumper, sort_keys=False, allow_unicode=True)


class _PlainDumper(yaml.SafeDumper):
    def ignore_aliases(self, data: object) -> bool:  # noqa: ARG002 - the base's signature
        return True

    def represent_word(self, word: values.Word) -> yaml.Node:
        """As its own text: the emitter is told that this needs neither quotes nor tag."""
        tag = self.resolve(yaml.ScalarNode, str(word), (True, False))  # type: ignore[no-untyped-call]
        return yaml.ScalarNode(tag, str(word))

    def choose_scalar_style(self) -> str:
        """Words that begin with a tag would be quoted."""
        text = getattr(self.event, "value", None)
        return "" if text in values.SPELLINGS else super().choose_scalar_style()


_PlainDumper.add_representer(values.Word, _PlainDumper.represent_word)


_TAILS = (*"\"'#{}[]:,&*!|>%@`\t", "- a", ": x")


def edit_text(text: str, rng: random.Random) -> str:
    """`text` with a few characters or lines changed."""
    lines = text.split("\n")
    position = rng.randrange(len(lines))
    match rng.randrange(7):
        case 0:
            lines.insert(position, lines[position])
        case 1:
            del lines[position]
        case 2:
            lines[position] = f" {lines[position]}"
        case 3:
            lines[position] = lines[position].replace(":", "", 1)
        case 4:
            lines[position] += rng.choice(_TAILS)
        case 5:
            column = rng.randrange(len(lines[position]) + 1)
            inserted = rng.choice(
                (
                    "\t",
                    "'",
                    '"',
                    ":",
                    " #",
                    "- ",
                    "~",
                    "\u00e9",
                    "\\",
                    "{",
                    "]",
                    "&a ",
                    "!!str ",
                    "!!int ",
                    "\x07",
                )
            )
            lines[position] = lines[position][:column] + inserted + lines[position][column:]
        case _:
            lines[position] = lines[position].lstrip()
    return "\n".join(lines)


def generate(count: int, seed: int, *, newer: bool = False) -> Iterator[Case]:
    """`count` cases: good ones, ones with one thing changed, damaged text, and single odd texts."""
    builder = Builder(seed, newer=newer)
    rng = builder.random
    for number in range(count):
        if number % 2:
            kind, text, files = write_fuzz(rng)
            yield Case(f"fuzz {kind}", text, files)
        else:
            yield _generate_whole(number // 2 % 10, builder)


def _generate_whole(slot: int, builder: Builder) -> Case:
    """A whole configuration; `slot` 0 and 1 are left good."""
    tree, rng = builder.build(), builder.random
    files = {"templates/a.tmpl": builder.pick(values.TEMPLATES)} if "templates" in tree else {}
    match slot:
        case 0 | 1:
            return Case("good", dump(tree), files)
        case 8:
            return Case("text", edit_text(dump(tree), rng), files)
        case 9:
            tree["templates"] = ["templates/*.tmpl"]
            options = values.TEMPLATES + values.ODD_TEMPLATES
            return Case("template", dump(tree), {"templates/a.tmpl": builder.pick(options)})
        case _:
            kind, changed = mutate(tree, rng)
            return Case(kind, dump(changed), files)
