"""The sweeps of campaigns: edges in order, after an outage too; slots; the stop; poison."""

import logging
from datetime import date, timedelta
from typing import Any

import pytest
from sqlalchemy import text

from kit.money import Fen
from shop.campaigns import jobs, queries, slots, stops
from shop.campaigns.models import Campaign, CampaignStatus, Edge, Slot
from shop.campaigns.rules import BadPlan
from shop.campaigns.slots import SlotNotFound, SlotPlan
from shop.campaigns.stops import NotStopped, StoppedAlready
from shop.catalog.models import Sku
from tests.factories.groups import GroupBench, Offer

S = CampaignStatus
HOUR = timedelta(hours=1)
WARM = Offer(starts_in=HOUR, warms_before=timedelta(minutes=30))


class TestTurn:
    """turn_due_campaigns."""

    def test_i28_each_edge_at_its_time(self, bench: GroupBench) -> None:
        """Not a second early; told once each."""
        campaign_id = bench.campaign(WARM)
        seen = []
        for waits in (29, 1, 29, 1, 359, 1):
            bench.now += timedelta(minutes=waits)
            bench.sweep("turn", "turn")
            seen.append(bench.campaign_row(campaign_id).status)
        assert seen == [S.SCHEDULED, S.WARMING, S.WARMING, S.LIVE, S.LIVE, S.ENDED]
        for name in ("warmed", "opened", "ended"):
            assert len(bench.events(f"campaigns.{name}")) == 1
        assert bench.violations() == []

    def test_j151_after_an_outage_in_order(self, bench: GroupBench) -> None:
        """Down from before it warmed until after it ended: every edge is passed, late."""
        campaign_id = bench.campaign(WARM)
        bench.now += timedelta(days=2)
        bench.sweep("turn")
        edges = bench.edges(campaign_id)
        assert [edge.edge for edge in edges] == [Edge.WARM, Edge.OPEN, Edge.END]
        assert [edge.due_at for edge in edges] == sorted(edge.due_at for edge in edges)
        assert bench.campaign_row(campaign_id).status is S.ENDED
        bench.sweep("settle")
        assert bench.campaign_row(campaign_id).status is S.SETTLED
        assert bench.violations() == []

    def test_one_poisoned_row_stops_no_other(
        self, bench: GroupBench, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A whole batch of them neither; each waits longer and longer."""
        caplog.set_level(logging.CRITICAL)
        monkeypatch.setattr(jobs, "BATCH", 2)
        bad = [bench.campaign(Offer(units=2, starts_in=HOUR)) for _ in range(2)]
        good = [
            bench.campaign(Offer(units=2, starts_in=HOUR + timedelta(minutes=1))) for _ in range(3)
        ]
        with bench.begin() as session:
            for campaign_id in bad:  # it has passed an edge that it is to pass
                session.execute(
                    text(
                        "INSERT INTO campaign_edges (campaign_id, edge, due_at, passed_at)"
                        " VALUES (:id, 'open', now(), now())"
                    ),
                    {"id": campaign_id},
                )
        bench.now += 2 * HOUR
        bench.sweep("turn")
        bench.sweep("turn")
        assert [bench.campaign_row(row).status for row in good] == [S.LIVE] * 3
        row = bench.campaign_row(bad[0])
        assert (row.status, row.attempts, row.last_error) == (S.SCHEDULED, 1, "IntegrityError")
        assert bench.failed == 2


class TestStops:
    """stop_all, lift_stop: everything at once, and whatever opens later."""

    def stop(self, bench: GroupBench) -> int:
        """Stop everything."""
        with bench.begin() as session:
            return stops.stop_all(session, why="系统维护", actor="op", now=bench.now)

    def lift(self, bench: GroupBench) -> int:
        """Lift it."""
        with bench.begin() as session:
            return stops.lift_stop(session, actor="op", now=bench.now)

    def test_pauses_what_is_live_and_what_opens(self, bench: GroupBench) -> None:
        """And resumes just those; one that was paused before stays paused."""
        from shop.campaigns import service

        live, later, paused = (
            bench.campaign(Offer()),
            bench.campaign(Offer(starts_in=HOUR)),
            bench.campaign(Offer()),
        )
        with bench.begin() as session:
            row = queries.lock_campaign(session, paused)
            service.pause_campaign(session, row, reason="x", actor="op", now=bench.now)
        assert self.stop(bench) == 1
        bench.now += HOUR
        bench.sweep("turn")
        assert [bench.campaign_row(row).status for row in (live, later, paused)] == [S.PAUSED] * 3
        assert bench.violations() == []
        assert self.lift(bench) == 2
        assert [bench.campaign_row(row).status for row in (live, later, paused)] == [
            S.LIVE,
            S.LIVE,
            S.PAUSED,
        ]
        assert bench.violations() == []

    def test_once_at_a_time(self, bench: GroupBench) -> None:
        """And needs words."""
        with pytest.raises(NotStopped):
            self.lift(bench)
        self.stop(bench)
        with pytest.raises(StoppedAlready):
            self.stop(bench)
        self.lift(bench)
        with bench.begin() as session, pytest.raises(BadPlan):
            stops.stop_all(session, why=" ", actor="op", now=bench.now)

    def test_what_ended_meanwhile_is_not_resumed(self, bench: GroupBench) -> None:
        """Its window is over."""
        campaign_id = bench.campaign(Offer())
        self.stop(bench)
        bench.now += timedelta(hours=6)
        bench.sweep("turn")
        assert self.lift(bench) == 0
        assert bench.campaign_row(campaign_id).status is S.ENDED


class TestSlots:
    """open_slot, fill_due_slots: a campaign for each day it names."""

    def slot(self, bench: GroupBench, model_id: Any, **more: Any) -> Slot:
        """Open a slot on every day at 21:00 in Shanghai."""
        told: dict[str, Any] = {"days": range(7), "starts_minute": 21 * 60, "lasts": HOUR}
        name = more.pop("name", "晚九点场")
        with bench.begin() as session:
            model = queries.lock_campaign(session, model_id)
            plan = SlotPlan(**(told | more))
            return slots.open_slot(session, model, plan, name=name, actor="op", now=bench.now)

    def made(self, bench: GroupBench, slot: Slot) -> list[Campaign]:
        """Return the campaigns of a slot, first day first."""
        with bench.begin() as session:
            ids = session.scalars(
                text("SELECT id FROM campaigns WHERE slot_id = :id ORDER BY slot_on"),
                {"id": slot.id},
            )
            return [session.get_one(Campaign, row) for row in ids]

    def test_makes_one_for_each_day_and_publishes_it(self, bench: GroupBench) -> None:
        """A day ahead, with terms and codes; a second ring makes none."""
        sku_id = bench.sku(20)
        model = bench.campaign(Offer(units=2), sku_id=sku_id)
        slot = self.slot(bench, model)
        for _ in range(2):
            bench.sweep("slots")
            bench.relay()
        (first,) = self.made(bench, slot)
        assert (first.status, first.slot_on) == (S.SCHEDULED, date(2024, 6, 18))
        assert first.starts_at == bench.now + HOUR
        assert first.name == "晚九点场 06-18"
        bench.now += timedelta(days=1)
        bench.sweep("slots")
        bench.relay()
        assert [row.slot_on for row in self.made(bench, slot)] == [
            date(2024, 6, 18),
            date(2024, 6, 19),
        ]
        assert bench.violations() == []

    def test_is_published_at_the_fee_of_the_ring(self, bench: GroupBench) -> None:
        """A fee that makes a loss of it, which nobody approved for the model: left as a draft."""
        sku_id = bench.sku(20)
        with bench.begin() as session:
            session.get_one(Sku, sku_id).cost_fen = Fen(892)
        model = bench.draft(Offer(units=2), sku_id=sku_id)
        slot = self.slot(bench, model)
        jobs.fill_due_slots(bench.begin, fee_basis_points=100, now=bench.now)
        bench.relay()
        (row,) = self.made(bench, slot)
        assert row.status is S.DRAFT

    def test_days_that_went_by_in_an_outage_are_left_out(self, bench: GroupBench) -> None:
        """It goes on with the next window that is not over."""
        slot = self.slot(bench, bench.campaign(Offer(units=2), sku_id=bench.sku(20)))
        bench.now += timedelta(days=3, hours=-1)
        for _ in range(6):
            bench.sweep("slots")
            bench.relay()
        days = [row.slot_on for row in self.made(bench, slot)]
        assert days == [date(2024, 6, 21)]
        assert bench.failed == 0

    def test_a_long_name_is_cut(self, bench: GroupBench) -> None:
        """The day is told all the same."""
        slot = self.slot(bench, bench.campaign(Offer(units=2)), name="夜" * 80)
        bench.sweep("slots")
        assert bench.failed == 0
        (row,) = self.made(bench, slot)
        assert row.name == f"{'夜' * 74} 06-18"

    def test_closed_it_makes_none(self, bench: GroupBench) -> None:
        """Those that are made stay."""
        slot = self.slot(bench, bench.campaign(Offer(units=2)))
        with bench.begin() as session:
            slots.close_slot(session, slot.id)
            with pytest.raises(SlotNotFound):
                slots.close_slot(session, slot.model_id)
        bench.sweep("slots")
        assert self.made(bench, slot) == []

    @pytest.mark.parametrize(
        "wrong",
        [
            {"days": []},
            {"days": [7]},
            {"starts_minute": -1},
            {"starts_minute": 1440},
            {"lasts": timedelta(seconds=59)},
            {"lasts": timedelta(days=31)},
            {"warms": timedelta(days=8)},
            {"ahead": timedelta(days=15)},
            {"name": ""},
            {"name": "x" * 81},
        ],
    )
    def test_refuses_nonsense(self, bench: GroupBench, wrong: dict[str, Any]) -> None:
        """With a reason, not with a broken constraint."""
        model = bench.draft(Offer(units=2))
        with pytest.raises(BadPlan):
            self.slot(bench, model, **wrong)
