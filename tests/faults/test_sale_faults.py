"""Flash sales and kill -9: at every fault point that a crowd passes, the first time and later."""

import os
import re
import signal
from datetime import timedelta
from pathlib import Path
from typing import Final

import pytest

from kit.db import Begin
from kit.faultpoints import VARIABLE
from tests import forking
from tests.factories.sales import OFFER, WINDOW, SaleBench
from tests.faults.sale_child import new_bench
from tests.races.sales import LATENESS
from tests.servers import ROOT

_CALL: Final = re.compile(r"\bfaultpoint\(\s*\"((?:flash_sale|orders\.crowds)\.[^\"]+)\"")


def fault_points() -> list[str]:
    """Return every name that only those who sell in a flash pass, sorted."""
    files = [file for place in ("flash_sale", "shop") for file in (ROOT / place).rglob("*.py")]
    return sorted({name for file in files for name in _CALL.findall(file.read_text("utf-8"))})


def run_child(database_url: str, folder: Path, point: str) -> int:
    """Run the child, to be killed at a point perhaps, and return its exit code."""
    environment = {
        **os.environ,
        "DATABASE_URL": database_url,
        "PLATFORMS": str(folder),
        VARIABLE: point,
    }
    done = forking.run(["tests.faults.sale_child"], environment=environment, timeout=60)
    assert done.returncode in (0, -signal.SIGKILL), done.stdout[-2000:]
    return done.returncode


def unsound(shop: SaleBench) -> list[str]:
    """Return what the auditor finds, being late aside."""
    return [str(row) for row in shop.violations() if row["invariant"] not in LATENESS]


class TestSaleFaultPoints:
    """faultpoint("flash_sale.…"): SIGKILL there, then the sweeps, then the auditor."""

    def test_j149_there_are_some(self) -> None:
        """And they stand where one would think."""
        assert {
            "flash_sale.batch.before_commit",
            "flash_sale.waiting.after_offer",
            "orders.crowds.before_reserve",
        } <= set(fault_points())

    @pytest.mark.parametrize("nth", [1, 2, 3])
    @pytest.mark.parametrize("point", fault_points())
    def test_j149_recovers_from_a_kill_at(
        self, real_begin: Begin, database_url: str, tmp_path: Path, point: str, nth: int
    ) -> None:
        """A point where nobody is killed is never passed, and tests nothing."""
        assert run_child(database_url, tmp_path, f"{point}:{nth}") == -signal.SIGKILL, "never hit"
        self.recover(new_bench(real_begin, tmp_path))

    def test_j149_comes_through_when_nobody_is_killed(
        self, real_begin: Begin, database_url: str, tmp_path: Path
    ) -> None:
        """The control: the same life without a kill."""
        assert run_child(database_url, tmp_path, "") == 0
        self.recover(new_bench(real_begin, tmp_path))

    def recover(self, shop: SaleBench) -> None:
        """Let the other processes go on; nothing is wrong before, nor left over afterwards."""
        shop.now += timedelta(minutes=20)
        assert unsound(shop) == []
        for later in (timedelta(0), OFFER, WINDOW, OFFER, OFFER):
            shop.now += later
            shop.recover(rounds=5)
            shop.sweep("turn", "lapse", "offer", "settle")
            shop.relay()
        assert shop.violations(with_books=True) == []
        assert shop.loose_ends() == []
        assert shop.failed == 0
