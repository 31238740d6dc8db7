"""A small evening of the demonstration itself, beside a shop that runs as real processes."""

import json
import os
import sys

import pytest

from app.machine.children import run_to_end
from app.machine.environment import command_environment
from tests.journeys.conftest import opened
from tests.servers import ROOT, DatabaseServer


@pytest.mark.slow
def test_an_evening_ends_with_every_check_held(
    database_server: DatabaseServer, redis_url: str
) -> None:
    settings = {"ORDER_PAY_WITHIN_SECONDS": "8"}
    with opened(database_server, redis_url, settings) as shop:
        (shop.folder / "logs").mkdir()
        for part in shop.children:
            os.link(shop.log_file(part), shop.folder / "logs" / f"{part}.log")
        done = run_to_end(
            [sys.executable, "-m", "demo", "--members", "30", "--crowd", "120", "--seed", "5"],
            environment=command_environment(shop.settings),
            directory=ROOT,
            timeout_seconds=900,
        )
        assert done.returncode == 0, done.stdout[-6000:]
        report = json.loads((shop.folder / "demo" / "report.json").read_text(encoding="utf-8"))
    assert report["ok"]
    assert report["ledger"]["balanced"]
    assert report["counts"]["members"] == 30
    assert report["counts"]["double payments"] >= 1
    assert report["counts"]["late payments"] >= 1
    assert report["groups"]["formed"] >= 5
    assert report["groups"]["failed"] >= 2
    assert report["groups"]["completed by the house"] == 1
    assert report["groups"]["late payers moved"] == 1
    assert report["groups"]["refunded, group failed"] >= 2
    assert report["counts"]["order sheets confirmed"] == 1
    assert report["flash_sale"]["members"] == 120
    assert report["flash_sale"]["sold == stock"] == "12 == 12"
    assert report["flash_sale"]["offers taken"] >= 1
    assert len(report["checks"]) > 60
    assert "✗" not in done.stdout
