"""Every named fault point of the source: a process is killed there, and the shop recovers."""

import os
import re
import signal
from pathlib import Path
from typing import Final

import pytest

from kit.db import Begin
from kit.faultpoints import VARIABLE
from tests import forking
from tests.faults.child import new_bench
from tests.faults.test_export_faults import fault_points as export_fault_points
from tests.faults.test_group_faults import fault_points as group_fault_points
from tests.faults.test_push_faults import fault_points as push_fault_points
from tests.faults.test_sale_faults import fault_points as sale_fault_points
from tests.servers import ROOT

HOUSE: Final = ("app", "kit", "miniprogram_api", "public_site", "shop")
SOURCE: Final = (*HOUSE, "flash_sale", "group_buy")
_CALL: Final = re.compile(r"\bfaultpoint\(\s*\"([^\"]+)\"")


def fault_points() -> list[str]:
    """Return every name in the source, sorted."""
    files = [file for place in HOUSE for file in (ROOT / place).rglob("*.py")]
    names = {name for file in files for name in _CALL.findall(file.read_text("utf-8"))}
    # Which crowds alone pass, whoever sends into chat groups, and whoever writes files.
    elsewhere = {*sale_fault_points(), *push_fault_points(), *export_fault_points()}
    return sorted(names - elsewhere)


def run_child(database_url: str, folder: Path, point: str = "") -> int:
    """Run the child, to be killed at a point, and return its exit code."""
    environment = {
        **os.environ,
        "DATABASE_URL": database_url,
        "PLATFORMS": str(folder),
        VARIABLE: point,
    }
    done = forking.run(["tests.faults.child"], environment=environment, timeout=60)
    assert done.returncode in (0, -signal.SIGKILL), done.stdout[-2000:]
    return done.returncode


class TestFaultPoints:
    """faultpoint(name): SIGKILL there, then the sweeps, then the auditor."""

    def test_j149_the_registry_is_not_empty(self) -> None:
        """And names the places one would think of."""
        points = fault_points()
        assert len(points) >= 13
        assert "orders.record_payment.after_capture" in points

    def test_j149_no_point_is_in_neither_registry(self) -> None:
        """The others are passed where groups, sheets and crowds live, and are killed there."""
        source = [file for place in SOURCE for file in (ROOT / place).rglob("*.py")]
        everywhere = {name for file in source for name in _CALL.findall(file.read_text("utf-8"))}
        elsewhere = {*group_fault_points(), *sale_fault_points(), *push_fault_points()}
        elsewhere |= {*export_fault_points()}
        assert everywhere == {*fault_points(), *elsewhere}

    @pytest.mark.parametrize("point", fault_points())
    def test_j149_recovers_from_a_kill_at(
        self, real_begin: Begin, database_url: str, tmp_path: Path, point: str
    ) -> None:
        """A point where nobody is killed is never passed, and tests nothing."""
        assert run_child(database_url, tmp_path, point) == -signal.SIGKILL, "never hit"
        shop = new_bench(real_begin, tmp_path)
        # Whoever was killed held locks; the server lets them go when it sees the connection end.
        assert shop.violations() == []
        shop.recover()
        assert shop.violations(with_books=True) == []
        assert shop.failed == 0

    def test_j149_comes_through_when_nobody_is_killed(
        self, real_begin: Begin, database_url: str, tmp_path: Path
    ) -> None:
        """The control: the same life without a kill."""
        assert run_child(database_url, tmp_path) == 0
        shop = new_bench(real_begin, tmp_path)
        shop.recover()
        assert shop.violations(with_books=True) == []
