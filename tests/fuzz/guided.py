"""Feeds one parser what reaches new code, by atheris.

    python -m tests.fuzz.guided NAME FOLDER [ARGUMENT OF LIBFUZZER...]

Exceptions are kept and the run goes on; what ends
the process (a crash of C code, a hang, too much memory) is left where ``-artifact_prefix`` says.
"""

from __future__ import annotations

import importlib
import sys
from pathlib import Path
from typing import Any

from tests.fuzz.findings import Findings

INSTRUMENTED = ["sidecar", "yaml", "tomllib", "jsonschema", "referencing"]


def main() -> None:
    """Never returns: libFuzzer ends the process."""
    atheris: Any = importlib.import_module("atheris")
    with atheris.instrument_imports(include=INSTRUMENTED, enable_loader_override=False):
        parsers: Any = importlib.import_module("tests.fuzz.parsers")
    parsers.SCRATCH = Path(sys.argv[2], "scratch")  # libFuzzer ends without cleaning up
    examine = importlib.import_module("tests.fuzz.examination").examine
    read = parsers.PARSERS[sys.argv[1]]
    folder = Path(sys.argv[2])
    findings, current = Findings(folder / "findings"), folder / "current"

    def feed(content: bytes) -> None:
        current.write_bytes(content)
        try:
            examine(read, content)
        except Exception as error:  # noqa: BLE001 - whatever it is, it was not to be raised
            findings.take(error, content)

    atheris.Setup([sys.argv[0], *sys.argv[3:]], feed)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
