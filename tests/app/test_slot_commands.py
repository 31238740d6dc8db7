"""`flask slots …` as an operator types it."""

import json
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from uuid import UUID, uuid4

import pytest
from click.testing import CliRunner, Result
from sqlalchemy import select

from app import process
from app.commands import slots
from kit.db import Begin
from shop.campaigns.models import Campaign, CampaignStatus, Slot
from tests.factories.groups import LONG_AGO, GroupBench, Offer

Run = Callable[..., Result]
Plan = Callable[..., str]


@pytest.fixture
def bench(begin: Begin) -> GroupBench:
    """Return a shop in which nothing stays; it is Tuesday, 20:00 in Shanghai."""
    return GroupBench(begin, LONG_AGO)


@pytest.fixture
def flask(bench: GroupBench, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Return a function that runs a command over the bench's database."""
    ports = SimpleNamespace(begin=bench.begin, clock=lambda: bench.now)
    monkeypatch.setattr(process, "ports", lambda: ports)
    return lambda *words: CliRunner().invoke(slots.group, [str(word) for word in words])


@pytest.fixture
def plan(bench: GroupBench, tmp_path: Path) -> Plan:
    """Return a function that writes a plan to a file, with changes, and returns its path."""
    model = bench.campaign(Offer(units=2), sku_id=bench.sku(20))

    def write(**changes: Any) -> str:
        told = {
            "campaign_id": str(model),
            "name": "晚九点场",
            "days": [1, 4],
            "starts": "21:00",
            "lasts_seconds": 3600,
            "warms_seconds": 600,
        }
        file = tmp_path / f"{uuid4()}.json"
        file.write_text(json.dumps(told | changes, ensure_ascii=False), encoding="utf-8")
        return str(file)

    return write


def made(bench: GroupBench, slot_id: UUID) -> list[Campaign]:
    """Ring the sweep, and return the slot's campaigns."""
    bench.sweep("slots")
    bench.relay()
    with bench.begin() as session:
        found = select(Campaign).where(Campaign.slot_id == slot_id).order_by(Campaign.starts_at)
        return list(session.scalars(found))


class TestOpen:
    """open PLAN.json."""

    def test_its_campaigns_come_on_the_days_it_names(
        self, bench: GroupBench, flask: Run, plan: Plan
    ) -> None:
        """Tonight's at once, Friday's a day ahead; warm as long and open as long as it says."""
        result = flask("open", plan(), "--by", " lily ")
        assert result.exit_code == 0, result.output
        slot_id = UUID(result.output.strip())
        (tonight,) = made(bench, slot_id)
        assert (tonight.status, tonight.created_by) == (CampaignStatus.SCHEDULED, "lily")
        assert tonight.starts_at == LONG_AGO + timedelta(hours=1)
        assert tonight.ends_at == LONG_AGO + timedelta(hours=2)
        assert tonight.warms_at == LONG_AGO + timedelta(minutes=50)
        bench.now += timedelta(days=2)
        assert len(made(bench, slot_id)) == 1
        bench.now += timedelta(hours=1)
        assert made(bench, slot_id)[1].starts_at == LONG_AGO + timedelta(days=3, hours=1)
        assert bench.failed == 0

    @pytest.mark.parametrize(
        ("changes", "word"),
        [
            ({"days": []}, "days:"),
            ({"days": [7]}, "days.0:"),
            ({"starts": "24:00"}, "starts:"),
            ({"starts": "9:00"}, "starts:"),
            ({"lasts_seconds": 59}, "lasts_seconds:"),
            ({"warms_seconds": -1}, "warms_seconds:"),
            ({"ahead_hours": 0}, "ahead_hours:"),
            ({"name": ""}, "name:"),
            ({"price": 3}, "price:"),
            ({"campaign_id": str(uuid4())}, "Error: Campaign not found"),
            ({"name": " "}, "Error:"),
        ],
    )
    def test_a_bad_plan_is_refused_in_a_line(
        self, bench: GroupBench, flask: Run, plan: Plan, changes: dict[str, Any], word: str
    ) -> None:
        """And nothing stays of it."""
        refused = flask("open", plan(**changes))
        assert refused.exit_code == 1
        assert isinstance(refused.exception, SystemExit)
        assert any(line.startswith(word) for line in refused.output.splitlines()), refused.output
        with bench.begin() as session:
            assert session.scalars(select(Slot)).all() == []

    def test_no_such_file_and_no_name(self, flask: Run, plan: Plan) -> None:
        """As any wrong use of a command."""
        assert flask("open", "nothing.json").exit_code == 2
        assert flask("open", plan(), "--by", "x" * 65).exit_code == 2


class TestListAndClose:
    """list, close SLOT."""

    def test_a_closed_slot_makes_nothing_more(
        self, bench: GroupBench, flask: Run, plan: Plan
    ) -> None:
        """What is made stays; the list says which is closed."""
        first = UUID(flask("open", plan()).output.strip())
        second = UUID(flask("open", plan(name="晚十点场", starts="22:05")).output.strip())
        assert len(made(bench, first)) == 1
        assert flask("close", first).exit_code == 0
        newest, oldest = flask("list").output.splitlines()
        assert newest.startswith(f"{second}  next 2024-06-21  22:05  3600 s  Tue,Fri  copies ")
        assert oldest.startswith(f"{first}  closed           21:00  3600 s  Tue,Fri  copies ")
        assert oldest.endswith("晚九点场")
        bench.now += timedelta(days=7)
        assert len(made(bench, first)) == 1
        assert len(made(bench, second)) > 1

    def test_there_is_no_such_slot(self, flask: Run) -> None:
        """Said in a line."""
        refused = flask("close", uuid4())
        assert (refused.exit_code, refused.output) == (1, "Error: Slot not found\n")
        assert flask("list").output == ""
