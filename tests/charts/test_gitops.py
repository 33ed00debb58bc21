"""The scripts for Argo CD and Flux that the documentation shows, run on what a sidecar writes."""

from __future__ import annotations

import json
import re
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
import yaml

from charts.health import DEGRADED, HEALTH, HEALTHY, PROGRESSING, SUSPENDED
from sidecar.core.attempt import Status
from tests.apiserver.server import ROOT, ApiServer
from tests.charts.pods import IN_FORCE_TIMEOUT_S, POLL_S, ask

PAGE = ROOT / "docs" / "gitops.md"
OLD, NEW = "a" * 64, "b" * 64
Annotations = dict[str, str]
LUA = """
debug.setmetatable("", nil)  -- there are no methods of strings in Argo CD
local obj, script = load("return " .. io.read("l"))(), io.read("a")
local env = { obj = obj, pairs = pairs, ipairs = ipairs, type = type, tostring = tostring }
local health = assert(load(script, "health", "t", env))()
print(health.status)
print(health.message)
"""


@dataclass(frozen=True, slots=True)
class Case:
    """What stands on a ConfigMap, and what it means."""

    annotations: Annotations | None
    argocd: str
    flux: str


def state(status: str, **marks: str) -> Annotations:
    return {f"surehup.dev/{key}": value for key, value in {"status": status, **marks}.items()}


CASES = {
    **{
        status.value: Case(
            state(status.value, observed=NEW, message="why"),
            HEALTH[status],
            {HEALTHY: "current", DEGRADED: "failed", PROGRESSING: "inProgress"}.get(
                HEALTH[status], "none"
            ),
        )
        for status in Status
    },
    "stranger without annotations": Case(None, HEALTHY, "current"),
    "stranger": Case({"team": "x"}, HEALTHY, "current"),
    "nobody has looked": Case({"surehup.dev/desired": NEW}, PROGRESSING, "inProgress"),
    "as the manifest says": Case(state("Applied", observed=NEW, desired=NEW), HEALTHY, "current"),
    "stale verdict": Case(state("Applied", observed=OLD, desired=NEW), PROGRESSING, "inProgress"),
    "stale refusal": Case(state("Rejected", observed=OLD, desired=NEW), PROGRESSING, "inProgress"),
    "refused": Case(state("Rejected", observed=NEW, desired=NEW), DEGRADED, "failed"),
    "word of a later version": Case(state("Dreaming", observed=NEW), PROGRESSING, "none"),
}


def find_block(name: str) -> dict[str, Any]:
    text = PAGE.read_text().partition(f"<!-- {name}: begin -->")[2]
    found = re.search(r"```yaml\n(.+?)```", text, re.DOTALL)
    assert found is not None
    content: dict[str, Any] = yaml.safe_load(found[1])
    return content


def write_lua(value: object) -> str:
    if isinstance(value, dict):
        return "{" + ",".join(f"[{json.dumps(k)}]={write_lua(v)}" for k, v in value.items()) + "}"
    return json.dumps(value)


def ask_argocd(annotations: Annotations | None) -> tuple[str, str]:
    metadata = {"name": "x"} if annotations is None else {"annotations": annotations}
    script = find_block("argocd")["data"]["resource.customizations.health.ConfigMap"]
    done = subprocess.run(
        ["lua5.3", "-e", LUA],
        input=f"{write_lua({'metadata': metadata})}\n{script}",
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    health, _, message = done.stdout.partition("\n")
    return health, message.strip()


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_argocd(case: Case) -> None:
    assert ask_argocd(case.annotations)[0] == case.argocd


def test_argocd_shows_the_message() -> None:
    assert ask_argocd(state("Rejected", message="line 3: no"))[1] == "line 3: no"
    assert ask_argocd(state("Applied"))[1] == "Applied"


def test_every_status_is_something_to_both() -> None:
    assert set(HEALTH) == set(Status)
    assert set(HEALTH.values()) == {HEALTHY, DEGRADED, SUSPENDED, PROGRESSING}
    assert HEALTH[Status.APPLIED] == HEALTHY
    assert [status for status in Status if HEALTH[status] == HEALTHY] == [Status.APPLIED]


# --- Flux, whose expressions the API server evaluates: both use the same library


def make_policy(expressions: dict[str, str]) -> list[dict[str, Any]]:
    """A policy that warns with the names of the expressions that hold."""
    named = "flux.surehup.dev"
    validations = [
        {"expression": f"!({cel.replace('metadata.', 'object.metadata.')})", "message": f"({name})"}
        for name, cel in expressions.items()
    ]
    rule = {
        "apiGroups": [""],
        "apiVersions": ["v1"],
        "resources": ["configmaps"],
        "operations": ["CREATE"],
    }
    group = "admissionregistration.k8s.io/v1"
    return [
        {
            "apiVersion": group,
            "kind": "ValidatingAdmissionPolicy",
            "metadata": {"name": named},
            "spec": {
                "failurePolicy": "Fail",
                "matchConstraints": {"resourceRules": [rule]},
                "validations": validations,
            },
        },
        {
            "apiVersion": group,
            "kind": "ValidatingAdmissionPolicyBinding",
            "metadata": {"name": named},
            "spec": {"policyName": named, "validationActions": ["Warn"]},
        },
    ]


def ask_flux(server: ApiServer, annotations: Annotations | None) -> str:
    """What Flux would see: the first of its expressions, in its order, that holds."""
    metadata = {"name": "x", **({"annotations": annotations} if annotations is not None else {})}
    config_map = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata}
    worked, _, err = ask(
        *(server, "default", "create", "--dry-run=server", "--filename=-"),
        stdin=json.dumps(config_map),
    )
    assert worked, err
    held = set(re.findall(r"\((\w+)\)", err))
    return next((name for name in ("inProgress", "failed", "current") if name in held), "none")


@pytest.fixture(scope="module")
def flux(api_server: ApiServer) -> Iterator[ApiServer]:
    (item,) = find_block("flux")["spec"]["healthCheckExprs"]
    expressions = {key: item[key] for key in ("inProgress", "failed", "current")}
    text = yaml.safe_dump_all(make_policy(expressions))
    api_server.kubectl("apply", "-f", "-", stdin=text)
    deadline_s = time.monotonic() + IN_FORCE_TIMEOUT_S
    while ask_flux(api_server, None) != "current":
        assert time.monotonic() < deadline_s, "the policy did not come into force"
        time.sleep(POLL_S)
    yield api_server
    api_server.kubectl("delete", "-f", "-", stdin=text)


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_flux(flux: ApiServer, case: Case) -> None:
    assert ask_flux(flux, case.annotations) == case.flux
