"""Pushes and kill -9: at every fault point of outreach, amid sending, and while WeCom is gone."""

import os
import random
import re
import signal
from collections.abc import Iterator
from datetime import timedelta
from typing import Final

import pytest
import requests
from redis import Redis

from kit.clock import utc_now
from kit.db import Begin
from tests.factories.outreach import OutreachBench
from tests.faults.push_fire import LEASE, MOMENT, PushFire, draw_trouble
from tests.servers import ROOT, SandboxServer

_CALL: Final = re.compile(r"\bfaultpoint\(\s*\"(outreach\.[^\"]+)\"")
SEED: Final = os.environ.get("CHAOS_SEED", "1")
EVERYDAY: Final = (2, 6)  # groups of each kind, rounds
CHAOS: Final = (12, 120)
OUTAGE_MINUTES: Final = 30
TRIES: Final = 4  # a platform that was too busy to answer is asked again later
# A point, and how much later than the one before: the lease of whoever was killed runs out, and
# owners are reminded after a quarter of an hour.
LIFE: Final = (
    ("outreach.sending.before_channel", timedelta(0)),
    ("outreach.sending.after_channel", LEASE),
    ("outreach.twins.after_stopping", LEASE),
    ("outreach.delivering.before_platform", LEASE),
    ("outreach.delivering.after_platform", LEASE),
    ("outreach.confirming.after_reminder", timedelta(minutes=16)),
)


def fault_points() -> list[str]:
    """Return every name in outreach, sorted."""
    files = sorted((ROOT / "shop" / "outreach").rglob("*.py"))
    return sorted({name for file in files for name in _CALL.findall(file.read_text("utf-8"))})


@pytest.fixture
def fire(
    real_begin: Begin, database_url: str, redis: "Redis", redis_url: str, sandbox: SandboxServer
) -> Iterator[PushFire]:
    """Return a shop in which nothing is planned yet."""
    environment = {
        "DATABASE_URL": database_url,
        "REDIS_URL": redis_url,
        "SANDBOX_DIR": str(sandbox.folder),
    }
    fire = PushFire(OutreachBench(real_begin, utc_now()), sandbox, environment)
    yield fire
    fire.put_out()


@pytest.fixture
def sandbox(sandbox_server: SandboxServer) -> Iterator[SandboxServer]:
    """Return the platforms, which are there again afterwards."""
    yield sandbox_server
    sandbox_server.post("reset")


class TestPushFaultPoints:
    """faultpoint("outreach.…"): SIGKILL there; the next worker goes on."""

    def test_j149_there_are_some(self) -> None:
        """And all of them are in the life of the test below."""
        assert sorted(point for point, _ in LIFE) == fault_points()
        assert len(fault_points()) >= 5

    def test_j149_recovers_from_a_kill_at_each(self, fire: PushFire) -> None:
        """One after the other is killed where it says, amid the work of its neighbours."""
        fire.prepare(groups=2, members=3)
        for point, step in LIFE:
            fire.move(step)
            worker = fire.worker(point)
            for _ in range(TRIES):
                fire.tell(members=2)  # a round that came through has brought all there was
                if not worker.work(fire.moment):
                    break
                fire.move(LEASE)
            else:
                pytest.fail(f"{point} is never hit")
            assert worker.end() == -signal.SIGKILL
            assert fire.bench.violations() == []
        fire.move(LEASE)
        worker = fire.worker()
        fire.calm(worker)
        assert worker.end() == 0
        fire.check()


class TestUnderFire:
    """A seeded plan of kills, trouble and half an hour without any WeCom."""

    def test_j148_j158_a160_each_group_has_each_message_once(
        self, fire: PushFire, is_chaos: bool
    ) -> None:
        """None twice, none lost, and what nobody can know is shown as not known."""
        groups, rounds = CHAOS if is_chaos else EVERYDAY
        rng = random.Random(SEED)
        fire.prepare(groups, members=2 * groups)
        worker = fire.worker()
        for turn in range(rounds):
            if turn == rounds // 2:
                self.outage(fire)
            for _ in range(rng.randint(0, 3)):
                fire.done[draw_trouble(fire.sandbox, rng)] += 1
            fire.move(timedelta(seconds=rng.choice([5, 62, 150])))
            is_killed = turn % 2 == 0
            after = rng.uniform(0.0, 0.25) if is_killed else None
            if not worker.work(fire.moment, killed_after=after):
                fire.done["kills"] += 1
                assert fire.bench.violations() == []
                worker = fire.worker()
            if rng.random() < 0.3:
                fire.confirm_some(rng)
        requests.delete(f"{fire.sandbox.url}/sandbox/faults", timeout=10).raise_for_status()
        fire.calm(worker, rounds=8)
        assert worker.end() == 0
        fire.check()
        assert fire.done["kills"] >= rounds // 4
        assert fire.done["arrived"] > fire.done["uncertain"]
        print(f"seed {SEED}: {dict(fire.done)}")  # noqa: T201 - the figure

    def outage(self, fire: PushFire) -> None:
        """Nobody answers for half an hour: nothing is lost by that, and nothing comes twice."""
        before = fire.arrived()
        fire.sandbox.kill()
        worker = fire.worker()
        for _ in range(OUTAGE_MINUTES):
            fire.bench.now += timedelta(minutes=1)
            fire.passed += timedelta(minutes=1)
            assert worker.work(fire.moment)
        assert worker.end() == 0
        fire.sandbox.start()
        fire.move(MOMENT)
        assert fire.arrived() == before
