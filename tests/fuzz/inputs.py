"""How inputs are made where no coverage guides: by grammar, by words, by damage, at random."""

from __future__ import annotations

import json
import random
import struct
from collections.abc import Mapping

import yaml
from hypothesis import strategies as st

from bench.alertmanager_corpus import Builder, dump, edit_text, mutate
from bench.alertmanager_fuzz import write_fuzz
from sidecar.validate.elf import MACHINES
from tests.fuzz.corpus import list_words, load_inputs
from tests.fuzz.parsers import CUT, TEXTS

Bytes = st.SearchStrategy[bytes]

NASTY = (
    *rb"""\ud800 " ' \ { } [ ] ( ) : - ? &a *a !!str !!binary !!set !!int !!timestamp ! | >- # % ---
    ... << ~ null true NaN -Infinity 1e999 -0 0x1f 1.5 2001-01-01 = == $ref .. / //""".split(),
    *(b"\n", b" ", b"  ", b"\t", b"\r", b"\x00", b"\xff", b"\xef\xbb\xbf", b"\xe2\x80\xa8"),
    *(b"\xc2\x85", b"\xf0\x9f\x98\x80", b": ", b"- ", b"? ", b"&a ", b"|\n", b">-\n", b"---\n"),
    *(b"...\n", b"<<: *a", b"%YAML 1.1\n", b"%TAG ! x\n", b"!!python/object:x ", b"!!str "),
    *(b"9" * 40, b"1" * 5000, b"{" * 60, b"[" * 200, b"(" * 60, b"- " * 120, b"a: " * 5, CUT),
)
"""What parsers stumble on."""

PIECES = (
    "a b1 ( ) (?: (?P<n> (?i) [ ] [^ - [:alpha:] \\ \\d \\pL \\p{ } {2} {1,500} , * + ? | ^ $ ."
    " \\Q \\E \\x4 \\x{41} = != =~ !~ \" ' ` {{ }} {{- -}} if else end range define block $x := .X"
    " nil 0x1 1.5 5m 1d ms µs http :// / @ # % %41 [::1] 25 monday june 31 -1 24:00 : é"
)
"""What the texts of Alertmanager's fields are made of."""

SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(10**20), 10**20),
    st.floats(),
    st.text(max_size=12),
)


def trees(
    keys: st.SearchStrategy[str], leaves: st.SearchStrategy[object]
) -> st.SearchStrategy[object]:
    """JSON-like values with these keys."""
    return st.recursive(
        leaves,
        lambda inner: st.lists(inner, max_size=4) | st.dictionaries(keys, inner, max_size=5),
        max_leaves=25,
    )


def spell_json(tree: object) -> bytes:
    """As JSON, with what Python adds to it."""
    return json.dumps(tree, ensure_ascii=True).encode()


def spell_yaml(tree: object) -> bytes:
    """As YAML, in the style that a machine writes."""
    return yaml.dump(tree, Dumper=yaml.SafeDumper, allow_unicode=True).encode("utf-8", "replace")


def words(name: str) -> Bytes:
    """Words of the corpus, and nasty ones, in any order."""
    known = st.sampled_from((*NASTY, *list_words(name)))
    return st.lists(known, max_size=50).map(b"".join)


@st.composite
def damaged(draw: st.DrawFn, name: str) -> bytes:
    """An input of the corpus with some edits."""
    content = draw(st.sampled_from(load_inputs(name)))
    for _ in range(draw(st.integers(1, 4))):
        start = draw(st.integers(0, len(content)))
        end = draw(st.integers(start, min(len(content), start + 30)))
        fresh = draw(st.sampled_from((*NASTY, *list_words(name))) | st.binary(max_size=4))
        match draw(st.sampled_from(("replace", "repeat", "cut", "insert"))):
            case "replace":
                content = content[:start] + fresh + content[end:]
            case "repeat":
                times = draw(st.sampled_from((2, 3, 50)))
                content = content[:start] + content[start:end] * times + content[end:]
            case "cut":
                content = content[:start] + content[end:]
            case _:
                content = content[:start] + fresh + content[start:]
    return content


def trees_of(name: str) -> Bytes:
    """Trees with the corpus's words as keys and values, as JSON and as YAML."""
    known = st.sampled_from([word.decode("utf-8", "replace") for word in list_words(name)])
    grown = trees(known, known | SCALARS)
    return grown.map(spell_json) | grown.map(spell_yaml)


def alertmanager_seeded(seed: int) -> bytes:
    """A configuration of the corpus that amtool is asked about, with some changes."""
    chance = random.Random(seed)  # noqa: S311 - reproducible, not secret
    if seed % 3 == 0:
        _, text, files = write_fuzz(chance)
        return text.encode() + CUT + "".join(files.values()).encode()
    tree = Builder(seed, newer=True).build()
    for _ in range(seed % 4):
        tree = mutate(tree, chance)[1]
    text = dump(tree)
    return (edit_text(text, chance) if seed % 2 else text).encode("utf-8", "replace")


@st.composite
def alertmanager_texts(draw: st.DrawFn) -> bytes:
    """A text for one of the readers of single fields."""
    number = draw(st.integers(0, len(TEXTS) - 1))
    pieces = st.sampled_from(PIECES.split())
    text = draw(st.lists(pieces | st.text(max_size=3), max_size=14))
    return bytes([number]) + draw(st.sampled_from(("", " "))).join(text).encode("utf-8", "replace")


def schemas() -> Bytes:
    """A schema and something to hold against it."""
    kinds = st.sampled_from(["object", "array", "string", "number", "integer", "boolean", "null"])
    names = st.sampled_from(["a", "b", "$ref", ""])
    plain: st.SearchStrategy[object] = st.fixed_dictionaries(
        {},
        optional={
            "type": kinds | st.lists(kinds, max_size=2) | SCALARS,
            "enum": st.lists(SCALARS, max_size=3),
            "const": SCALARS,
            "minimum": st.floats() | st.integers(),
            "multipleOf": st.floats() | st.integers(-1, 3),
            "pattern": st.sampled_from(["a", "^.*$", "(", "\\p{L}", "[a-"]),
            "format": st.sampled_from(["date", "uri", "regex", "nothing"]),
            "required": st.lists(names, max_size=2) | SCALARS,
            "uniqueItems": st.booleans(),
            "$ref": st.sampled_from(
                ["#", "#/$defs/a", "#/0", "http://h/x", "a.json", "%", "", "#a"]
            ),
            "$schema": st.sampled_from(
                [
                    "http://json-schema.org/draft-07/schema#",
                    "https://json-schema.org/draft/2020-12/schema",
                    "x",
                    "",
                ]
            )
            | SCALARS,
            "$id": st.sampled_from(["http://h/x", "#", "a", ":", ""]) | SCALARS,
            "$dynamicRef": st.sampled_from(["#", "#a"]),
            "$anchor": st.just("a"),
        },
    )

    def nest(inner: st.SearchStrategy[object]) -> st.SearchStrategy[object]:
        several = st.lists(inner, max_size=3)
        named = st.dictionaries(names, inner, max_size=2)
        return st.fixed_dictionaries(
            {},
            optional={
                "properties": named,
                "patternProperties": named,
                "$defs": named,
                "additionalProperties": inner | st.booleans(),
                "items": inner | several,
                "prefixItems": several,
                "anyOf": several,
                "oneOf": several,
                "allOf": several,
                "not": inner,
                "if": inner,
                "then": inner,
                "dependentSchemas": named,
                "unevaluatedProperties": inner,
                "contains": inner,
            },
        )

    schema = st.recursive(plain | SCALARS, nest, max_leaves=8)
    held = trees(names, SCALARS)
    spelled = held.map(spell_json).map(b"j".__add__) | held.map(spell_yaml).map(b"y".__add__)
    toml = st.sampled_from([b"ta = 1", b"t[a]\nb = 2001-01-01", b"ta = nan", b"ta = [{b = 1}]"])
    return st.tuples(schema.map(spell_json), spelled | toml).map(CUT.join)


def manifests() -> Bytes:
    """Objects as kubectl prints them, alone, in lists and in lists of lists."""
    names = st.sampled_from(["a.yml", "b", "..", "", "a/b", "x" * 254, "é"])
    values = st.sampled_from(["YQ==", "YQ", "a: b\n", "\ud83d", "\x00", "  x\n y\n\n"]) | SCALARS
    data = st.dictionaries(names, values, max_size=4) | SCALARS | st.lists(values, max_size=2)
    one = st.fixed_dictionaries(
        {"kind": st.sampled_from(["ConfigMap", "Secret", "Pod", "List"]) | SCALARS},
        optional={
            "apiVersion": st.just("v1") | SCALARS,
            "metadata": st.fixed_dictionaries(
                {"name": st.just("n") | SCALARS},
                optional={
                    "namespace": st.text(max_size=4) | SCALARS,
                    "annotations": st.dictionaries(
                        st.just("surehup.dev/preset"), st.text(max_size=8) | SCALARS
                    ),
                },
            ),
            "data": data,
            "binaryData": data,
            "stringData": data,
        },
    )
    several = st.recursive(
        one,
        lambda inner: st.fixed_dictionaries(
            {
                "apiVersion": st.just("v1"),
                "kind": st.sampled_from(["List", "ConfigMapList", "SecretList", "XList"]),
                "items": st.lists(inner, max_size=3) | SCALARS,
            }
        ),
        max_leaves=5,
    )
    documents = st.lists(several.map(spell_yaml), max_size=3).map(b"---\n".join)
    return documents | several.map(spell_json)


@st.composite
def pages(draw: st.DrawFn) -> bytes:
    """Lines of a page of metrics."""
    names = st.sampled_from(["up", "up_total", " up", "# HELP up x", "# TYPE up gauge", "upper"])
    pieces = st.sampled_from(
        (
            *(
                "{",
                "}",
                'job="a"',
                'job="\\"}"',
                ",",
                "=",
                '"',
                "\\",
                " 1",
                " NaN",
                " +Inf",
                " 1e309",
            ),
            *(" # {}", " -0x1", " 1 2", "\t", "\r", "é", " 9" * 20, '{job="a"} 1'),
        )
    )
    lines = [
        draw(names) + "".join(draw(st.lists(pieces, max_size=8)))
        for _ in range(draw(st.integers(0, 6)))
    ]
    return "\n".join(lines).encode()


def json_pages() -> Bytes:
    """A page of JSON where the wanted field may be."""
    values = SCALARS | st.sampled_from(["2024-01-01T00:00:00Z", "9999-12-31T23:59:60+99:99", "1_0"])
    return trees(st.sampled_from(["a", "b", "0"]), values).map(spell_json)


def journals() -> Bytes:
    """Entries that look like ours."""
    text = st.text(max_size=5)
    values: st.SearchStrategy[object] = (
        SCALARS | st.sampled_from(["applied", "failed", "startup", "signal"]) | st.just([])
    )
    process = st.fixed_dictionaries(
        dict.fromkeys(("pid", "startTicks", "startedS", "name", "container"), values)
    )
    readings = st.dictionaries(text, values | st.lists(values, max_size=2), max_size=2) | values
    baseline = st.fixed_dictionaries(
        {"process": process | values, "takenS": values, "readings": readings}
    )

    def made(*names: str, **inner: st.SearchStrategy[object]) -> st.SearchStrategy[object]:
        plain: Mapping[str, st.SearchStrategy[object]] = dict.fromkeys(names, values | text)
        return st.none() | values | st.fixed_dictionaries({**plain, **inner})

    entry = st.fixed_dictionaries(
        {
            "version": st.just(1) | values,
            "lastGood": st.none() | text | values,
            "valid": st.none() | text | values,
            "decided": made("digest", "outcome", "message"),
            "loaded": made(
                "digest", "proven", "signalledS", process=process, before=baseline | st.none()
            ),
            "interrupted": made(
                "digest", "fence", "trigger", "signalled", "answer", baseline=baseline
            ),
        }
    )
    return entry.map(lambda inside: spell_json({"journal": 1, "bridge": "b", "entry": inside}))


MOST = (1 << 64) - 1


@st.composite
def programs(draw: st.DrawFn) -> bytes:
    """ELF files whose numbers may all be wrong."""
    number = st.sampled_from(
        (0, 1, 2, 3, 56, 64, 120, 176, 255, 1 << 16, 1 << 31, 1 << 63, (1 << 64) - 1)
    )
    half = number.map(lambda value: value & 0xFFFF)
    machine = draw(st.sampled_from((*MACHINES.values(), 3)))
    head = struct.pack(
        "<16sHHIQQQIHHHHHH",
        draw(st.sampled_from((b"\x7fELF\x02\x01", b"\x7fELF\x01\x01", b"\x7fELF"))),
        *(3, machine, 1, 0, draw(number), 0, 0, 64),
        *(draw(half) for _ in range(5)),
    )
    segments = [
        struct.pack("<IIQQQQQQ", draw(st.integers(0, 4)), 0, *(draw(number) for _ in range(6)))
        for _ in range(draw(st.integers(0, 4)))
    ]
    entries = [
        struct.pack("<QQ", draw(st.sampled_from((0, 5, 15, 29, 1 << 63))), draw(number))
        for _ in range(draw(st.integers(0, 6)))
    ]
    return head + b"".join(segments) + b"".join(entries) + draw(st.binary(max_size=40))


OWN: Mapping[str, Bytes] = {
    "alertmanager": st.integers(0, 10**9).map(alertmanager_seeded),
    "alertmanager-texts": alertmanager_texts(),
    "schema": schemas(),
    "manifests": manifests(),
    "metrics": pages() | json_pages(),
    "journal": journals(),
    "elf": programs(),
}


def inputs(name: str) -> Bytes:
    """All ways to make inputs for a parser."""
    ways = [words(name), damaged(name), trees_of(name), st.binary(max_size=200)]
    return st.one_of([OWN[name], OWN[name], *ways] if name in OWN else ways)
