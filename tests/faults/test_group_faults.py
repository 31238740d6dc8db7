"""Groups, sheets and kill -9: at every fault point of theirs, and amid the mass refund."""

import os
import random
import re
import signal
import subprocess
from collections import Counter
from datetime import timedelta
from pathlib import Path
from time import sleep
from typing import Final

import pytest
from sqlalchemy import text

from kit.db import Begin
from kit.faultpoints import VARIABLE
from tests import forking
from tests.factories.groups import LASTS, GroupBench, Offer
from tests.faults.group_child import READY, new_bench
from tests.servers import ROOT

_CALL: Final = re.compile(r"\bfaultpoint\(\s*\"(group_buy\.[^\"]+)\"")
LATENESS: Final = {
    "I16.orders_come_to_an_end",
    "I16.sheets_come_to_an_end",
    "I27.no_orphan_payment",
}
EVERYDAY: Final = (40, 3)  # groups, kills
CHAOS: Final = (1000, 60)
SEED: Final = os.environ.get("CHAOS_SEED", "1")
# In the middle of a refund: the platform has acted, and nothing of it is written down here.
SENT: Final = "orders.jobs.after_refund_sent"


def fault_points() -> list[str]:
    """Return every name in the rooms of groups and sheets, sorted."""
    files = sorted((ROOT / "group_buy").rglob("*.py"))
    return sorted({name for file in files for name in _CALL.findall(file.read_text("utf-8"))})


def start(
    database_url: str, shop: GroupBench, folder: Path, what: str, point: str = ""
) -> "subprocess.Popen[str]":
    """Start the child, to be killed at a point perhaps."""
    environment = {
        **os.environ,
        "DATABASE_URL": database_url,
        "PLATFORMS": str(folder),
        "NOW": shop.now.isoformat(),
        VARIABLE: point,
    }
    return forking.Forked(
        ["tests.faults.group_child", what],
        environment=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )


def unsound(shop: GroupBench) -> list[str]:
    """Return what the auditor finds, being late aside."""
    return [str(row) for row in shop.violations() if row["invariant"] not in LATENESS]


class TestGroupFaultPoints:
    """faultpoint("group_buy.…"): SIGKILL there, then the sweeps, then the auditor."""

    def test_j149_there_are_some(self) -> None:
        """And they stand where one would think."""
        points = fault_points()
        assert len(points) >= 10
        assert "group_buy.failing.before_refunds" in points
        assert "group_buy.sheets.deciding.before_money" in points

    @pytest.mark.parametrize("point", ["", *fault_points()])
    def test_j149_recovers_from_a_kill_at(
        self, real_begin: Begin, database_url: str, tmp_path: Path, point: str
    ) -> None:
        """Each is passed and each kills; the control is not killed."""
        child = start(database_url, new_bench(real_begin, tmp_path), tmp_path, "live", point)
        child.communicate(timeout=120)
        assert child.returncode == (-signal.SIGKILL if point else 0), "never hit"
        shop = new_bench(real_begin, tmp_path)
        shop.now += timedelta(minutes=20) + LASTS
        assert unsound(shop) == []
        shop.recover()
        assert shop.violations(with_books=True) == []
        assert shop.loose_ends() == []
        assert shop.failed == 0


class TestMassRefund:
    """Scheduler and worker are killed again and again while many groups are repaid."""

    def test_d63_each_paid_seat_is_repaid_once(
        self, real_begin: Begin, database_url: str, tmp_path: Path, is_chaos: bool
    ) -> None:
        """By a seeded plan: half in the worst moment of a refund, half at any."""
        groups, kills = CHAOS if is_chaos else EVERYDAY
        shop, rng = new_bench(real_begin, tmp_path), random.Random(SEED)
        paid = self.crowd(shop, groups)
        shop.now += LASTS
        done: Counter[str] = Counter()
        for turn in range(kills):
            at_point = turn % 2 == 0
            point = f"{SENT}:{rng.randint(1, max(groups // kills, 2))}" if at_point else ""
            child = start(database_url, shop, tmp_path, "refund", point)
            assert child.stdout is not None
            assert child.stdout.readline().strip() == READY
            if not at_point:
                sleep(rng.uniform(0.0, 0.3))
                child.kill()
            child.communicate(timeout=300)
            done["killed" if child.returncode == -signal.SIGKILL else "finished"] += 1
            shop.now += timedelta(seconds=61)  # the leases of whoever was killed run out
            assert unsound(shop) == []
        shop = new_bench(real_begin, tmp_path, shop.now)
        shop.recover(rounds=400)
        assert shop.violations(with_books=True) == []
        self.check(shop, groups, paid)
        assert done["killed"] >= min(kills, 2)
        print(f"seed {SEED}: {groups} groups, {paid} paid seats, {dict(done)}")  # noqa: T201 - the figure

    def crowd(self, shop: GroupBench, groups: int) -> int:
        """Open groups of three that nobody fills; return how many seats are paid."""
        terms = {"groups_per_member": 100}
        people = [shop.member() for _ in range(groups // 25 + 2)]
        campaign_id = shop.campaign(Offer(seats=3, units=2 * groups, terms=terms))
        for turn in range(groups):
            first = shop.open(campaign_id, people[turn % len(people)])
            shop.pay(first, relays=False)
            if turn % 4 == 0:
                shop.pay(shop.join(first.group.id, people[(turn + 1) % len(people)]), relays=False)
        shop.relay()
        return groups + (groups + 3) // 4

    def check(self, shop: GroupBench, groups: int, paid: int) -> None:
        """Count what came of it, here and at the platform."""
        with shop.begin() as session:
            counts = session.execute(
                text(
                    "SELECT (SELECT count(*) FROM groups WHERE status = 'failed'),"
                    " (SELECT count(*) FROM refunds WHERE status = 'done'),"
                    " (SELECT count(DISTINCT order_id) FROM refunds),"
                    " (SELECT count(*) FROM orders WHERE status = 'refunded')"
                )
            ).one()
        assert tuple(counts) == (groups, paid, paid, paid)
        assert len(shop.wechat.refunds) == paid
        failed = [told["paid_seats"] for told in shop.events("group_buy.failed")]
        assert (len(failed), sum(failed)) == (groups, paid)
