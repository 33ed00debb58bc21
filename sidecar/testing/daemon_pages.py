"""What the small daemon of the demo and the tests shows over HTTP."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from socket import AF_INET6

from sidecar.core.evidence import DigestAlgorithm
from sidecar.core.prediction import predict

STYLES = ("prometheus", "counters", "alert-history", "alert-history-sighup", "silent")
"""What `render_metrics` can show."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """What the pages show at one instant."""

    content: bytes = b""
    ok: bool = True
    loaded_s: float = 0.0
    reloads: int = 0
    failures: int = 0


def render_metrics(shown: Shown, style: str, signals: int) -> bytes:
    """The page of one style: `prometheus` (gauge, time, hash), `counters`, or `silent`.

    `alert-history` and `alert-history-sighup` are the two spellings of that service.
    """
    digest = predict(DigestAlgorithm.MD5_LE48, shown.content)
    service, older = "alert_history_config_reload", "alert_history_sighup_reloader"
    pages: Mapping[str, Mapping[str, str]] = {
        "prometheus": {
            "demo_config_last_reload_successful": str(int(shown.ok)),
            "demo_config_last_reload_success_timestamp_seconds": f"{shown.loaded_s:.16e}",
            "demo_config_hash": f"{float(digest):.14e}",
        },
        "counters": {
            "demo_config_reloads_total": str(shown.reloads),
            "demo_config_reload_failures_total": str(shown.failures),
        },
        "alert-history": {
            f"{service}_last_success_timestamp_seconds": f"{shown.loaded_s:.16e}",
            **_count_by_status(f"{service}_total", shown),
        },
        "alert-history-sighup": {
            f"{older}_last_reload_timestamp_seconds": f"{shown.loaded_s:.16e}",
            **_count_by_status(f"{older}_reload_attempts_total", shown),
        },
        "silent": {},
    }
    values = {**pages[style], "demo_signals_received_total": str(signals)}
    names = dict.fromkeys(series.partition("{")[0] for series in values)
    lines = [f"# HELP {name} See its name." for name in names]
    lines += [f"{series} {value}" for series, value in values.items()]
    return "".join(f"{line}\n" for line in lines).encode()


def _count_by_status(metric: str, shown: Shown) -> Mapping[str, str]:
    counts = {"success": shown.reloads, "failure": shown.failures}
    return {f'{metric}{{status="{status}"}}': str(count) for status, count in counts.items()}


def render_status(shown: Shown) -> bytes:
    """The JSON page: when the content was loaded, and its digest."""
    loaded = datetime.fromtimestamp(shown.loaded_s, UTC)
    page = {
        "config_load_time": loaded.isoformat(timespec="microseconds"),
        "config_digest": hashlib.sha256(shown.content).hexdigest(),
    }
    return json.dumps(page).encode()


Respond = Callable[[str, str], tuple[int, bytes]]
"""Status and body for a method and a path."""


def make_handler(respond: Respond) -> type[BaseHTTPRequestHandler]:
    """An HTTP handler that answers what `respond` says."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._answer("GET")

        def do_POST(self) -> None:
            self._answer("POST")

        def _answer(self, method: str) -> None:
            status, body = respond(method, self.path.partition("?")[0])
            self.send_response(status)
            self.send_header("Content-Type", "text/plain; charset=utf-8")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002  the base's name
            """Nothing: a line per look would drown what matters."""

    return Handler


class _Server6(ThreadingHTTPServer):
    address_family = AF_INET6


def listen(address: str, handler: type[BaseHTTPRequestHandler]) -> ThreadingHTTPServer:
    """Listen on ``HOST:PORT`` or ``[HOST]:PORT``; port 0 takes a free one."""
    host, _, port = address.rpartition(":")
    server = _Server6 if host.startswith("[") else ThreadingHTTPServer
    return server((host.strip("[]"), int(port)), handler)
