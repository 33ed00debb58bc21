"""Turns the shape of presets and settings into the types of the core.

The shape must be complete and free of contradictions; `settings.contradictions` sees to that.
"""

from __future__ import annotations

from urllib.parse import urlsplit

from sidecar.core.bridge import (
    Access,
    Check,
    Command,
    HttpReload,
    Noop,
    OnInvalid,
    Proof,
    RefuseEmpty,
    Reload,
    Schema,
    Selector,
    SignalReload,
    Syntax,
)
from sidecar.core.evidence import (
    Absent,
    Children,
    Evidence,
    JsonField,
    Page,
    ReloadAnswer,
    Role,
    Series,
    Source,
)
from sidecar.presets.evidence import EvidenceShape
from sidecar.presets.model import (
    CheckShape,
    ConfirmShape,
    DaemonShape,
    TargetShape,
)

SIGHUP = 1
HTTP = "http"
FILE = "{file}"
METRICS_PATH = "/metrics"
SYNTAX_FILES = {"yaml": ("*.yaml", "*.yml"), "json": ("*.json",), "toml": ("*.toml",)}
ANSWER = Evidence(name="the reload's answer", role=Role.ANSWER, source=ReloadAnswer())


def to_selector(target: TargetShape) -> Selector:
    """Which process is meant."""
    return Selector(container=target.container or "", process=target.process or "", pid=target.pid)


def to_reload(daemon: DaemonShape) -> Reload:
    """How the daemon is told to reload; by SIGHUP where nothing else is said."""
    target = daemon.target
    if target.trigger == HTTP:
        url = locate(target.reload_url or "", daemon.confirm.url or "")
        return HttpReload(url=url, method=target.reload_method or "POST")
    number = SIGHUP if target.signal is None else target.signal
    return SignalReload(number=number, sigwait=bool(target.sigwait))


def locate(path: str, metrics_url: str) -> str:
    """The address of `path` beside the metrics: a route prefix (Prometheus, VM) holds for both."""
    if "://" in path:
        return path
    parts = urlsplit(metrics_url)
    return f"{parts.scheme}://{parts.netloc}{_prefixed(path, metrics_url)}"


def _prefixed(path: str, metrics_url: str) -> str:
    if "://" in path or not path:
        return path
    there = urlsplit(metrics_url).path
    prefix = there.removesuffix(METRICS_PATH) if there.endswith(METRICS_PATH) else ""
    return f"{prefix}/{path.lstrip('/')}"


def to_checks(daemon: DaemonShape) -> tuple[Check, ...]:
    """The validators: emptiness first, it is the cheapest and the most surprising.

    Without a word on emptiness it is the main file that must not be empty, or every file where the
    main one is not known.
    """
    globs = daemon.refuse_empty
    if globs is None:
        globs = [daemon.file] if daemon.file else ["*"]
    checks = tuple(_to_check(check, daemon.file or "") for check in daemon.checks or ())
    return (RefuseEmpty(files=tuple(globs)), *checks)


def _to_check(check: CheckShape, file: str) -> Check:
    if check.syntax is not None:
        files = tuple(check.files) if check.files else SYNTAX_FILES[check.syntax]
        return Syntax(language=check.syntax, files=tuple(_name_file(glob, file) for glob in files))
    if check.json_schema is not None:
        files = tuple(
            _name_file(glob, file) for glob in check.files or ["*.yaml", "*.yml", "*.json"]
        )
        return Schema(schema=check.json_schema, files=files)
    plain = Command(argv=tuple(fill_placeholder(word, file) for word in check.command or ()))
    return Command(
        argv=plain.argv,
        timeout_s=plain.timeout_s if check.timeout is None else check.timeout,
        ok_codes=plain.ok_codes if check.ok_codes is None else tuple(check.ok_codes),
        must_match=check.must_match or "",
        memory_bytes=plain.memory_bytes if check.memory is None else check.memory,
        optional=bool(check.optional),
        output=check.output or plain.output,
        pattern=check.pattern or "",
        origin=check.origin or plain.origin,
    )


def fill_placeholder(word: str, file: str) -> str:
    """``{file}`` in a command becomes ``{file:KEY}``, which the validators know."""
    return word.replace(FILE, f"{{file:{file}}}") if file else word


def _name_file(glob: str, file: str) -> str:
    return file if glob == FILE and file else glob


def choose_groups(daemon: DaemonShape) -> tuple[tuple[Evidence, ...], ...]:
    """The groups of evidence that can be read with this trigger and address.

    Alternatives that need an address where there is none, or an answer where nobody asks, fall
    away. A reload by HTTP whose answer speaks is part of every group.
    """
    by_http = daemon.target.trigger == HTTP
    groups = [
        tuple(to_evidence(shape, daemon) for shape in group)
        for group in daemon.confirm.evidence or ()
        if (daemon.confirm.url or not any(needs_url(shape) for shape in group))
        and (by_http or not any(shape.answer for shape in group))
    ]
    if by_http and daemon.target.reload_answers is not False:
        groups = [_with_answer(group) for group in groups] or [(ANSWER,)]
    return tuple(groups)


def _with_answer(group: tuple[Evidence, ...]) -> tuple[Evidence, ...]:
    has = any(evidence.role is Role.ANSWER for evidence in group)
    return group if has else (*group, ANSWER)


def needs_url(shape: EvidenceShape) -> bool:
    """Whether it is read from a page that is named relative to `confirm.url`."""
    if shape.metric is not None:
        return True
    page = shape.page if shape.page is not None else shape.path or ""
    return shape.children is None and shape.answer is None and "://" not in page


def to_evidence(shape: EvidenceShape, daemon: DaemonShape) -> Evidence:
    """One observable of the core."""
    return Evidence(
        name=shape.name or name_evidence(shape),
        role=shape.role,
        source=_to_source(shape, daemon.confirm.url or ""),
        absent=shape.absent or Absent.WAIT,
        resolution_s=shape.resolution or 0.0,
        algorithm=shape.algorithm,
        file=_name_file(shape.file or "", daemon.file or ""),
        equals=shape.equals or "",
    )


def name_evidence(shape: EvidenceShape) -> str:
    """What messages call evidence that has no name of its own."""
    if shape.metric is not None:
        labels = ",".join(f'{key}="{value}"' for key, value in (shape.labels or {}).items())
        return f"{shape.metric}{{{labels}}}" if labels else shape.metric
    if shape.json_field is not None:
        return shape.json_field
    if shape.page is not None:
        return f"the page {shape.page}"
    return "the child processes" if shape.children is not None else ANSWER.name


def _to_source(shape: EvidenceShape, url: str) -> Source:
    if shape.metric is not None:
        return Series(metric=shape.metric, labels=tuple((shape.labels or {}).items()))
    if shape.json_field is not None:
        return JsonField(field=shape.json_field, path=_prefixed(shape.path or "", url))
    if shape.page is not None:
        return Page(path=_prefixed(shape.page, url))
    if shape.children is not None:
        return Children(leaving=shape.children.leaving, replaced=shape.children.replaced)
    return ReloadAnswer()


def to_proof(daemon: DaemonShape) -> Proof:
    """How a reload is proven."""
    confirm = daemon.confirm
    plain = Proof(groups=choose_groups(daemon))
    return Proof(
        groups=plain.groups,
        url=confirm.url or "",
        access=_to_access(confirm),
        deadline_s=plain.deadline_s if confirm.deadline is None else confirm.deadline,
        cache_s=confirm.cache or 0.0,
        agree=confirm.agree or 1,
        noop=confirm.noop or Noop.MOVES,
        on_invalid=confirm.on_invalid or OnInvalid.KEEPS,
    )


def _to_access(confirm: ConfirmShape) -> Access:
    tls, login = confirm.tls, confirm.basic_auth
    return Access(
        bearer_token_file=confirm.bearer_token_file or "",
        username=login.username if login else "",
        password_file=(login.password_file if login else None) or "",
        ca_file=(tls.ca_file if tls else None) or "",
        cert_file=(tls.cert_file if tls else None) or "",
        key_file=(tls.key_file if tls else None) or "",
        server_name=(tls.server_name if tls else None) or "",
        insecure_skip_verify=bool(tls and tls.insecure_skip_verify),
        unix_socket=confirm.unix_socket or "",
    )
