"""The confirm room's door: one look at a daemon's evidence, and the reload by HTTP.

The core calls it before the trigger (the baseline) and after it, until the verdict. It never
decides anything; what cannot be read is said in one sentence and means "wait".
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable

from sidecar.confirm.fetch import Answer, Fetcher, Limits, refuse_unsuccessful
from sidecar.confirm.readings import parse_json, read_field, read_series
from sidecar.confirm.trouble import (
    GarbledError,
    UnreadableError,
    mask,
    parse_http_url,
    quote_line,
)
from sidecar.core.bridge import HttpReload, Proof
from sidecar.core.errors import SurehupError
from sidecar.core.evidence import (
    Children,
    Evidence,
    JsonField,
    Page,
    Process,
    Reading,
    ReloadAnswer,
    Role,
    Series,
)
from sidecar.core.ports import Clock, Observation
from sidecar.core.verdict import ANSWERED_OK

ChildrenOf = Callable[[Process, str], frozenset[int]]
"""PIDs of a process's children, less those whose title contains the text. Raises `TargetError`."""

LOOK_TIMEOUT_S = 2.0
MAX_PAGE_BYTES = 8 << 20


class EvidenceReader:
    """Reads evidence; implements `core.ports.Observer`.

    Every page is fetched once per look, over its own connection, within `timeout_s` and
    `max_page_bytes` (unpacked).
    """

    def __init__(
        self,
        children: ChildrenOf,
        clock: Clock,
        *,
        timeout_s: float = LOOK_TIMEOUT_S,
        max_page_bytes: int = MAX_PAGE_BYTES,
    ) -> None:
        self._children = children
        self._fetcher = Fetcher(clock)
        self._limits = Limits(timeout_s=timeout_s, max_bytes=max_page_bytes)

    def observe(self, proof: Proof, process: Process) -> Observation:
        """Read all evidence of `proof` once. Never raises.

        A group whose page does not exist (404, or no URL) is left out if another group can be
        read: groups are alternatives. Any other trouble makes the whole look an error, since half
        a look could pass for a change.
        """
        look = _Look(self._fetcher, self._limits, proof)
        readings: dict[str, Reading] = {}
        troubles: list[UnreadableError] = []
        for group in proof.groups:
            try:
                readings.update(self._read_group(look, group, process))
            except UnreadableError as trouble:
                troubles.append(trouble)
        grave = [trouble for trouble in troubles if not trouble.not_offered]
        if grave or (troubles and len(troubles) == len(proof.groups)):
            return Observation({}, str((grave or troubles)[0]))
        return Observation(readings)

    def _read_group(
        self, look: _Look, group: Iterable[Evidence], process: Process
    ) -> dict[str, Reading]:
        found = {}
        for evidence in group:
            reading = self._read(look, evidence, process)
            if reading is not None:
                found[evidence.name] = reading
        return found

    def _read(self, look: _Look, evidence: Evidence, process: Process) -> Reading | None:
        match evidence.source:
            case Series() as series:
                return look.read_series(series, evidence.role)
            case JsonField() as field:
                return look.read_field(field, evidence.role)
            case Page(path=path):
                return hashlib.sha256(look.get_page(path)).hexdigest()
            case Children(leaving=leaving):
                return self._find_children(process, leaving)
            case ReloadAnswer():
                return None  # known from `reload` alone; the core holds it beside the look

    def _find_children(self, process: Process, leaving: str) -> Reading | None:
        """Its children; none counts as absent: a master without workers is not up yet.

        nginx was seen to die of a signal that came before its first worker.
        """
        try:
            return self._children(process, leaving) or None
        except SurehupError as error:
            raise UnreadableError(error.message) from error

    def reload(self, reload: HttpReload, proof: Proof) -> str | None:
        """Ask the daemon to reload: `ok`, or why it did not, in one sentence. Never raises.

        None where no answer came: it may have reloaded all the same. Waits as long as the proof may
        take: daemons answer when the reload is done.
        """
        limits = Limits(
            timeout_s=max(self._limits.timeout_s, proof.deadline_s),
            max_bytes=self._limits.max_bytes,
        )
        shown = mask(reload.url)
        try:
            answer = self._fetcher.fetch(reload.url, proof.access, limits, reload.method)
        except UnreadableError:
            return None
        if 200 <= answer.status < 300:  # noqa: PLR2004  the successes of HTTP
            return ANSWERED_OK
        if answer.status in {404, 405}:
            return (
                f"{shown} offers no reload by {reload.method} ({answer.status}): "
                "check its path and the flag that allows it"
            )
        if 300 <= answer.status < 400 or answer.status == 401:  # noqa: PLR2004  redirects
            try:
                refuse_unsuccessful(reload.url, answer)
            except UnreadableError as trouble:
                return str(trouble)
        said = quote_line(answer.body) or answer.phrase
        return f"{shown} refused the reload ({answer.status}): {said}"


class _Look:
    """The pages of one look, each fetched once however many evidence reads it."""

    def __init__(self, fetcher: Fetcher, limits: Limits, proof: Proof) -> None:
        self._fetcher = fetcher
        self._limits = limits
        self._proof = proof
        self._answers: dict[str, Answer | UnreadableError] = {}
        self._data: dict[str, object] = {}

    def get_page(self, path: str) -> bytes:
        """The page at `path` of the proof's origin, or at `path` itself if it is a URL."""
        address = self._locate(path)
        answer = self._get(address)
        if not answer.delimited and not answer.body.endswith(b"\n"):
            msg = f"{mask(address)} ended its answer in the middle of a line: is it restarting?"
            raise UnreadableError(msg)
        return answer.body

    def read_series(self, series: Series, role: Role) -> Reading | None:
        """What the page at the proof's own URL shows of `series`."""
        page = self.get_page("")
        shown = mask(self._proof.url)
        if page[:256].lstrip()[:1] == b"<":
            msg = f"{shown} answers HTML, not metrics: check the path"
            raise UnreadableError(msg)
        try:
            return read_series(page, series, role)
        except GarbledError as error:
            msg = f"{shown}: {error}"
            raise UnreadableError(msg) from error

    def read_field(self, field: JsonField, role: Role) -> Reading | None:
        """What the page of `field` shows of it; parsed once."""
        address = self._locate(field.path)
        page = self._get(address).body
        try:
            if address not in self._data:
                self._data[address] = parse_json(page)
            return read_field(self._data[address], field, role)
        except GarbledError as error:
            msg = f"{mask(address)}: {error}"
            raise UnreadableError(msg) from error

    def _locate(self, path: str) -> str:
        if "://" in path:
            return path
        base = self._proof.url
        if not base:
            msg = "no address of the daemon's metrics is known: give --metrics-url"
            raise UnreadableError(msg, not_offered=True)
        if not path:
            return base
        url = parse_http_url(base)
        userinfo = f"{url.auth}@" if url.auth else ""
        return f"{url.scheme}://{userinfo}{url.netloc}/{path.lstrip('/')}"

    def _get(self, address: str) -> Answer:
        if address not in self._answers:
            self._answers[address] = self._fetch(address)
        answer = self._answers[address]
        if isinstance(answer, UnreadableError):
            raise answer
        return answer

    def _fetch(self, address: str) -> Answer | UnreadableError:
        try:
            answer = self._fetcher.fetch(address, self._proof.access, self._limits)
            refuse_unsuccessful(address, answer)
        except UnreadableError as trouble:
            return trouble
        return answer
