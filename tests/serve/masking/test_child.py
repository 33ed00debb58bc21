from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from sidecar.core.snapshot import Snapshot
from sidecar.serve.content import Content
from sidecar.serve.masking import child
from sidecar.serve.masking.child import Difference, MaskingError, clean, compare, show

pytestmark = pytest.mark.usefixtures("untraced_children")


def content(files: dict[str, bytes]) -> Content:
    return Content(files=files, digest=Snapshot.of(files).digest, source="folder /x")


ODD = content({"a.yaml": b"a: \xc3\xbc\npassword: x\n", "b\udcff.bin": b"\xff\xfe", "c": b""})


def test_content_comes_back_masked() -> None:
    shown = show([({"bridge": "b"}, ODD), ({"bridge": "c"}, None)], kind="yaml", section=None)
    assert shown.sections == ("a", "password")
    assert shown.text == (
        "bridges:\n- bridge: b\n  files:\n    a.yaml:\n      a: ü\n      password: <secret>\n"
        "    b\\udcff.bin: <2 bytes that are no text>\n    c: ''\n- bridge: c\n  files: {}\n"
    )


def test_a_missing_section_has_no_text() -> None:
    shown = show([({"bridge": "b"}, ODD)], kind="json", section="x")
    assert shown.text is None
    assert shown.sections == ("a", "password")


def test_differences_come_back_masked() -> None:
    old = content({"a.yaml": b"a: 1\npassword: hunter22\n"})
    found = compare(old, ODD)
    assert isinstance(found, Difference)
    assert "-a: 1\n+a: ü" in found.diff
    assert [change["change"] for change in found.changes] == ["changed", "added", "added"]


def test_sentences_come_back_without_secrets() -> None:
    source = content({"a.yaml": b"password: hunter22\n"})
    told = clean(["hunter22 is no number", "", "line 2"], source)
    assert told == ("<secret> is no number", "", "line 2")


def test_a_megabyte_is_masked_in_time() -> None:
    lines = "".join(
        f"job_{n}: {{password: hunter22, url: 'http://h:1/{n}'}}\n" for n in range(18_000)
    )
    large = content({"a.yaml": lines.encode()[: 1 << 20].rpartition(b"\n")[0]})
    shown = show([({"bridge": "b"}, large)], kind="json", section="job_7")
    assert shown.text is not None
    assert "hunter22" not in shown.text
    assert '"url": "http://h:1/7"' in shown.text


@pytest.mark.parametrize(
    ("program", "reason"),
    [
        ("import sys; sys.exit(7)", "ended with code 7"),
        ("import os; os.kill(os.getpid(), 9)", "ended with code -9"),
        ("print('no json')", r"could not be asked \(JSONDecodeError\)"),
        ("print('{}')", "gave no document"),
        ("while True: pass", "took more than 0.2 s"),
    ],
)
def test_a_child_that_fails_shows_nothing(
    program: str, reason: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    fake = tmp_path / "python"
    fake.write_text(f"#!{sys.executable}\n{program}\n")
    fake.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(fake))
    monkeypatch.setattr(child, "TIMEOUT_S", 0.2 if "while" in program else 10.0)
    with pytest.raises(MaskingError, match=reason):
        show([({"bridge": "b"}, ODD)], kind="json", section=None)


@pytest.mark.parametrize(
    ("ask", "answer", "reason"),
    [
        (lambda: compare(None, ODD), "[]", "gave no difference"),
        (lambda: clean(["a"], ODD), "[]", "gave no sentences"),
        (lambda: clean(["a"], ODD), '{"sentences": []}', "gave no sentences"),
    ],
)
def test_a_child_that_answers_something_else_is_told(
    ask: Callable[[], object],
    answer: str,
    reason: str,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    fake = tmp_path / "python"
    fake.write_text(f"#!{sys.executable}\nprint({answer!r})\n")
    fake.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(fake))
    with pytest.raises(MaskingError, match=reason):
        ask()


def test_without_an_interpreter_nothing_is_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", "/nowhere/python")
    with pytest.raises(MaskingError, match="FileNotFoundError"):
        compare(None, ODD)


def test_what_masks_is_not_loaded_where_it_would_stay() -> None:
    program = (
        "import sys, sidecar.app; print([name for name in sys.modules if 'masking.' in name"
        " and not name.endswith('.child')])"
    )
    told = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True)
    assert told.stdout == b"[]\n"
