"""Configurations with a secret planted in them, of which every part can be recognised."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping

import yaml
from hypothesis import strategies as st

from sidecar.serve.masking.files import Sealed
from sidecar.serve.masking.job import compare, make_document
from sidecar.serve.masking.parse import Tree

MARK = "ZQX"
"""No other part of a generated configuration contains it; every part of a secret does."""

SECRET_NAMES = (
    *("password", "Password", "DB_PASSWORD", "smtp_auth_password", "passwd", "HTTP_Passwd"),
    *("secret", "client_secret", "clientSecret", "token", "bearer_token", "X-Auth-Token"),
    *("api_key", "apiKey", "APIKey", "x-api-key", "key", "private_key", "accessKey", "Shared_Key"),
    *("credentials", "authorization", "Authorization", "auth", "basic_auth", "basicAuth"),
    *(
        "auth_pass",
        "webhook_url",
        "webhookURL",
        "passphrase",
        "cookie",
        "pwd",
        "dbpass",
        "authkey",
        "client-key-data",
        "sig",
        "otp",
    ),
)
PLAIN_NAMES = (
    "global",
    "url",
    "job",
    "name",
    "value",
    "targets",
    "level",
    "enabled",
    "password_file",
)

names = st.sampled_from(SECRET_NAMES)
plain_names = st.sampled_from(PLAIN_NAMES)
plain_texts = st.text(
    st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"]), max_size=12
).map(lambda text: text.replace(MARK, ""))
plain_values: st.SearchStrategy[Tree] = st.one_of(
    plain_texts, st.integers(-99, 99), st.booleans(), st.none()
)
_odd = st.text(st.sampled_from("abc019 {}[]()<>\"'`:=#\\,;|&@/?%$!~\t\n"), max_size=6)


def _join(parts: list[tuple[str, str]]) -> str:
    """Every line and word of it begins with the mark, so that no part can hide."""
    text = "".join(f"{MARK}{odd}{MARK}{end}" for odd, end in parts)
    return "".join(char if not char.isspace() else f"{char}{MARK}" for char in text)


secrets = st.lists(st.tuples(_odd, _odd), min_size=1, max_size=3).map(_join)
line_secrets = secrets.map(lambda text: text.replace("\n", "").replace("\t", ""))
secret_values: st.SearchStrategy[Tree] = st.one_of(
    secrets,
    st.lists(secrets, min_size=1, max_size=2),
    st.dictionaries(plain_names, secrets, min_size=1),
)


@st.composite
def planted_trees(draw: st.DrawFn) -> dict[str, Tree]:
    """A document with a secret under a name that means one, anywhere in it."""
    tree: Tree = {draw(names): draw(secret_values)}
    for _ in range(draw(st.integers(0, 4))):
        beside = draw(st.dictionaries(plain_names, plain_values, max_size=2))
        tree = {
            **beside,
            draw(plain_names): tree if draw(st.booleans()) else [draw(plain_texts), tree],
        }
    assert isinstance(tree, dict)
    return tree


def write_toml(tree: Tree) -> str:
    """Inline tables throughout; what TOML cannot say is left out."""
    if isinstance(tree, dict):
        pairs = [f"{json.dumps(k)} = {write_toml(v)}" for k, v in tree.items() if v is not None]
        return "{" + ", ".join(pairs) + "}"
    if isinstance(tree, list):
        return "[" + ", ".join(write_toml(item) for item in tree) + "]"
    return json.dumps(tree).replace("\x7f", "\\u007f")


def write_toml_file(tree: Tree) -> str:
    assert isinstance(tree, dict)
    pairs = [f"{json.dumps(k)} = {write_toml(v)}" for k, v in tree.items() if v is not None]
    return "\n".join(pairs)


WRITERS: Mapping[str, Callable[[Tree], str]] = {
    "a.json": json.dumps,
    "a.yaml": lambda tree: yaml.safe_dump(tree, allow_unicode=True),
    "b.yml": lambda tree: yaml.safe_dump(tree, default_flow_style=True),
    "c.yaml": lambda tree: yaml.safe_dump(tree, default_style='"'),
    "d.yaml": lambda tree: yaml.safe_dump(tree, default_style="|"),
    "a.toml": write_toml_file,
    "config": yaml.safe_dump,
    "app.conf": lambda tree: json.dumps(tree, indent=2),
}


def show_all(
    files: Mapping[str, str], *, whole: bool = False, secrets: tuple[str, ...] = ()
) -> str:
    """Everything that can be seen of `files`, in all formats, and in a diff in both directions."""
    content = pack(files, whole=whole, secrets=secrets)
    empty = pack(dict.fromkeys(files, ""), whole=whole, secrets=secrets)
    told = {"bridge": "b"}
    request = {"bridges": [{"told": told, "content": content}], "section": None}
    pages = [make_document({**request, "format": kind})["text"] for kind in ("json", "yaml")]
    for active, mounted in ((None, content), (empty, content), (content, empty)):
        answer = compare({"active": active, "mounted": mounted})
        pages += [answer["diff"], json.dumps(answer["changes"])]
    return "\n".join(pages)


def pack(
    files: Mapping[str, str], *, whole: bool = False, secrets: tuple[str, ...] = ()
) -> Mapping[str, object]:
    return {"files": files, "secrets": secrets, "whole": whole}


def seal(files: Mapping[str, str], *secrets: str) -> Sealed:
    return Sealed(files=files, secrets=secrets)
