"""What is no secret stays readable: a page that hides everything helps nobody."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime

import pytest
import yaml

from sidecar.presets.loading import load_preset
from sidecar.serve.masking.files import mask_files, redact
from sidecar.serve.masking.job import compare, make_document
from tests.serve.masking.planted import pack, seal

PROMETHEUS = """\
# who pages whom
global:
  scrape_interval: 15s
  external_labels: {cluster: "12", version: 1.10, at: 12:30:00, on: true, day: 2024-01-02}
scrape_configs:
- job_name: node
  honor_timestamps: true
  basic_auth: {username: bob, password: hunter22}
  authorization:
    credentials_file: /etc/secrets/token
  static_configs:
  - targets: ["node:9100", "https://bob:hunter22@other:9100/metrics"]
  relabel_configs:
  - source_labels: [__meta_kubernetes_pod_label_app]
    regex: (.+)
- job_name: blackbox
  bearer_token_file: /var/run/secrets/token
  http_headers: {X-Scope: {values: [tenant-7]}}
"""

NGINX = """\
worker_processes auto;
http {
  server {
    listen 8080;
    location /token {
      proxy_pass http://upstream:8080;
      proxy_set_header Authorization "Basic Ym9iOmh1bnRlcjIy";
      ssl_certificate /etc/nginx/tls.crt;
      ssl_certificate_key /etc/nginx/tls.key;
    }
    location ~ [.]php$ {
      fastcgi_pass php:9000;
    }
  }
}
"""

NATS = """\
port: 4222
authorization {
  user: bob
  password: hunter22
}
max_connections: 100
cluster { routes: ["nats://bob:hunter22@other:6222"] }
"""


def test_a_document_keeps_its_shape() -> None:
    known = load_preset("prometheus").secrets or ()
    (tree,) = mask_files(seal({"prometheus.yml": PROMETHEUS}, *known)).values()
    assert tree == {
        "global": {
            "scrape_interval": "15s",
            "external_labels": {
                "cluster": "12",
                "version": 1.10,
                "at": "12:30:00",
                "on": True,
                "day": "2024-01-02",
            },
        },
        "scrape_configs": [
            {
                "job_name": "node",
                "honor_timestamps": True,
                "basic_auth": "<secret>",
                "authorization": "<secret>",
                "static_configs": [
                    {"targets": ["node:9100", "https://<secret>@other:9100/metrics"]}
                ],
                "relabel_configs": [
                    {"source_labels": ["__meta_kubernetes_pod_label_app"], "regex": "(.+)"}
                ],
            },
            {
                "job_name": "blackbox",
                "bearer_token_file": "/var/run/secrets/token",
                "http_headers": {"X-Scope": {"values": "<secret>"}},
            },
        ],
    }


def test_text_keeps_its_lines() -> None:
    assert mask_files(seal({"nginx.conf": NGINX})) == {
        "nginx.conf": NGINX.replace('"Basic Ym9iOmh1bnRlcjIy";', "<secret>")
    }


def test_a_block_is_masked_to_its_end() -> None:
    known = load_preset("nats").secrets or ()
    assert (
        mask_files(seal({"nats.conf": NATS}, *known))["nats.conf"]
        == """\
port: 4222
authorization <secret>
  <secret>
  <secret>
<secret>
max_connections: 100
cluster { routes: ["nats://<secret>@other:6222"] }
"""
    )


@pytest.mark.parametrize(
    "text",
    [
        "The token expired for {{ $labels.instance }}",
        'rate(token_total{key="x"}[5m]) > 0.5',
        "image: registry.example/app:1.2",
        "https://host:9090/path?query=up&time=1",
        "http://[::1]:9090/metrics",
        "bob@example.org",
        "--password-file=/etc/secrets/password",
    ],
)
def test_prose_and_expressions_are_no_secrets(text: str) -> None:
    assert mask_files(seal({"a.json": json.dumps({"a": text})})) == {"a.json": {"a": text}}


@pytest.mark.parametrize("value", [None, True, False, ""])
def test_that_nothing_is_set_is_no_secret(value: object) -> None:
    document = {"password": value}
    assert mask_files(seal({"a.json": json.dumps(document)})) == {"a.json": document}


def test_each_language_is_known_by_its_name() -> None:
    files = {
        "a.json": '{"a": {"b": [1, 2.5, null, NaN]}}',
        "a.toml": "[a]\nat = 2024-01-02T03:04:05Z\nb = [1, inf]\n",
        "a.yaml": "a: !env {b: &x [1, *x2]}\n".replace("*x2", "~"),
        "two.yml": "a: 1\n---\nb: 'true'\n",
        "none.yaml": "",
        "config": "a: 1\n",
        "Caddyfile": ":80 {\n  respond hello\n}\n",
        "rules.tmpl": "{{ define }}",
        "logo.png": "\x89PNG\0",
        "broken.yaml": "a: [",
    }
    assert mask_files(seal(files)) == {
        "a.json": {"a": {"b": [1, 2.5, None, "nan"]}},
        "a.toml": {"a": {"at": str(datetime(2024, 1, 2, 3, 4, 5, tzinfo=UTC)), "b": [1, "inf"]}},
        "a.yaml": {"a": {"b": [1, None]}},
        "two.yml": [{"a": 1}, {"b": "true"}],
        "none.yaml": None,
        "config": {"a": 1},
        "Caddyfile": ":80 {\n  respond hello\n}\n",
        "rules.tmpl": "{{ define }}",
        "logo.png": "<6 bytes that are no text>",
        "broken.yaml": "<masked as a whole: it cannot be parsed>",
    }


@pytest.mark.parametrize("kind", ["json", "yaml"])
def test_a_document_reads_back(kind: str) -> None:
    files = {
        "a.yaml": "a: {x: [1, 1], text: |\n    one\n    two\n  }\n".replace(
            "|\n    one\n    two\n  ", '"one\\ntwo"'
        )
    }
    bridges = [
        {"told": {"bridge": "b"}, "content": pack(files)},
        {"told": {"bridge": "c"}, "content": None},
    ]
    answer = make_document({"bridges": bridges, "format": kind, "section": None})
    read = json.loads if kind == "json" else yaml.safe_load
    assert read(answer["text"]) == {
        "bridges": [
            {"bridge": "b", "files": {"a.yaml": {"a": {"x": [1, 1], "text": "one\ntwo"}}}},
            {"bridge": "c", "files": {}},
        ]
    }


def test_a_section_is_picked_where_it_is() -> None:
    bridges = [
        {
            "told": {"bridge": "b"},
            "content": pack({"a.yaml": "x: 1\ny: 2\n", "b.yaml": "z: 1\n", "c": "text"}),
        },
        {"told": {"bridge": "c"}, "content": pack({"a.yaml": "z: 3\n"})},
    ]
    request = {"bridges": bridges, "format": "json"}
    answer = make_document({**request, "section": "x"})
    assert json.loads(answer["text"]) == {
        "bridges": [{"bridge": "b", "files": {"a.yaml": {"x": 1}}}]
    }
    missing = make_document({**request, "section": "nope"})
    assert missing == {"text": None, "sections": ["x", "y", "z"]}


def test_a_difference_is_of_what_is_shown() -> None:
    active = pack(
        {
            "a.yaml": "b: 1\npassword: old-one\n",
            "b.conf": "x 1\ny 2\n",
            "gone.conf": "z\n",
            "same": "s",
        }
    )
    mounted = pack(
        {
            "a.yaml": "b: 2\npassword: new-one\n",
            "b.conf": "x 1\ny 3\n",
            "new.conf": "n\n",
            "same": "s",
        }
    )
    answer = compare({"active": active, "mounted": mounted})
    assert answer["diff"].splitlines() == [
        "--- active/a.yaml",
        "+++ mounted/a.yaml",
        "@@ -1,3 +1,3 @@",
        "-b: 1",
        "+b: 2",
        " password: <secret>",
        " ",
        "--- active/b.conf",
        "+++ mounted/b.conf",
        "@@ -1,3 +1,3 @@",
        " x 1",
        "-y 2",
        "+y 3",
        " ",
        "--- active/gone.conf",
        "+++ /dev/null",
        "@@ -1,2 +0,0 @@",
        "-z",
        "-",
        "--- /dev/null",
        "+++ mounted/new.conf",
        "@@ -0,0 +1,2 @@",
        "+n",
        "+",
    ]
    assert answer["changes"] == [
        {"file": "a.yaml", "change": "changed", "shown": True},
        {"file": "b.conf", "change": "changed", "shown": True},
        {"file": "gone.conf", "change": "removed", "shown": True},
        {"file": "new.conf", "change": "added", "shown": True},
    ]


def test_a_change_of_secrets_alone_is_told_and_not_shown() -> None:
    active, mounted = (pack({"a.yaml": f"password: {word}\n"}) for word in ("one", "two"))
    answer = compare({"active": active, "mounted": mounted})
    assert answer["diff"] == ""
    assert answer["changes"] == [{"file": "a.yaml", "change": "changed", "shown": False}]


@pytest.mark.parametrize(
    ("file", "text"),
    [
        ("a.yaml", "auth: {pass: [hunter22, 4711471]}"),
        ("a.yaml", "list: [{token: 'hunter22 4711471'}]"),
        ("a.yaml", "password: hunter22 4711471\nbroken: ["),
        ("a.conf", "password hunter22 4711471"),
        ("token", "hunter22 4711471"),
        ("a.yaml", "url: http://bob:hunter22@4711471@host/"),
    ],
)
def test_sentences_do_not_quote_secrets(file: str, text: str) -> None:
    sentence = "line 1: cannot unmarshal hunter22 or 4711471 into int"
    (said,) = redact([sentence], seal({file: text}))
    assert said == "line 1: cannot unmarshal <secret> or <secret> into int"


@pytest.mark.parametrize(
    ("quoted", "shown"),
    [
        ("!!str `correct...` into", "!!str `<secret>...` into"),
        ("!!str `orse ...`", "!!str `orse ...`"),
        ("(correct horse bat…)", "(<secret>…)"),
        ("read correct... or correct...", "read <secret>... or <secret>..."),
        ("incorrect...", "in<secret>..."),
        ("cor...", "cor..."),
        ("and so on...", "and so on..."),
    ],
)
def test_sentences_do_not_quote_what_a_secret_begins_with(quoted: str, shown: str) -> None:
    sealed = seal({"a.yaml": "basic_auth: correct horse battery\n"})
    assert redact([quoted], sealed) == [shown]


def test_what_is_masked_is_not_masked_again() -> None:
    sealed = seal({"a.yaml": "password: secret words\n"})
    assert redact(["secret words, secr..."], sealed) == ["<secret>, <secret>..."]


def test_of_a_secret_no_value_is_quoted() -> None:
    sealed = seal({"a.yaml": "plain: hunter22\n"})
    assert redact(["not hunter22"], sealed) == ["not hunter22"]
    assert redact(["not hunter22"], replace(sealed, whole=True)) == ["not <secret>"]
