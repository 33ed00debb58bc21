"""The candidate as files: private, complete, gone afterwards, and never outside."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from sidecar.core.bridge import Companion
from sidecar.validate.scratch import UnsafeKeyError, laid_out, turn_references


def test_files_are_private_and_gone_afterwards(scratch: Path) -> None:
    files = {"a.yml": b"x", "rules/b.yml": b"\x00\xff", "odd \udcff name": b""}
    with laid_out(files, parent=str(scratch), mount="") as folder:
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
        assert stat.S_IMODE((folder / "rules").stat().st_mode) == 0o700
        assert stat.S_IMODE((folder / "a.yml").stat().st_mode) == 0o600
        assert {key: (folder / key).read_bytes() for key in files} == files
    assert not folder.exists()


def test_the_folder_goes_also_when_its_user_fails(scratch: Path) -> None:
    def fail_within(folder: Path) -> None:
        (folder / "new").mkdir()
        (folder / "new" / "file").touch()
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError), laid_out({}, parent=str(scratch), mount="") as folder:
        fail_within(folder)


@pytest.mark.parametrize(
    "key", ["../x", "a/../../x", "/etc/x", "a//b", ".", "..", "", "a\0b", "a/"]
)
def test_keys_cannot_escape(scratch: Path, key: str) -> None:
    with (
        pytest.raises(UnsafeKeyError),
        laid_out({"fine": b"", key: b""}, parent=str(scratch), mount=""),
    ):
        pytest.fail("it was laid out")


def test_keys_that_clash_are_an_error_of_the_system(scratch: Path) -> None:
    with (
        pytest.raises(OSError, match="exists"),
        laid_out({"a": b"", "a/b": b""}, parent=str(scratch), mount=""),
    ):
        pytest.fail("it was laid out")


@pytest.mark.parametrize(
    ("content", "turned"),
    [
        (b"- /etc/app/rules.yml\n", b"- /s/rules.yml\n"),
        (b"[\"/etc/app/*.yml\", '/etc/app//rules.yml']", b"[\"/s/*.yml\", '/s/rules.yml']"),
        (b"- /etc/app/secret/token\n", b"- /etc/app/secret/token\n"),
        (b"- /other/etc/app/rules.yml\n", b"- /other/etc/app/rules.yml\n"),
        (b"- /etc/application/rules.yml\n", b"- /etc/application/rules.yml\n"),
        (b"include /etc/app/rules.yml;\n", b"include /s/rules.yml;\n"),
    ],
)
def test_references_to_the_mount_are_turned_where_the_candidate_has_them(
    content: bytes, turned: bytes
) -> None:
    files = {"rules.yml": b"", "main.yml": content}
    for mount in ("/etc/app", "/etc/app/"):
        assert turn_references(content, files, mount=mount, folder=Path("/s")) == turned
    assert turn_references(content, files, mount="", folder=Path("/s")) == content


def test_references_to_companions_are_turned_as_well(scratch: Path) -> None:
    files = {
        "nginx.conf": b"ssl_certificate /etc/tls/tls.crt; include /etc/tls/other;",
        "etc-tls/tls.crt": b"c",
    }
    companions = [Companion("/etc/tls", "etc-tls/")]
    with laid_out(files, parent=str(scratch), mount="/etc/nginx", companions=companions) as folder:
        turned = (folder / "nginx.conf").read_text()
        assert turned == f"ssl_certificate {folder}/etc-tls/tls.crt; include /etc/tls/other;"
        assert (folder / "etc-tls" / "tls.crt").read_bytes() == b"c"
