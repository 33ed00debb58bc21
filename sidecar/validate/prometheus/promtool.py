"""Has promtool look only at what is there.

promtool fails on files that the configuration names and that other volumes bring: on a laptop and
in CI they are not there. `--syntax-only` leaves them out; the rule files at hand are then checked
one by one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import PurePath

from sidecar.core.bridge import Command
from sidecar.validate.job import Files
from sidecar.validate.prometheus.files import list_patterns, list_single_files
from sidecar.validate.prometheus.lint import make_folder, read_root
from sidecar.validate.prometheus.paths import Folder, is_pattern

PROGRAM = "promtool"
CHECK_CONFIG = (PROGRAM, "check", "config")


def adapt(
    command: Command,
    files: Files,
    main_key: str,
    mount: str,
    *,
    exists: Callable[[str], bool],
) -> Iterator[Command]:
    """`command`, or what stands in for it where files that are named are nowhere to be found.

    Anything but ``promtool check config`` is left as it is.
    """
    root = read_root(files.get(main_key, b""))
    words = (PurePath(command.argv[0]).name, *command.argv[1:3])
    if words != CHECK_CONFIG or root is None:
        yield command
        return
    folder = make_folder(files, root, main_key, mount)
    rules = [text.text for code, text in list_patterns(root) if code == "PW101"]
    named = [path for path in rules if not is_pattern(path)]
    named += [text.text for _, _, text in list_single_files(root)]
    if all(_is_there(path, folder, exists) for path in named):
        yield command
        return
    yield replace(command, argv=(*command.argv[:3], "--syntax-only", *command.argv[3:]))
    for key in sorted({key for path in rules for key in folder.find(path) or ()} - {main_key}):
        argv = (command.argv[0], "check", "rules", f"{{file:{key}}}")
        yield replace(command, argv=argv)


def _is_there(path: str, folder: Folder, exists: Callable[[str], bool]) -> bool:
    found = folder.find(path)
    return exists(path) if found is None else bool(found)
