"""Finds imports that lead nowhere, in compiled modules; to be run by the image's own interpreter.

    PYTHON -I -c "$(cat imports.py)" [MODULE...]     as if the named modules were not there

Prints, as JSON, every module that is named by an import and cannot be found, with those that name
it. Nothing is imported: the byte code is read, also of functions that never run.
"""

from __future__ import annotations

import dis
import importlib.machinery
import json
import marshal
import sys
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from types import CodeType

SUFFIXES = importlib.machinery.all_suffixes()
HEADER_BYTES = 16


def name_module(path: Path, folder: Path) -> str:
    """The module that the file is, or nothing."""
    suffix = next((end for end in sorted(SUFFIXES, key=len)[::-1] if path.name.endswith(end)), "")
    if not suffix:
        return ""
    name = ".".join(path.relative_to(folder).parts).removesuffix(suffix)
    return name.removesuffix(".__init__")


def list_modules() -> dict[str, Path]:
    """Every module on the path. A folder of the path within another is no package of that."""
    found = {}
    for entry in map(Path, sys.path):
        for path in entry.rglob("*"):
            name = name_module(path, entry)
            if name:
                found[name] = path
    return found


def list_packages(modules: dict[str, Path]) -> set[str]:
    """All names that are modules or folders of such."""
    parts = [name.split(".") for name in modules]
    return {".".join(part[:length]) for part in parts for length in range(1, len(part) + 1)}


def list_imports(code: CodeType, package: str) -> Iterator[str]:
    """What a module's code imports, by full name."""
    values: list[object] = []
    for step in dis.get_instructions(code):
        if step.opname == "IMPORT_NAME":
            level = values[-2]  # below the names that are taken from it
            yield resolve(step.argval, package, int(str(level)))
        elif step.opname in {"LOAD_CONST", "LOAD_SMALL_INT"}:
            values.append(step.argval)
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from list_imports(constant, package)


def resolve(name: str, package: str, level: int) -> str:
    """The full name of what `package` imports as `name`, from so many levels up."""
    if not level:
        return name
    parts = package.split(".")
    base = parts[: len(parts) - (level - 1)]
    return ".".join([*base, name] if name else base)


def main() -> None:
    """Print what is missing."""
    gone = set(sys.argv[1:])
    modules = {name: path for name, path in list_modules().items() if name not in gone}
    known = list_packages(modules) | set(sys.builtin_module_names) | set(sys.modules) - gone
    missing = defaultdict(set)
    for name, path in modules.items():
        if path.suffix != ".pyc":
            continue
        package = name if path.name == "__init__.pyc" else name.rpartition(".")[0]
        code = marshal.loads(path.read_bytes()[HEADER_BYTES:])  # noqa: S302  our own image
        for target in list_imports(code, package):
            if target not in known:
                missing[target].add(name)
    found = {target: sorted(names) for target, names in sorted(missing.items())}
    sys.stdout.write(json.dumps(found))


main()
