"""Has content masked in a short-lived child, so that the memory of parsing comes back.

A document of 1 MiB takes some 50 MB to parse, which a process keeps. The child starts without
`site`; it ends after `TIMEOUT_S` at the latest, and takes bounded memory.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sidecar.core.errors import SurehupError
from sidecar.serve.content import Content

TIMEOUT_S = 20.0


class MaskingError(SurehupError):
    """Content could not be masked, so that nothing of it is shown."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """A masked document. `text` is None where no file has the section; `sections` are there."""

    text: str | None
    sections: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """What differs. `changes`: for each file its name, the kind of change, and if it shows."""

    changes: Sequence[Mapping[str, object]]
    diff: str


def show(
    told: Sequence[tuple[Mapping[str, object], Content | None]],
    *,
    kind: str,
    section: str | None,
) -> Shown:
    """Write the masked content of bridges, beside what is `told` of each, as JSON or YAML.

    Raises `MaskingError`.
    """
    bridges = [{"told": known, "content": _pack(content)} for known, content in told]
    answer = _call({"job": "document", "bridges": bridges, "format": kind, "section": section})
    match answer:
        case {"text": None | str() as text, "sections": [*sections]}:
            return Shown(text=text, sections=tuple(map(str, sections)))
    reason = "gave no document"
    raise _explain(reason)


def compare(active: Content | None, mounted: Content) -> Difference:
    """Compare masked contents. Raises `MaskingError`."""
    answer = _call({"job": "compare", "active": _pack(active), "mounted": _pack(mounted)})
    match answer:
        case {"changes": [*changes], "diff": str() as diff}:
            return Difference(changes=changes, diff=diff)
    reason = "gave no difference"
    raise _explain(reason)


def clean(sentences: Sequence[str], content: Content) -> Sequence[str]:
    """`sentences` that may quote the content, without its secrets. Raises `MaskingError`."""
    answer = _call({"job": "clean", "sentences": list(sentences), "content": _pack(content)})
    match answer:
        case {"sentences": [*cleaned]} if len(cleaned) == len(sentences):
            return tuple(map(str, cleaned))
    reason = "gave no sentences"
    raise _explain(reason)


def _pack(content: Content | None) -> Mapping[str, object] | None:
    if content is None:
        return None
    files = {key: value.decode("utf-8", "surrogateescape") for key, value in content.files.items()}
    return {"files": files, "secrets": content.secrets, "whole": content.is_secret}


def _call(request: Mapping[str, object]) -> object:
    path = [os.path.abspath(entry) for entry in sys.path]  # noqa: PTH100 - some entries are zips
    program = (
        f"import sys; sys.path[:] = {path!r}; from sidecar.serve.masking.job import serve; serve()"
    )
    try:
        ended = subprocess.run(
            [sys.executable, "-I", "-S", "-c", program],
            input=json.dumps(request).encode(),
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,  # a traceback may quote what must be masked
            timeout=TIMEOUT_S,
            check=True,
        )
        return json.loads(ended.stdout)
    except subprocess.TimeoutExpired as error:
        reason = f"took more than {TIMEOUT_S:g} s"
        raise _explain(reason) from error
    except subprocess.CalledProcessError as error:
        reason = f"ended with code {error.returncode}"
        raise _explain(reason) from error
    except (OSError, ValueError) as error:
        reason = f"could not be asked ({type(error).__name__})"
        raise _explain(reason) from error


def _explain(reason: str) -> MaskingError:
    return MaskingError(
        f"nothing of the configuration is shown, as the child that masks its secrets {reason}:"
        " ask again, and give the sidecar more memory if it stays so"
    )
