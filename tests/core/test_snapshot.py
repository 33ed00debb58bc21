from __future__ import annotations

import hashlib
import os
import subprocess
from pathlib import Path

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from sidecar.core.snapshot import Snapshot, digest_of, short

KEYS = st.one_of(
    st.from_regex(r"[-._a-zA-Z0-9]{1,12}", fullmatch=True),
    st.binary(min_size=1, max_size=6).filter(lambda name: b"\0" not in name).map(os.fsdecode),
)
FILES = st.dictionaries(KEYS, st.binary(max_size=40), max_size=6)


@given(FILES, st.data())
def test_the_order_of_the_keys_does_not_matter(
    files: dict[str, bytes], data: st.DataObject
) -> None:
    shuffled = data.draw(st.permutations(list(files)))
    assert digest_of({key: files[key] for key in shuffled}) == digest_of(files)


@given(FILES, FILES)
def test_other_content_has_another_digest(one: dict[str, bytes], other: dict[str, bytes]) -> None:
    assert (digest_of(one) == digest_of(other)) == (one == other)


@given(FILES.filter(bool), st.data())
def test_the_smallest_change_shows(files: dict[str, bytes], data: st.DataObject) -> None:
    key = data.draw(st.sampled_from(sorted(files)))
    content = files[key]
    other_key = data.draw(KEYS)
    assume(other_key not in files)
    moved = {name: value for name, value in files.items() if name != key}
    changed = [
        {**files, key: content + b"\n"},
        {**files, key: bytes([content[0] ^ 1]) + content[1:] if content else b"\0"},
        {**files, other_key: b""},
        {**moved, other_key: content},
        moved,
    ]
    digests = {digest_of(files), *map(digest_of, changed)}
    assert len(digests) == 1 + len({frozenset(change.items()) for change in changed})


@given(FILES, st.text("0123456789abcdef", min_size=1, max_size=32))
def test_a_salt_changes_every_digest(files: dict[str, bytes], salt: str) -> None:
    assert digest_of(files, salt=salt) != digest_of(files)
    assert digest_of(files, salt=salt) == Snapshot.of(files, salt=salt).digest


def test_a_shell_computes_the_same_with_sha256sum(tmp_path: Path) -> None:
    files = {"b.yml": b"x: 1\n", "a-b": b"\0\xff", "Z": b"", "a.yml": "ü".encode()}
    for key, content in files.items():
        (tmp_path / key).write_bytes(content)
    script = """
        for key in $(LC_ALL=C ls); do
            printf '%s:%s\\n' "$key" "$(sha256sum < "$key" | cut -d' ' -f1)"
        done | sha256sum | cut -d' ' -f1
    """
    done = subprocess.run(
        ["/bin/sh", "-c", script],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
        timeout=10,
    )
    assert done.stdout.strip() == digest_of(files)


def test_the_digest_of_a_known_content_never_changes() -> None:
    # { printf 'a.yml:%s\n' $(printf 'x: 1\n' | sha256sum | cut -d' ' -f1)
    #   printf 'b.bin:%s\n' $(printf '' | sha256sum | cut -d' ' -f1); } | sha256sum
    known = "70a96606ce403cf9b5fdca6b032f59b713875c1223cc978147ac7e6c393c874f"
    assert digest_of({"b.bin": b"", "a.yml": b"x: 1\n"}) == known


def test_keys_are_sorted_by_their_bytes_not_by_their_letters() -> None:
    # U+FF5E sorts before U+1F600 in UTF-8, after it in UTF-16; a raw byte sorts by itself.
    keys = ["\uff5e", "\U0001f600", os.fsdecode(b"\xff"), "Z", "a"]
    order = ["Z", "a", "\uff5e", "\U0001f600", os.fsdecode(b"\xff")]
    empty = hashlib.sha256(b"").hexdigest()
    lines = b"".join(os.fsencode(key) + f":{empty}\n".encode() for key in order)
    assert digest_of(dict.fromkeys(keys, b"")) == hashlib.sha256(lines).hexdigest()


def test_a_snapshot_is_frozen_and_keeps_its_content_out_of_logs() -> None:
    files = {"a": b"secret"}
    snapshot = Snapshot.of(files)
    files["a"] = b"other"
    assert snapshot.files == {"a": b"secret"}
    assert snapshot.digest == digest_of({"a": b"secret"})
    assert snapshot.short == short(snapshot.digest) == snapshot.digest[:12]
    assert "secret" not in repr(snapshot)
    with pytest.raises(TypeError):
        snapshot.files["a"] = b""  # type: ignore[index] # the mapping is read-only at run time too
