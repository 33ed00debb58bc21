"""The watch of one object, on the fake: what it hands on, and how it mends every break."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise

import pytest

from sidecar.clock import SystemClock
from sidecar.core.backoff import Backoff
from sidecar.kube.errors import (
    ApiError,
    ForbiddenError,
    GoneError,
    TooManyRequestsError,
    UnauthorizedError,
    UnreachableError,
)
from sidecar.kube.ports import CONFIG_MAPS, Api, Json, Ref
from sidecar.kube.watch import ObjectWatch, Pace, find_pace
from sidecar.testing.apiserver import FakeApi
from tests.kube.ear import QUICK, Ear, watching

PROMPT_S = 3.0
"""Far below all waits of a watch, and enough for a machine with much to do."""
REF = Ref(CONFIG_MAPS, "default", "app-config")


class Cluster:
    """A fake with the watcher's client, another writer, and a count of requests."""

    def __init__(self) -> None:
        self.requests: Counter[str] = Counter()
        self.api = FakeApi(clock=SystemClock(), on_request=self._count)
        self.editor = self.api.make_other("editor")

    def _count(self, verb: str, code: str) -> None:
        self.requests[f"{verb} {code}"] += 1

    def make(self, **data: str) -> Json:
        return self.editor.create(CONFIG_MAPS, "default", _body(data))

    def edit(self, **data: str) -> Json:
        return self.editor.patch(REF, {"data": data})


def _body(data: dict[str, str]) -> Json:
    return {"metadata": {"name": "app-config"}, "data": data}


@pytest.fixture
def cluster() -> Cluster:
    return Cluster()


def test_the_object_is_handed_on_as_found_and_after_each_change(cluster: Cluster) -> None:
    cluster.make(a="1")
    with watching(cluster.api, REF) as ear:
        ear.until_data({"a": "1"})
        ear.until_connected()
        cluster.edit(a="2")
        ear.until_data({"a": "2"})
        cluster.api.patch(REF, {"metadata": {"annotations": {"x": "y"}}})
        ear.until(lambda: len(ear.objects) == 3)
    assert ear.connected == [True]
    assert ear.told == ["Changes of ConfigMap default/app-config are seen"]
    assert cluster.api.open_watches == 0


def test_absence_is_handed_on_once_and_a_new_object_by_its_own_uid(cluster: Cluster) -> None:
    with watching(cluster.api, REF) as ear:
        ear.until(lambda: ear.objects == [None])
        ear.until_connected()
        first = cluster.make(a="1")
        ear.until_data({"a": "1"})
        cluster.editor.delete(REF)
        ear.until_data(None)
        second = cluster.make(a="1")
        ear.until_data({"a": "1"})
    uids = [None if one is None else one["metadata"]["uid"] for one in ear.objects]
    assert uids == [None, first["metadata"]["uid"], None, second["metadata"]["uid"]]


def test_at_rest_one_watch_is_open_and_nothing_else_is_asked(cluster: Cluster) -> None:
    cluster.make(a="1")
    with watching(cluster.api, REF) as ear:
        ear.until_connected()
        time.sleep(0.3)
        assert cluster.requests == {"list 200": 1, "watch 200": 1}
        assert cluster.api.open_watches == 1


def test_a_watch_that_ends_at_its_time_goes_on_without_a_list_and_unannounced(
    cluster: Cluster,
) -> None:
    cluster.make(a="1")
    with watching(cluster.api, REF, replace(QUICK, watch_s=0.1, jitter_s=0.05)) as ear:
        _wait(lambda: cluster.requests["watch 200"] >= 4)
        cluster.edit(a="2")
        ear.until_data({"a": "2"})
    assert cluster.requests["list 200"] == 1
    assert ear.connected == [True]
    assert len(ear.objects) == 2


def test_a_watch_in_doubt_is_made_anew_and_the_object_handed_on_again(cluster: Cluster) -> None:
    cluster.make(a="1")
    ear = Ear()
    watch = ObjectWatch(
        cluster.api, REF, ear.listener, clock=SystemClock(), random=lambda: 0.5, pace=QUICK
    )
    watch.start()
    ear.until_connected()
    watch.renew()
    ear.until(lambda: len(ear.objects) == 2)
    assert ear.objects[0] == ear.objects[1]
    cluster.edit(a="2")
    ear.until_data({"a": "2"})
    assert watch.stop()
    assert cluster.requests["list 200"] == 2


class Recorder(FakeApi):
    """Records the versions from which watches are asked for."""

    def __init__(self) -> None:
        super().__init__(clock=SystemClock())
        self.versions: list[str] = []

    def watch(self, *args: object, **kwargs: object) -> object:  # type: ignore[override]
        self.versions.append(str(kwargs["resource_version"]))
        return super().watch(*args, **kwargs)  # type: ignore[arg-type]


def test_a_bookmark_moves_the_version_and_hands_nothing_on() -> None:
    api = Recorder()
    api.create(CONFIG_MAPS, "default", _body({"a": "1"}))
    pace = replace(QUICK, watch_s=0.2, jitter_s=0.0)
    with watching(api, REF, pace) as ear:  # type: ignore[arg-type]
        ear.until_connected()
        other = api.create(CONFIG_MAPS, "default", {"metadata": {"name": "other"}})
        api.send_bookmarks()
        _wait(lambda: api.versions[-1] == other["metadata"]["resourceVersion"])
    assert len(ear.objects) == 1
    assert ear.connected == [True]


def test_a_version_no_longer_kept_is_listed_again_and_no_trouble(cluster: Cluster) -> None:
    cluster.make(a="1")
    with watching(cluster.api, REF) as ear:
        ear.until_connected()
        with cluster.api.store.changed:  # before the watch sees either
            cluster.edit(a="2")
            cluster.api.forget_history()
        ear.until_data({"a": "2"})
        _wait(lambda: cluster.requests["watch 200"] == 2)
    assert cluster.requests["list 200"] == 2
    assert ear.connected == [True]
    assert len(ear.objects) == 2


def test_a_broken_connection_is_told_once_and_what_was_missed_is_caught_up(
    cluster: Cluster,
) -> None:
    cluster.make(a="1")
    with watching(cluster.api, REF) as ear:
        ear.until_connected()
        cluster.api.go_down()
        ear.until_cut()
        _wait(lambda: cluster.requests["list error"] >= 3)
        cluster.editor.delete(REF)
        cluster.make(a="1")
        cluster.api.come_up()
        ear.until(lambda: len(ear.objects) == 2)
        ear.until_connected()
    assert ear.connected == [True, False, True]
    assert [line.split(":")[0].split(" are ")[1] for line in ear.told] == [
        "seen",
        "not seen",
        "seen",
    ]
    uids = {one["metadata"]["uid"] for one in ear.objects if one is not None}
    assert len(uids) == 2


def test_the_same_object_after_a_break_is_not_handed_on_again(cluster: Cluster) -> None:
    cluster.make(a="1")
    with watching(cluster.api, REF) as ear:
        ear.until_connected()
        cluster.api.drop_watches()
        ear.until(lambda: ear.connected == [True, False, True])
    assert len(ear.objects) == 1


def test_a_server_that_has_too_much_to_do_is_left_alone_for_as_long_as_it_asks(
    cluster: Cluster,
) -> None:
    cluster.make(a="1")
    asked = TooManyRequestsError("wait", status=429, retry_after_s=0.4)
    cluster.api.fail_next("list", asked)
    started_s = time.monotonic()
    with watching(cluster.api, REF) as ear:
        ear.until_cut()
        ear.until_data({"a": "1"})
        assert time.monotonic() - started_s >= 0.4
    assert cluster.requests["list 429"] == 1


def test_no_server_can_ask_for_an_endless_wait(cluster: Cluster) -> None:
    cluster.make(a="1")
    asked = TooManyRequestsError("wait", status=429, retry_after_s=1e9)
    cluster.api.fail_next("watch", asked)
    with watching(cluster.api, REF, replace(QUICK, retry_after_most_s=0.1)) as ear:
        ear.until_cut()
        ear.until_connected()


def test_a_missing_permission_is_told_with_its_rule_and_tried_slowly(cluster: Cluster) -> None:
    cluster.make(a="1")
    started_s = time.monotonic()
    cluster.api.forbid("watch")
    tries = Backoff(first_s=0.1, most_s=0.1)
    with watching(cluster.api, REF, replace(QUICK, tries=tries, forbidden_s=60), lambda: 1) as ear:
        ear.until_cut()
        _wait(lambda: cluster.requests["watch 403"] >= 4)  # 0.1, 0.2 and 0.4 s apart
        assert time.monotonic() - started_s >= 0.7
        assert len(ear.told) == 1
        assert "resourceNames [app-config] verbs [watch]" in ear.told[0]
        cluster.api.permit("watch")
        ear.until_connected()


def test_a_server_that_has_not_read_its_roles_yet_costs_no_minute(cluster: Cluster) -> None:
    cluster.make(a="1")
    for _ in range(12):
        cluster.api.fail_next("list", UnreachableError("starting"))
    cluster.api.fail_next("list", ForbiddenError("may not", rule="any"))
    with watching(cluster.api, REF, replace(QUICK, forbidden_s=60), lambda: 1) as ear:
        ear.until_connected()
    assert cluster.requests["list 403"] == 1


def test_a_rejected_token_is_told_and_tried_again(cluster: Cluster) -> None:
    cluster.make(a="1")
    for _ in range(2):
        cluster.api.fail_next("list", UnauthorizedError("who are you", status=401))
    with watching(cluster.api, REF) as ear:
        ear.until_connected()
    assert ear.connected == [False, True]
    assert "who are you" in ear.told[0]


def test_another_reason_is_news(cluster: Cluster) -> None:
    cluster.make(a="1")
    for why in ("first", "first", "second"):
        cluster.api.fail_next("list", UnreachableError(why))
    with watching(cluster.api, REF) as ear:
        ear.until_connected()
    assert [line.rpartition(": ")[2] for line in ear.told[:2]] == ["first", "second"]
    assert len(ear.told) == 3
    assert ear.connected == [False, True]


class Hasty(FakeApi):
    """A server, or a proxy, that ends every watch at once."""

    def watch(self, *args: object, **kwargs: object) -> object:  # type: ignore[override]
        kwargs["timeout_s"] = 0.0
        return super().watch(*args, **kwargs)  # type: ignore[arg-type]


def test_a_server_that_ends_every_watch_at_once_is_not_asked_without_pause() -> None:
    requests: Counter[str] = Counter()
    api = Hasty(clock=SystemClock(), on_request=lambda verb, _: requests.update([verb]))
    api.create(CONFIG_MAPS, "default", _body({"a": "1"}))
    tries = Backoff(first_s=0.1, most_s=0.4)
    with watching(api, REF, replace(QUICK, tries=tries)) as ear:  # type: ignore[arg-type]
        ear.until_data({"a": "1"})
        time.sleep(1.0)
        assert 1 <= requests["watch"] <= 30
        # No edit is lost all the same, as each round begins with a list.
        api.patch(REF, {"data": {"a": "2"}})
        ear.until_data({"a": "2"})


def test_the_waits_grow_and_are_a_random_part_of_what_they_may_be() -> None:
    asked_s: list[float] = []
    api = FakeApi(clock=SystemClock(), delay=lambda _: asked_s.append(time.monotonic()))
    api.go_down()
    ear = Ear()
    watch = ObjectWatch(api, REF, ear.listener, clock=SystemClock(), random=lambda: 0.5, pace=QUICK)
    watch.start()
    _wait(lambda: len(asked_s) >= 7)
    assert watch.stop()
    gaps = [later - earlier for earlier, later in pairwise(asked_s[:7])]
    for gap_s, wait_s in zip(gaps, (0.01, 0.02, 0.04, 0.08, 0.1, 0.1), strict=True):
        assert wait_s <= gap_s <= wait_s + PROMPT_S


class Broken(FakeApi):
    """A server, or a proxy, whose lists are none until they are asked for the third time."""

    lists = 0

    def list(self, *args: object, **kwargs: object) -> Json:
        self.lists += 1
        answer = super().list(*args, **kwargs)  # type: ignore[arg-type]
        return {1: {}, 2: {"metadata": None}}.get(self.lists, answer)


@pytest.mark.parametrize(("watches", "return_s"), [(1, 0.01), (300, 3), (1_000, 10), (100_000, 10)])
def test_the_more_come_back_the_longer_they_take(watches: int, return_s: float) -> None:
    assert find_pace(watches) == Pace(return_s=return_s)


def test_one_of_a_fleet_comes_back_late_and_tries_on_as_ever(cluster: Cluster) -> None:
    cluster.make(a="1")
    ear = Ear()
    pace = replace(QUICK, steady_s=0.0, return_s=4.0)
    watch = ObjectWatch(
        cluster.api, REF, ear.listener, clock=SystemClock(), random=lambda: 0.5, pace=pace
    )
    watch.start()
    ear.until_connected()
    cluster.api.fail_next("list", UnreachableError("it still starts"))
    broken_s = time.monotonic()
    cluster.api.drop_watches()
    ear.until(lambda: ear.connected == [True, False, True])
    assert pace.return_s / 2 <= time.monotonic() - broken_s < pace.return_s
    assert watch.stop()
    assert cluster.requests["list error"] == 1


def test_an_answer_without_a_version_is_none() -> None:
    api = Broken(clock=SystemClock())
    api.create(CONFIG_MAPS, "default", _body({"a": "1"}))
    with watching(api, REF) as ear:
        ear.until_connected()
    assert ear.connected == [False, True]
    assert "without a resourceVersion" in ear.told[0]
    assert len(ear.objects) == 1


def test_a_server_that_knows_none_of_its_own_versions_is_told(cluster: Cluster) -> None:
    cluster.make(a="1")
    for _ in range(3):
        cluster.api.fail_next("watch", GoneError("no longer kept", status=410))
    with watching(cluster.api, REF) as ear:
        ear.until_connected()
    assert ear.connected == [False, True]
    assert "no longer kept" in ear.told[0]


@pytest.mark.parametrize("when", ["before", "in a list", "in a wait"])
def test_it_stops_at_once_whatever_it_does(cluster: Cluster, when: str) -> None:
    reached = threading.Event()

    def reach(_verb: str) -> None:
        reached.set()

    api = FakeApi(clock=SystemClock(), store=cluster.api.store, delay=reach)
    ear = Ear()
    watch = ObjectWatch(api, REF, ear.listener, clock=SystemClock(), random=lambda: 1.0)
    if when == "before":
        assert watch.stop()
        return
    if when == "in a wait":
        api.forbid("list")
    watch.start()
    assert reached.wait(5)
    started_s = time.monotonic()
    assert watch.stop()
    assert time.monotonic() - started_s < PROMPT_S
    assert ear.crashes == []


def test_a_callback_that_stops_the_watch_does_not_wait_for_itself(cluster: Cluster) -> None:
    cluster.make(a="1")
    stopped = threading.Event()

    ear = Ear()
    watch: ObjectWatch

    def stop(content: Json | None) -> None:
        assert content is not None
        watch.stop()
        stopped.set()

    watch = ObjectWatch(
        cluster.api,
        REF,
        replace(ear.listener, on_object=stop),
        clock=SystemClock(),
        random=lambda: 0.0,
    )
    watch.start()
    assert stopped.wait(5)
    assert watch.stop()
    assert ear.connected == []


def test_what_nobody_foresaw_is_handed_on(cluster: Cluster) -> None:
    def break_down(_verb: str) -> None:
        msg = "unforeseen"
        raise RuntimeError(msg)

    api: Api = FakeApi(clock=SystemClock(), store=cluster.api.store, delay=break_down)
    ear = Ear()
    watch = ObjectWatch(api, REF, ear.listener, clock=SystemClock(), random=lambda: 0.0)
    watch.start()
    ear.until(lambda: len(ear.crashes) == 1)
    assert watch.stop()


def test_a_callback_that_is_busy_is_told_by_stop(cluster: Cluster) -> None:
    cluster.make(a="1")
    release = threading.Event()

    def hold(_content: Json | None) -> None:
        release.wait(5)

    ear = Ear()
    watch = ObjectWatch(
        cluster.api,
        REF,
        replace(ear.listener, on_object=hold),
        clock=SystemClock(),
        random=lambda: 0.0,
    )
    watch.start()
    _wait(lambda: cluster.requests["list 200"] == 1)
    assert not watch.stop(timeout_s=0.05)
    release.set()
    assert watch.stop()


@pytest.mark.parametrize("committed", [False, True])
def test_a_lost_answer_may_hide_a_write_that_happened(cluster: Cluster, committed: bool) -> None:  # noqa: FBT001
    cluster.make(a="1")
    cluster.api.fail_next("patch", UnreachableError("lost"), committed=committed)
    with pytest.raises(ApiError, match="lost"):
        cluster.api.patch(REF, {"data": {"a": "2"}})
    assert cluster.api.get(REF)["data"] == {"a": "2" if committed else "1"}


def _wait(holds: Callable[[], bool], within_s: float = 20.0) -> None:
    deadline_s = time.monotonic() + within_s
    while not holds():
        assert time.monotonic() < deadline_s
        time.sleep(0.005)
