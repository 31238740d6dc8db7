"""`flask campaigns …` as an operator types it: plans from files, a dry run that leaves nothing."""

import json
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from uuid import UUID, uuid4

import pytest
from click.testing import CliRunner, Result
from sqlalchemy import text

from app import process
from app.commands import campaigns
from group_buy import queries as group_queries
from kit.db import Begin
from kit.money import Fen
from shop.campaigns.models import CampaignStatus
from shop.catalog.models import Sku
from tests.factories.groups import LONG_AGO, GroupBench, Offer

Run = Callable[..., Result]
Plan = Callable[..., str]
S = CampaignStatus
HOUR = timedelta(hours=1)


@pytest.fixture
def now() -> datetime:
    """Return a moment that is past by the database's clock, too."""
    return LONG_AGO


@pytest.fixture
def bench(begin: Begin, now: datetime) -> GroupBench:
    """Return a shop in which nothing stays."""
    return GroupBench(begin, now)


@pytest.fixture
def flask(bench: GroupBench, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Return a function that runs a command over the bench's database."""
    ports = SimpleNamespace(begin=bench.begin, clock=lambda: bench.now, fee_basis_points=100)
    monkeypatch.setattr(process, "ports", lambda: ports)
    return lambda *words: CliRunner().invoke(campaigns.group, [str(word) for word in words])


@pytest.fixture
def plan(bench: GroupBench, tmp_path: Path) -> Plan:
    """Return a function that writes a plan to a file, with changes, and returns its path."""
    told: dict[str, Any] = {
        "kind": "group_buy",
        "name": "618 三人团",
        "warms_at": (bench.now + HOUR / 2).isoformat(),
        "starts_at": "2024-06-18T21:00:00+08:00",
        "ends_at": "2024-06-18T23:00:00+08:00",
        "items": [{"sku_id": str(bench.sku(6)), "deal_price_fen": 900, "allotment": 6}],
        "rules_text": "满三人成团",
        "group": {
            "seats": 3,
            "lasts_seconds": 3600,
            "ladder": [{"seats": 3, "price_fen": 900}, {"seats": 5, "price_fen": 800}],
            "initiator_price_fen": 700,
        },
    }

    def write(**changes: Any) -> str:
        file = tmp_path / f"{uuid4()}.json"
        file.write_text(json.dumps(told | changes, ensure_ascii=False), encoding="utf-8")
        return str(file)

    return write


def count(bench: GroupBench) -> tuple[int, int]:
    """Return how many campaigns there are, and how many cards are set aside."""
    with bench.begin() as session:
        rows = session.execute(
            text("SELECT (SELECT count(*) FROM campaigns), (SELECT count(allotted_to) FROM cards)")
        ).one()
    return int(rows[0]), int(rows[1])


def scheduled(flask: Run, file: str) -> UUID:
    """Publish a plan and return the campaign's id."""
    result = flask("schedule", file)
    assert result.exit_code == 0, result.output
    return UUID(result.output.strip())


class TestSchedule:
    """schedule PLAN.json."""

    def test_everything_of_the_plan_stands(self, bench: GroupBench, flask: Run, plan: Plan) -> None:
        """And the campaign goes its way."""
        campaign_id = scheduled(flask, plan())
        row = bench.campaign_row(campaign_id)
        assert (row.status, row.name, row.created_by) == (S.SCHEDULED, "618 三人团", "operator")
        assert row.starts_at == LONG_AGO + HOUR
        assert count(bench) == (1, 6)
        with bench.begin() as session:
            terms = group_queries.get_terms(session, campaign_id)
        assert (terms.seats_required, terms.seats_max, terms.initiator_price_fen) == (3, 5, 700)
        bench.now += HOUR
        bench.sweep("turn")
        assert bench.open(campaign_id).order.total_fen == 700

    def test_a_draft_by_its_id(self, bench: GroupBench, flask: Run) -> None:
        """By somebody whose name is written down."""
        draft = bench.draft(Offer(starts_in=HOUR))
        assert flask("schedule", draft, "--by", " lily ").exit_code == 0
        again = flask("schedule", draft)
        assert (again.exit_code, "Traceback" in again.output) == (1, False)

    def test_a_loss_needs_a_second_person(self, bench: GroupBench, flask: Run, plan: Plan) -> None:
        """Nothing stays of a refusal."""
        with bench.begin() as session:
            for sku in session.query(Sku):
                sku.cost_fen = Fen(800)
        file = plan()
        refused = flask("schedule", file, "--by", "lily", "--approved-by", "lily")
        assert refused.exit_code == 1
        assert "second person" in refused.output
        assert count(bench) == (0, 0)
        assert flask("schedule", file, "--by", "lily", "--approved-by", "tom").exit_code == 0

    @pytest.mark.parametrize(
        ("changes", "words"),
        [
            ({"kind": "flash"}, ["kind:"]),
            ({"name": ""}, ["name:"]),
            ({"starts_at": "2024-06-18T21:00:00"}, ["starts_at:"]),
            ({"items": []}, ["items:"]),
            (
                {"items": [{"sku_id": "x", "deal_price_fen": 9.5, "allotment": 0}]},
                ["items.0.sku_id:", "items.0.deal_price_fen:", "items.0.allotment:"],
            ),
            ({"group": {"seats": 1, "lasts_seconds": 0}}, ["group.seats:", "group.lasts_seconds:"]),
            ({"price": 3, "limit_per_member": 0}, ["price:", "limit_per_member:"]),
        ],
    )
    def test_a_bad_plan_is_refused_by_a_line_for_each_field(
        self, bench: GroupBench, flask: Run, plan: Plan, changes: Any, words: list[str]
    ) -> None:
        """For both commands; nothing stays."""
        for command in ("schedule", "dry-run"):
            refused = flask(command, plan(**changes))
            assert refused.exit_code == 1
            lines = refused.output.splitlines()
            assert [any(line.startswith(word) for line in lines) for word in words] == [
                True for _ in words
            ], refused.output
        assert count(bench) == (0, 0)

    @pytest.mark.parametrize(
        ("changes", "word"),
        [
            ({"ends_at": "2024-06-18T20:30:00+08:00"}, "before it starts"),
            (
                {"starts_at": "2024-06-18T18:00:00+08:00", "ends_at": "2024-06-18T19:00:00+08:00"},
                "over already",
            ),
            ({"group": {"seats": 7, "lasts_seconds": 60}}, "fewer units"),
            (
                {
                    "items": [{"sku_id": str(uuid4()), "deal_price_fen": 9, "allotment": 3}],
                    "group": {"seats": 3, "lasts_seconds": 60},
                },
                "there is no SKU",
            ),
        ],
    )
    def test_a_plan_that_makes_no_sense_is_refused_by_a_reason(
        self, bench: GroupBench, flask: Run, plan: Plan, changes: Any, word: str
    ) -> None:
        """A line, not a trace."""
        refused = flask("schedule", plan(**changes))
        assert (refused.exit_code, word in refused.output) == (1, True), refused.output
        assert isinstance(refused.exception, SystemExit)
        assert count(bench) == (0, 0)

    def test_neither_a_file_nor_a_campaign(self, flask: Run, tmp_path: Path) -> None:
        """Each said in a line."""
        (tmp_path / "no.json").write_text("{")
        for what in ("plan.json", tmp_path, uuid4(), tmp_path / "no.json"):
            refused = flask("schedule", what)
            assert refused.exit_code == 1, what
            assert isinstance(refused.exception, SystemExit), what
        for name in ("", " ", "x" * 65):
            assert flask("schedule", uuid4(), "--by", name).exit_code == 2


class TestDryRun:
    """dry-run PLAN.json."""

    def test_tells_as_json_and_leaves_nothing(
        self, bench: GroupBench, flask: Run, plan: Plan
    ) -> None:
        """Code 0 when it could be published."""
        result = flask("dry-run", plan())
        assert result.exit_code == 0, result.output
        told = json.loads(result.output)
        assert told["blockers"] == []
        (item,) = told["items"]
        assert (item["lowest_price_fen"], item["fee_fen"]) == (700, 7)
        assert count(bench) == (0, 0)
        assert bench.events("campaigns.scheduled") == []

    def test_says_what_stands_in_the_way(self, bench: GroupBench, flask: Run, plan: Plan) -> None:
        """Code 1; of a draft, too, which stays a draft."""
        items = [{"sku_id": str(bench.sku(2)), "deal_price_fen": 900, "allotment": 6}]
        result = flask("dry-run", plan(items=items))
        assert result.exit_code == 1
        told = json.loads(result.output)
        assert [finding["code"] for finding in told["blockers"]] == ["codes_short"]
        draft = bench.draft(Offer(units=6), sku_id=bench.sku(2))
        assert flask("dry-run", draft).exit_code == 1
        assert bench.campaign_row(draft).status is S.DRAFT


class TestCopy:
    """copy CAMPAIGN --starts-at …"""

    def test_for_another_evening(self, bench: GroupBench, flask: Run, plan: Plan) -> None:
        """As long, as warm, with the same terms, published."""
        first = scheduled(flask, plan())
        bench.now += timedelta(hours=4)
        bench.sweep("turn", "settle")
        bench.now += HOUR
        bench.sweep("settle")
        result = flask("copy", first, "--starts-at", "2024-06-19T21:00:00+0800", "--name", "再来")
        assert result.exit_code == 0, result.output
        copied = bench.campaign_row(UUID(result.output.strip()))
        model = bench.campaign_row(first)
        day = timedelta(days=1)
        assert (copied.status, copied.name) == (S.SCHEDULED, "再来")
        assert copied.starts_at == model.starts_at + day
        assert copied.ends_at == model.ends_at + day
        assert copied.warms_at == (model.warms_at or copied.starts_at) + day

    def test_not_into_the_past(self, bench: GroupBench, flask: Run, plan: Plan) -> None:
        """Refused by a line."""
        first = scheduled(flask, plan())
        refused = flask("copy", first, "--starts-at", "2024-06-01T21:00:00+0800")
        assert (refused.exit_code, "over already" in refused.output) == (1, True)


class TestWatch:
    """list, pause, resume, cancel, stop-all, lift-stop."""

    def test_pause_and_resume(self, bench: GroupBench, flask: Run) -> None:
        """What cannot be is said in a line."""
        campaign_id = bench.campaign(Offer())
        assert flask("pause", campaign_id).exit_code == 2
        assert flask("pause", campaign_id, "--why", "盘点").exit_code == 0
        assert bench.campaign_row(campaign_id).status is S.PAUSED
        assert flask("pause", campaign_id, "--why", "盘点").exit_code == 1
        assert flask("resume", campaign_id).exit_code == 0
        assert flask("resume", uuid4()).exit_code == 1
        assert flask("cancel", campaign_id).exit_code == 1

    def test_cancel(self, bench: GroupBench, flask: Run, plan: Plan) -> None:
        """Its codes are free again."""
        campaign_id = scheduled(flask, plan())
        assert flask("cancel", campaign_id).exit_code == 0
        assert count(bench) == (1, 0)
        assert str(campaign_id) in flask("list", "--status", "cancelled").output
        assert flask("list", "--status", "live").output == ""

    def test_stop_and_lift(self, bench: GroupBench, flask: Run) -> None:
        """Everything, and whatever opens later; each once."""
        live, later = bench.campaign(Offer()), bench.campaign(Offer(starts_in=HOUR))
        assert flask("stop-all", "--why", "事故").output == "1 campaigns paused\n"
        assert flask("stop-all", "--why", "事故").exit_code == 1
        bench.now += HOUR
        bench.sweep("turn")
        refused = flask("resume", live)
        assert (refused.exit_code, "Lift the emergency stop" in refused.output) == (1, True)
        assert flask("lift-stop").output == "2 campaigns resumed\n"
        assert flask("lift-stop").exit_code == 1
        assert {bench.campaign_row(row).status for row in (live, later)} == {S.LIVE}
