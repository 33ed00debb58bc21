"""Looks at one page, for tests of the confirm room."""

from __future__ import annotations

from sidecar.clock import SystemClock
from sidecar.confirm import EvidenceReader
from sidecar.core.bridge import Access, Proof
from sidecar.core.evidence import Evidence, JsonField, Page, Process, Role, Series, Source
from sidecar.core.ports import Observation

PROCESS = Process(pid=1, start_ticks=1)
UP = Evidence(name="up", role=Role.OK_GAUGE, source=Series(metric="up"))


def no_children(_process: Process, _leaving: str) -> frozenset[int]:
    return frozenset()


def make_reader(*, timeout_s: float = 2.0, max_page_bytes: int = 1 << 20) -> EvidenceReader:
    return EvidenceReader(
        no_children, SystemClock(), timeout_s=timeout_s, max_page_bytes=max_page_bytes
    )


def look(
    url: str,
    *evidence: Evidence,
    access: Access | None = None,
    timeout_s: float = 2.0,
    max_page_bytes: int = 1 << 20,
) -> Observation:
    proof = Proof(groups=(evidence or (UP,),), url=url, access=access or Access())
    reader = make_reader(timeout_s=timeout_s, max_page_bytes=max_page_bytes)
    return reader.observe(proof, PROCESS)


def field_of(name: str, role: Role, *, path: str = "") -> Evidence:
    return Evidence(name=name, role=role, source=JsonField(field=name, path=path))


def page_at(path: str) -> Evidence:
    return Evidence(name=path, role=Role.ECHO, source=Page(path=path))


def evidence_of(source: Source, role: Role) -> Evidence:
    return Evidence(name="it", role=role, source=source)
