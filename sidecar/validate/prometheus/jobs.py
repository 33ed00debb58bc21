"""Scrape jobs: doubled, empty, or too slow."""

from __future__ import annotations

from collections.abc import Iterator

from sidecar.validate.nodes import Mapping, Node, Scalar
from sidecar.validate.prometheus.table import Fault, fault
from sidecar.validate.prometheus.tree import (
    list_jobs,
    list_mappings,
    list_texts,
    parse_duration_s,
)
from sidecar.validate.text import clean, shorten

LONG_INTERVAL_S = 120
_SAME = ("scheme", "metrics_path")


def check_jobs(root: Mapping) -> Iterator[Fault]:
    """All that can be said of jobs without the files that they name."""
    yield from _check_names(root)
    yield from _check_targets(root)
    for job in list_jobs(root):
        if not _finds_targets(job):
            at = job.find("job_name") or job
            yield fault("PW303", at, f"the job {_show(at)} has nothing to scrape")
    yield from _check_intervals(root)


def _check_names(root: Mapping) -> Iterator[Fault]:
    first: dict[str, Scalar] = {}
    for job in list_jobs(root):
        name = job.find("job_name")
        if not isinstance(name, Scalar):
            continue
        if name.text in first:
            line = first[name.text].line
            yield fault("PW301", name, f"the job {_show(name)} stands twice, first on line {line}")
        first.setdefault(name.text, name)


def _check_targets(root: Mapping) -> Iterator[Fault]:
    """Jobs that rewrite their targets (blackbox) or pass parameters are left alone."""
    first: dict[tuple[str, ...], Scalar] = {}
    for job in list_jobs(root):
        if job.find("relabel_configs") or job.find("params"):
            continue
        name = job.find("job_name") or job
        for group in list_mappings(job.find("static_configs")):
            for target in list_texts(group.find("targets")):
                mark = (target.text, *(job.text(field) for field in _SAME))
                if mark in first and first[mark] is not name:
                    message = f"the target {_show(target)} is also in the job {_show(first[mark])}"
                    yield fault("PW302", target, message)
                if isinstance(name, Scalar):
                    first.setdefault(mark, name)


def _finds_targets(job: Mapping) -> bool:
    """Whether it discovers anything, or has a static target."""
    discoveries = [field for field in job.values if field.endswith("_sd_configs")]
    groups = list_mappings(job.find("static_configs"))
    merges = "<<" in job.values  # what comes in that way is not looked at
    return bool(discoveries) or merges or any(any(list_texts(g.find("targets"))) for g in groups)


def _check_intervals(root: Mapping) -> Iterator[Fault]:
    glob = root.find("global")
    places = [glob] if isinstance(glob, Mapping) else []
    for place in [*places, *list_jobs(root)]:
        interval = place.find("scrape_interval")
        if not isinstance(interval, Scalar):
            continue
        seconds = parse_duration_s(interval.text)
        if seconds is not None and seconds > LONG_INTERVAL_S:
            yield fault("PW503", interval, f"scrape_interval is {interval.text}, more than 2m")


def _show(node: Node) -> str:
    text = node.text if isinstance(node, Scalar) else "without a name"
    return repr(shorten(clean(text), 80))
