"""What runs, and what would be reloaded: asked of `surehup run` beside a Prometheus."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.error import HTTPError
from urllib.request import ProxyHandler, Request, build_opener

import pytest
import yaml

from tests.daemons.harness import Files
from tests.daemons.sidecars import digest_of
from tests.daemons.specs import PROMETHEUS
from tests.daemons.test_run import Bed, make_bed

SECRETS = ("hunter-22", "hunter-23", "b4d-t0ken")
TIMEOUT_S = 20.0


def configure(interval: str, password: str = SECRETS[0]) -> Files:
    job = {
        "job_name": "closed",
        "basic_auth": {"username": "bob", "password": password},
        "static_configs": [{"targets": ["127.0.0.1:1"]}],
    }
    tree = {"global": {"scrape_interval": interval}, "scrape_configs": [job]}
    return {"prometheus.yml": yaml.safe_dump(tree, sort_keys=False)}


SPEC = replace(
    PROMETHEUS,
    valid=lambda _, n: configure(f"{15 + n}s"),
    invalid=lambda _: configure("soon", SECRETS[1]),
)


@pytest.fixture(scope="module")
def bed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bed]:
    yield from make_bed(SPEC, tmp_path_factory.mktemp("content"))


class Client:
    """Asks as curl would, and holds that no answer has a secret in it."""

    def __init__(self, bed: Bed) -> None:
        self._url = bed.sidecar.url

    def ask(self, path: str, method: str = "GET") -> tuple[int, str]:
        opener = build_opener(ProxyHandler({}))
        request = Request(f"{self._url}{path}", method=method)  # noqa: S310  loopback
        try:
            with opener.open(request, timeout=TIMEOUT_S) as page:
                code, body = page.status, page.read().decode()
        except HTTPError as error:
            with error:
                code, body = error.code, error.read().decode()
        assert not [secret for secret in SECRETS if secret in body], body
        return code, body

    def get(self, path: str) -> Mapping[str, Any]:
        code, body = self.ask(path)
        assert code == 200, body
        document: Mapping[str, Any] = json.loads(body)
        return document

    def try_reload(self) -> tuple[int, Mapping[str, Any]]:
        code, body = self.ask("/-/reload?dry_run=true", "POST")
        return code, json.loads(body)


@pytest.fixture
def client(bed: Bed) -> Client:
    return Client(bed)


def remember(bed: Bed) -> tuple[object, ...]:
    """What an attempt, a signal or a decision would change."""
    status = bed.sidecar.status()
    assert status is not None
    return bed.sidecar.signals, len(status["attempts"]), status["status"], status["observed"]


def test_what_runs_is_shown_without_its_secrets(bed: Bed, client: Client) -> None:
    before = datetime.now(UTC)
    n = next(bed.numbers)
    bed.daemon.write(bed.daemon.valid(n))
    bed.sidecar.settle(bed.daemon.valid(n), "Applied")
    (bridge,) = client.get("/api/v2/config")["bridges"]
    assert bridge["bridge"] == "prometheus"
    assert bridge["version"] == digest_of(bed.daemon.valid(n))
    assert bridge["source"] == f"folder {bed.daemon.folder}"
    loaded_at = datetime.fromisoformat(bridge["loaded_at"])
    assert before - timedelta(seconds=1) < loaded_at < datetime.now(UTC) + timedelta(seconds=1)
    assert bridge["files"]["prometheus.yml"] == {
        "global": {"scrape_interval": f"{15 + n}s"},
        "scrape_configs": [
            {
                "job_name": "closed",
                "basic_auth": "<secret>",
                "static_configs": [{"targets": ["127.0.0.1:1"]}],
            }
        ],
    }
    code, page = client.ask("/api/v2/config?format=yaml&section=global&bridge=prometheus")
    assert code == 200
    assert yaml.safe_load(page)["bridges"][0]["files"] == {
        "prometheus.yml": {"global": {"scrape_interval": f"{15 + n}s"}}
    }
    assert client.ask("/api/v2/config?section=nope")[0] == 404
    assert client.ask("/api/v2/config?bridge=nope")[0] == 404
    assert client.ask("/api/v2/config?format=xml")[0] == 400


def test_after_a_rejection_what_runs_is_still_shown(bed: Bed, client: Client) -> None:
    n = next(bed.numbers)
    good = bed.daemon.valid(n)
    bed.daemon.write(good)
    bed.sidecar.settle(good, "Applied")
    bad = bed.daemon.invalid()
    bed.daemon.write(bad)
    bed.sidecar.settle(bad, "Rejected")
    (bridge,) = client.get("/api/v2/config?section=global")["bridges"]
    assert bridge["version"] == digest_of(good)
    assert bridge["files"]["prometheus.yml"]["global"] == {"scrape_interval": f"{15 + n}s"}


def test_a_rejection_quotes_no_secret(bed: Bed, client: Client) -> None:
    n = next(bed.numbers)
    bed.daemon.write(bed.daemon.valid(n))
    bed.sidecar.settle(bed.daemon.valid(n), "Applied")
    tree = yaml.safe_load(bed.daemon.valid(n)["prometheus.yml"])
    tree["scrape_configs"][0]["basic_auth"] = "b4d-t0ken of Bob's"
    bad = {"prometheus.yml": yaml.safe_dump(tree)}
    bed.daemon.write(bad)
    bed.sidecar.settle(bad, "Rejected")
    _, page = client.ask("/status")
    assert "cannot unmarshal !!str `<secret>...`" in page
    assert "cannot unmarshal !!str `<secret>...`" in bed.sidecar.log
    assert "b4d-t0k" not in page + bed.sidecar.log


def test_a_dry_run_judges_and_touches_nothing(bed: Bed, client: Client) -> None:
    good = bed.daemon.valid(next(bed.numbers))
    bed.daemon.write(good)
    bed.sidecar.settle(good, "Applied")
    before = remember(bed)
    code, document = client.try_reload()
    assert (code, document["outcome"]) == (200, "unchanged")
    assert remember(bed) == before

    bad = bed.daemon.invalid()
    bed.daemon.write(bad)
    bed.sidecar.settle(bad, "Rejected")
    before = remember(bed)
    code, document = client.try_reload()
    assert (code, document["outcome"]) == (422, "invalid")
    (bridge,) = document["bridges"]
    assert bridge["active"] == digest_of(good)
    assert bridge["mounted"] == digest_of(bad)
    assert "+  scrape_interval: soon" in bridge["diff"]
    assert bridge["errors"][0]["file"] == "prometheus.yml"
    assert "not a valid duration" in document["message"]
    assert remember(bed) == before


def test_a_dry_run_of_a_lost_folder_says_so(bed: Bed, client: Client) -> None:
    good = bed.daemon.valid(next(bed.numbers))
    bed.daemon.write(good)
    bed.sidecar.settle(good, "Applied")
    away = bed.daemon.folder.with_name("away")
    bed.daemon.folder.rename(away)
    try:
        code, document = client.try_reload()
    finally:
        away.rename(bed.daemon.folder)
    assert (code, document["outcome"]) == (503, "blocked")
    assert "does not exist" in document["message"]
    bed.sidecar.settle(good, "Applied")
    (bridge,) = client.get("/api/v2/config")["bridges"]
    assert bridge["version"] == digest_of(good)
