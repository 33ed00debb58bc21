"""What programs use, from procfs, and what the API server counts, from its /metrics."""

from __future__ import annotations

import http.client
import os
import re
import ssl
from collections.abc import Iterable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from tests.apiserver.program import Program
from tests.apiserver.server import ApiServer

TIMEOUT_S = 30.0
_WATCHES = r'apiserver_longrunning_requests\{.*resource="configmaps".*verb="WATCH".*\}'
_REJECTED = r"apiserver_flowcontrol_rejected_requests_total\{.*\}"
_GOROUTINES = "go_goroutines"
_STORED = r"apiserver_storage_size_bytes\{.*\}"


@dataclass(frozen=True, slots=True)
class Cpu:
    """CPU seconds since their starts."""

    api_s: float
    etcd_s: float
    clients_s: float

    def since(self, earlier: Cpu) -> Cpu:
        """What came to it."""
        return Cpu(
            self.api_s - earlier.api_s,
            self.etcd_s - earlier.etcd_s,
            self.clients_s - earlier.clients_s,
        )


def read_cpu(server: ApiServer, clients: Iterable[int]) -> Cpu:
    """Of the API server, of etcd, and of the processes `clients` together."""
    return Cpu(
        _read_cpu_s(_find_pid(server.api)),
        _read_cpu_s(_find_pid(server.etcd)),
        sum(_read_cpu_s(pid) for pid in clients),
    )


def read_memory_mb(pid: int) -> float:
    """What is resident."""
    fields = Path(f"/proc/{pid}/statm").read_text().split()
    return int(fields[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6


@dataclass(frozen=True, slots=True, kw_only=True)
class Holding:
    """What the API server and etcd hold; `rejected` by priority and fairness since its start."""

    api_mb: float
    etcd_mb: float
    stored_mb: float
    goroutines: int
    watches: int
    rejected: int


def read_holding(server: ApiServer) -> Holding:
    """As it is now."""
    page = _fetch_metrics(server)
    return Holding(
        api_mb=read_memory_mb(_find_pid(server.api)),
        etcd_mb=read_memory_mb(_find_pid(server.etcd)),
        stored_mb=_sum(_STORED, page) / 1e6,
        goroutines=int(_sum(_GOROUTINES, page)),
        watches=int(_sum(_WATCHES, page)),
        rejected=int(_sum(_REJECTED, page)),
    )


def _find_pid(program: Program) -> int:
    return program.popen.pid if program.popen is not None else 0


def _read_cpu_s(pid: int) -> float:
    stat = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(stat[11]) + int(stat[12])) / os.sysconf("SC_CLK_TCK")


def _sum(series: str, page: str) -> float:
    return sum(float(value) for value in re.findall(f"^{series} (\\S+)$", page, re.MULTILINE))


def _fetch_metrics(server: ApiServer) -> str:
    context = ssl.create_default_context(cafile=server.pki.path("ca.crt"))
    context.load_cert_chain(server.pki.path("admin.crt"), server.pki.path("admin.key"))
    address = server.url.removeprefix("https://")
    connection = http.client.HTTPSConnection(address, timeout=TIMEOUT_S, context=context)
    with closing(connection):
        connection.request("GET", "/metrics")
        return connection.getresponse().read().decode()
