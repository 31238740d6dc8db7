"""The lane as a process: its workers are replaced, and are gone when it is."""

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from app.machine.addresses import answers_well
from benchmarks.process_tree import tree
from tests.journeys.people import eventually
from tests.running_shop import LANE, RunningShop
from tests.servers import DatabaseServer


@pytest.fixture
def shop(database_server: DatabaseServer, redis_url: str, tmp_path: Path) -> Iterator[RunningShop]:
    """Return a shop of which the lane alone runs, with two workers."""
    shop = RunningShop(
        tmp_path,
        database_server=database_server,
        redis_url=redis_url,
        settings={"LANE_WORKERS": "2"},
        with_lane=True,
    )
    try:
        shop.start(parts=(LANE,))
        wait_for(shop)
        yield shop
    finally:
        shop.stop()


def wait_for(shop: RunningShop) -> None:
    """Return when the lane is ready."""
    eventually(lambda: answers_well(f"{shop.lane_url}/readyz"), within_seconds=30, what="the lane")


def workers_of(shop: RunningShop) -> set[int]:
    """Return the process ids of the lane's workers."""
    found = set(tree(shop.children[LANE].pid)) - {shop.children[LANE].pid}
    return {pid for pid in found if "spawn_main" in Path(f"/proc/{pid}/cmdline").read_text()}


def is_alive(pid: int) -> bool:
    """Say whether a process is there."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return "Z" not in Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]


class TestWorkers:
    def test_a_killed_one_is_replaced(self, shop: RunningShop) -> None:
        before = workers_of(shop)
        assert len(before) == 2
        killed = before.pop()
        os.kill(killed, signal.SIGKILL)
        eventually(lambda: len(workers_of(shop) - {killed}) == 2, within_seconds=10, what="another")
        for _ in range(8):  # at whichever worker's socket they wait, all are answered
            assert requests.get(f"{shop.lane_url}/healthz", timeout=20).status_code == 200

    def test_they_end_with_the_lane(self, shop: RunningShop) -> None:
        workers = workers_of(shop)
        assert shop.end(LANE) == 0
        assert not any(map(is_alive, workers))

    def test_they_end_when_it_is_killed(self, shop: RunningShop) -> None:
        workers = workers_of(shop)
        os.kill(shop.children[LANE].pid, signal.SIGKILL)
        eventually(lambda: not any(map(is_alive, workers)), within_seconds=15, what="their end")
