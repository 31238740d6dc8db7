"""`flask flash-sale …` and plans of flash sales, as an operator types them."""

import json
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from click import Group
from click.testing import CliRunner, Result
from redis import Redis

from app import process
from app.commands import campaigns, flash_sale
from flash_sale.models import ClaimStatus, SaleMode
from kit.db import Begin
from tests.factories.sales import LONG_AGO, WINDOW, Deal, SaleBench

Run = Callable[..., Result]


@pytest.fixture
def now() -> datetime:
    """Return a moment that is past by the database's clock, too."""
    return LONG_AGO


@pytest.fixture
def bench(begin: Begin, now: datetime) -> SaleBench:
    """Return a shop in which nothing stays."""
    return SaleBench(begin, now)


@pytest.fixture
def flask(bench: SaleBench, redis: "Redis", monkeypatch: pytest.MonkeyPatch) -> Run:
    """Return a function that runs a command over the bench's database."""
    ports = SimpleNamespace(
        begin=bench.begin,
        clock=lambda: bench.now,
        redis=redis,
        gate_redis=redis,
        fee_basis_points=60,
    )
    monkeypatch.setattr(process, "ports", lambda: ports)

    def run(group: Group, *words: str) -> Result:
        return CliRunner().invoke(group, list(words))

    return run


def test_live_shows_what_is_sold_and_paid(bench: SaleBench, flask: Run) -> None:
    campaign_id = bench.sale(Deal(units=4))
    bench.pay(bench.claimed(campaign_id).order_id)
    bench.claimed(campaign_id)
    bench.now += timedelta(seconds=30)
    shown = json.loads(flask(flash_sale.group, "live", str(campaign_id)).output)
    assert (shown["stock"], shown["sold"], shown["left"]) == (4, 2, 2)
    assert (shown["paid_percent"], shown["units_per_minute"]) == (50, 4)
    assert shown["sold_out_in_seconds"] == 30


def test_live_counts_a_unit_once_that_lapsed_and_was_sold_again(
    bench: SaleBench, flask: Run
) -> None:
    """Also before the claim of the closed order has heard of it."""
    campaign_id = bench.sale(Deal(units=1))
    bench.now = bench.claimed(campaign_id).pay_by
    bench.sweep("close")
    bench.claimed(campaign_id)
    assert [row.status for row in bench.claims(campaign_id)] == [ClaimStatus.HELD] * 2
    shown = json.loads(flask(flash_sale.group, "live", str(campaign_id)).output)
    assert (shown["stock"], shown["sold"], shown["left"]) == (1, 1, 0)


def test_a_draw_is_printed_and_checked(bench: SaleBench, flask: Run, tmp_path: Path) -> None:
    campaign_id = bench.sale(Deal(units=2, terms={"mode": SaleMode.LOTTERY}))
    for _ in range(5):
        bench.wait(campaign_id)
    refused = flask(flash_sale.group, "lottery", str(campaign_id))
    assert refused.exit_code == 1
    bench.now += WINDOW
    bench.sweep("turn")
    printed = flask(flash_sale.group, "lottery", str(campaign_id)).output
    report = tmp_path / "draw.json"
    report.write_text(printed)
    assert flask(flash_sale.group, "check", str(report)).exit_code == 0
    told: dict[str, Any] = json.loads(printed)
    told["order"] = told["order"][::-1]
    report.write_text(json.dumps(told))
    assert flask(flash_sale.group, "check", str(report)).exit_code == 1
    report.write_text("{}")
    assert "no report" in flask(flash_sale.group, "check", str(report)).output


def test_a_plan_from_a_file_is_published(bench: SaleBench, flask: Run, tmp_path: Path) -> None:
    plan = {
        "kind": "flash_sale",
        "name": "周五秒杀",
        "starts_at": (bench.now + timedelta(hours=1)).isoformat(),
        "ends_at": (bench.now + timedelta(hours=2)).isoformat(),
        "items": [{"sku_id": str(bench.sku(5)), "deal_price_fen": 900, "allotment": 5}],
        "flash": {"offer_seconds": 120},
    }
    path = tmp_path / "plan.json"
    path.write_text(json.dumps(plan))
    done = flask(campaigns.group, "schedule", str(path), "--by", "op")
    assert done.exit_code == 0, done.output
    path.write_text(json.dumps(plan | {"group": {"seats": 2, "lasts_seconds": 60}}))
    refused = flask(campaigns.group, "schedule", str(path))
    assert refused.exit_code == 1
    assert "not the other" in refused.output
