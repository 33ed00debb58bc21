"""No secret that stands where secrets stand is ever shown, in no format."""

from __future__ import annotations

import json
import string

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from sidecar.presets.loading import load_preset
from sidecar.presets.names import list_presets
from sidecar.serve.masking.parse import Tree
from tests.serve.masking.planted import (
    MARK,
    WRITERS,
    line_secrets,
    names,
    plain_texts,
    planted_trees,
    secrets,
    show_all,
)

FILES = ("app.conf", "haproxy.cfg", "Caddyfile", "main.alloy", "app.ini", "page.xml", "notes.txt")
WORD = f"{string.ascii_letters}{string.digits}_-"
SIGNS = (" = ", "=", ": ", ":", " ", "\t", " := ", "='", '="', ' "', ": '", "(", " => ")
PRESET_SECRETS = [
    (name, path) for name in list_presets() for path in load_preset(name).secrets or ()
]


def noise() -> st.SearchStrategy[list[str]]:
    return st.lists(
        st.one_of(plain_texts, st.sampled_from(["", "}", "server {", "# it's"])), max_size=3
    )


@pytest.mark.parametrize("file", WRITERS)
@settings(deadline=None, max_examples=60)
@given(tree=planted_trees())
def test_in_a_document(file: str, tree: dict[str, Tree]) -> None:
    text = WRITERS[file](tree)
    assert MARK in text
    assert MARK not in show_all({file: text})


@settings(deadline=None, max_examples=60)
@given(tree=planted_trees(), data=st.data())
def test_in_a_document_that_is_broken(tree: dict[str, Tree], data: st.DataObject) -> None:
    file = data.draw(st.sampled_from(sorted(WRITERS)))
    text = WRITERS[file](tree)
    cut, end = sorted(data.draw(st.tuples(*[st.integers(0, len(text))] * 2)))
    cut = len(text[:cut].rstrip(WORD))  # what a broken name names, nobody knows
    broken = text[:cut] + data.draw(st.sampled_from("}{[\"'\n\t:")) + text[cut:end]
    if file in {"config", "app.conf"}:
        broken = text[:end]  # plain text is never broken, and may say anything
    assert MARK not in show_all({file: broken})


@st.composite
def lines(draw: st.DrawFn) -> str:
    indents = ["", "  ", "\t", "- ", "# ", "; ", "<", "user bob "]
    secret = draw(line_secrets)
    line = f"{draw(st.sampled_from(indents))}{draw(names)}{draw(st.sampled_from(SIGNS))}{secret}"
    return "\n".join([*draw(noise()), line, *draw(noise())])


@settings(deadline=None, max_examples=150)
@given(file=st.sampled_from(FILES), text=lines())
@example(file="Caddyfile", text=f"key = {MARK}:")
def test_in_a_line(file: str, text: str) -> None:
    assert MARK not in show_all({file: text})


@settings(deadline=None, max_examples=100)
@given(
    file=st.sampled_from(FILES),
    name=names,
    form=st.sampled_from(
        [
            '{name} = "one\n{secret}\n{secret}"\nnext 1',
            "{name} {{\n{secret}\n  inner {{\n  }}\n{secret}\n}}\nnext 1",
            "{name} = [\n{secret},\n{secret}\n]\nnext 1",
            "{name}: |\n  {secret}\n\n  {secret}\nnext: 1",
            "{name}:\n{secret}\nnext: 1",
            "{name}\n  {secret}\n",
            "{name} one \\\n{secret} \\\n{secret}\nnext",
            "<{name}>\n{secret}\n</{name}>",
            "  {name} one\n    {secret}\n",
            'x = {{{name} = "{secret}", other = 1}}',
            '{{"{name}":"{secret}"}}',
            "run --{name} {secret} --other",
            "run --{name}={secret} --other",
            "http://host/path?a=1&{name}={secret}",
            "org/{name}: {secret}",
        ]
    ),
    word=st.text(st.sampled_from("abcxyz019"), min_size=1, max_size=8),
)
def test_over_several_lines(file: str, name: str, form: str, word: str) -> None:
    text = f"first 1\n{form.format(name=name, secret=MARK + word)}\n"
    assert MARK not in show_all({file: text})


@settings(deadline=None, max_examples=100)
@given(
    file=st.sampled_from(["a.yaml", "a.json", "app.conf"]),
    form=st.sampled_from(
        [
            "https://bob:{secret}@host/x",
            "https://{secret}@host/x",
            "postgres://bob:{secret}/{secret}@host:5432/db",
            "bob:{secret}@tcp(host:3306)/db",
            "Bearer {secret}",
            "say Authorization: Basic {secret}",
            "https://hooks.slack.com/services/{secret}/{secret}",
            "https://discord.com/api/webhooks/1/{secret}",
            "https://api.telegram.org/bot1:{secret}/send",
            "https://x.webhook.office.com/webhookb2/{secret}",
            "--password={secret}",
            "https://host/path?token={secret}&x=1",
            "-----BEGIN RSA PRIVATE KEY-----\n{secret}\n{secret}\n-----END RSA PRIVATE KEY-----",
            "-----BEGIN PRIVATE KEY-----\\n{secret}",
            "x eyJhbGciOi{secret}.eyJz{secret}.sig{secret} y",
            "xoxb-{secret}",
            "ghp_{secret}a1b2c3d4e5",
            "https://host/path?sig={secret}",
            "Server=db;Password={secret};Other=1",
            '{{"auth": "{secret}"}}',
            "inner: 1\nkey: {secret}\nx: 1\n",
        ]
    ),
    word=st.text(st.sampled_from("abcxyz019_"), min_size=8, max_size=12),
)
def test_by_its_looks_whatever_its_name(file: str, form: str, word: str) -> None:
    value = form.format(secret=MARK + word)
    tree = {"list": ["a", {"plain": value}], value: 1}
    text = json.dumps(tree) if file != "app.conf" else f"plain {value}\n"
    assert MARK not in show_all({file: text})


@pytest.mark.parametrize("file", ["a.yaml", "a.json"])
@settings(deadline=None, max_examples=50)
@given(name=names, secret=secrets)
def test_beside_its_name(file: str, name: str, secret: str) -> None:
    pairs = [
        {"name": name, "value": secret},
        {"header": name, "values": [secret]},
        {"Key": name, "Value": {"x": secret}},
        {"args": [f"--{name}", secret]},
    ]
    for pair in pairs:
        assert MARK not in show_all({file: json.dumps([pair])})


@pytest.mark.parametrize(("preset", "path"), PRESET_SECRETS)
def test_what_a_preset_names(preset: str, path: str) -> None:
    known = tuple(load_preset(preset).secrets or ())
    tree: Tree = [{"sub": MARK}, MARK]
    for name in reversed(path.replace("*", "any").split(".")):
        tree = {name: [tree]}
    for file in ("a.yaml", "a.json", "config"):
        assert MARK not in show_all({file: json.dumps({"top": [tree]})}, secrets=known)
    word = path.rpartition(".")[2].replace("*", "any")
    assert MARK not in show_all({"app.conf": f"a 1\n{word} {MARK}\n"}, secrets=known)


@settings(deadline=None, max_examples=50)
@given(
    files=st.dictionaries(
        st.sampled_from(["a.yaml", "b.conf", "tls.key", "ca.crt", "c.json"]), secrets, min_size=1
    )
)
def test_of_a_secret_only_the_names_of_its_files(files: dict[str, str]) -> None:
    shown = show_all(files, whole=True)
    assert MARK not in shown
    assert all(file in shown for file in files)


@pytest.mark.parametrize(
    "file",
    [
        "tls.key",
        "ca.pem",
        "htpasswd",
        "users.htpasswd",
        "token",
        "db-password",
        ".env",
        ".pgpass",
        "userlist.txt",
    ],
)
def test_of_a_file_that_is_a_secret_itself(file: str) -> None:
    assert MARK not in show_all({file: f"bob {MARK}\n"})


@pytest.mark.parametrize(
    ("file", "text"),
    [
        (
            "a.yaml",
            "a: &a [x, x, x, x, x, x, x, x]\n"
            + "".join(
                f"{chr(98 + n)}: &{chr(98 + n)} [{', '.join(['*' + chr(97 + n)] * 9)}]\n"
                for n in range(8)
            ),
        ),
        ("a.yaml", "a: &a [*a]\n"),
        ("a.yaml", "[" * 3000 + MARK),
        ("a.json", "[" * 100_000 + MARK),
        ("a.yaml", f"? {{password: {MARK}}}\n: 1\n"),
        ("a.yaml", f"a: \x00{MARK}"),
        ("a.json", '{"a": "\udc80' + MARK + '"}'),
    ],
    ids=["laughs", "endless", "deep", "deep-json", "mapping-as-key", "nul", "no-utf8"],
)
def test_of_a_file_that_nobody_should_read(file: str, text: str) -> None:
    assert MARK not in show_all({file: text})
