"""A lottery: drawn once, after its window, in an order that anybody can compute again."""

import base64
from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from flash_sale import lottery
from flash_sale.models import Draw, SaleMode, Wait, WaitStatus
from flash_sale.queries import NotDrawn, get_terms
from flash_sale.rules import DrawnByLot, NoOffer, draw, draw_commitment
from flash_sale.service import copy_flash_sale
from kit.ids import new_id
from shop.campaigns.models import CampaignStatus
from shop.campaigns.queries import CampaignNotFound, lock_campaign
from shop.campaigns.rules import Ended, Window
from shop.campaigns.service import settle_campaign
from shop.cards.models import Card
from tests.factories.sales import OFFER, PAY_WITHIN, WINDOW, Deal, SaleBench

S = WaitStatus
SECOND = timedelta(seconds=1)


def lottery_of(bench: SaleBench, *, units: int = 2, entries: int = 5) -> tuple[UUID, list[Wait]]:
    """Open a lottery and register members for it."""
    campaign_id = bench.sale(Deal(units=units, terms={"mode": SaleMode.LOTTERY}))
    return campaign_id, [bench.wait(campaign_id) for _ in range(entries)]


def drawn(bench: SaleBench, **more: int) -> tuple[UUID, list[Wait]]:
    """Hold a lottery and return its waits in the order of the draw."""
    campaign_id, _ = lottery_of(bench, **more)
    bench.now += WINDOW
    bench.sweep("turn")
    bench.relay()
    return campaign_id, sorted(bench.waits(campaign_id), key=lambda wait: wait.rank)


def statuses(bench: SaleBench, campaign_id: UUID) -> list[WaitStatus]:
    """Return how those who registered stand, in the order of the draw."""
    return [wait.status for wait in sorted(bench.waits(campaign_id), key=lambda wait: wait.rank)]


class TestRegistering:
    """In the window, while units are left; nobody claims."""

    def test_nobody_claims_without_being_drawn(self, bench: SaleBench) -> None:
        campaign_id, (first, *_) = lottery_of(bench)
        assert isinstance(bench.claim(campaign_id), DrawnByLot)
        assert isinstance(bench.claim(campaign_id, first.member_id), DrawnByLot)
        with pytest.raises(NoOffer):
            bench.take(first)

    def test_nothing_is_offered_before_the_draw(self, bench: SaleBench) -> None:
        """The sweep that looks after queues may run before anybody hears of the end."""
        campaign_id, _ = lottery_of(bench)
        bench.sweep("offer")
        bench.now += WINDOW
        bench.sweep("turn", "offer")
        assert {wait.status for wait in bench.waits(campaign_id)} == {S.WAITING}
        bench.relay()
        assert statuses(bench, campaign_id) == [S.OFFERED] * 2 + [S.WAITING] * 3

    def test_nobody_registers_after_the_window(self, bench: SaleBench) -> None:
        campaign_id, _ = lottery_of(bench)
        bench.now += WINDOW
        with pytest.raises(Ended):
            bench.wait(campaign_id)


class TestDrawing:
    """lottery.hold_draw: once, by the seed that was promised."""

    def test_ranks_everybody_and_offers_to_the_lucky(self, bench: SaleBench) -> None:
        campaign_id, waits = drawn(bench)
        assert [wait.rank for wait in waits] == [1, 2, 3, 4, 5]
        assert statuses(bench, campaign_id) == [S.OFFERED] * 2 + [S.WAITING] * 3
        with bench.begin() as session:
            seed = get_terms(session, campaign_id).draw_seed
            assert seed is not None
            entries = sorted(wait.id for wait in waits)
            assert draw(seed, entries) == [wait.id for wait in waits]
        assert bench.events("flash_sale.lottery_drawn") == [
            {"campaign_id": str(campaign_id), "entries": 5, "winners": 2}
        ]
        assert bench.violations() == []

    def test_once(self, bench: SaleBench) -> None:
        campaign_id, waits = drawn(bench)
        with bench.begin() as session:
            again = lottery.hold_draw(session, campaign_id, now=bench.now + SECOND)
            assert again.drawn_at == bench.now
        assert [wait.id for wait in waits] == [
            wait.id for wait in sorted(bench.waits(campaign_id), key=lambda wait: wait.rank)
        ]
        assert len(bench.events("flash_sale.lottery_drawn")) == 1

    def test_not_before_the_end_nor_of_anything_else(self, bench: SaleBench) -> None:
        for campaign_id in (lottery_of(bench)[0], bench.sale()):
            with bench.begin() as session, pytest.raises(lottery.NotOverYet):
                lottery.hold_draw(session, campaign_id, now=bench.now)
        with bench.begin() as session, pytest.raises(CampaignNotFound):
            lottery.hold_draw(session, new_id(), now=bench.now)
        with bench.begin() as session, pytest.raises(NotDrawn):
            lottery.report(session, campaign_id)

    @pytest.mark.parametrize(("entries", "winners"), [(0, 0), (1, 1), (3, 2)])
    def test_of_few(self, bench: SaleBench, entries: int, winners: int) -> None:
        campaign_id, _ = drawn(bench, entries=entries)
        with bench.begin() as session:
            held = session.get_one(Draw, campaign_id)
        assert (held.entries, held.winners) == (entries, winners)
        assert bench.violations() == []

    def test_in_parts(self, bench: SaleBench, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(lottery, "CHUNK", 2)
        _, waits = drawn(bench)
        assert [wait.rank for wait in waits] == [1, 2, 3, 4, 5]

    def test_who_left_is_not_drawn(self, bench: SaleBench) -> None:
        campaign_id, waits = lottery_of(bench)
        bench.leave(waits[0])
        bench.now += WINDOW
        bench.sweep("turn")
        bench.relay()
        assert bench.wait_of(waits[0]).rank == 0
        with bench.begin() as session:
            told = lottery.report(session, campaign_id)
        assert told["entries"] == [str(wait.id) for wait in waits[1:]]
        assert lottery.check(told) == []

    def test_however_late_has_its_winners(self, bench: SaleBench) -> None:
        """No worker ran: nothing is settled before the draw, and the trail begins with it."""
        campaign_id, _ = lottery_of(bench)
        bench.now += WINDOW
        bench.sweep("turn")
        bench.now += 3 * OFFER
        bench.sweep("settle")
        assert bench.campaign_row(campaign_id).status is CampaignStatus.ENDED
        bench.relay()
        assert statuses(bench, campaign_id) == [S.OFFERED] * 2 + [S.WAITING] * 3
        bench.now += OFFER
        bench.sweep("lapse", "offer")
        assert statuses(bench, campaign_id) == [S.LAPSED] * 2 + [S.OFFERED] * 2 + [S.WAITING]
        third = next(wait for wait in bench.waits(campaign_id) if wait.rank == 3)
        bench.now += OFFER - SECOND
        bench.pay(bench.take(third).order_id)
        bench.sweep("settle")
        assert bench.campaign_row(campaign_id).status is CampaignStatus.ENDED
        bench.now += SECOND
        bench.sweep("lapse", "offer", "settle")
        assert bench.campaign_row(campaign_id).status is CampaignStatus.SETTLED
        assert bench.failed == 0
        assert bench.violations() == []

    def test_of_a_copy_is_waited_for_as_well(self, bench: SaleBench) -> None:
        source_id = bench.draft(Deal(terms={"mode": SaleMode.LOTTERY}))
        window = Window(bench.now, bench.now + WINDOW)
        with bench.begin() as session:
            source = lock_campaign(session, source_id)
            copied = copy_flash_sale(session, source, window=window, actor="op", now=bench.now)
            assert copied.needs_release

    def test_is_waited_for_by_the_database_itself(self, bench: SaleBench) -> None:
        campaign_id, _ = lottery_of(bench)
        bench.now += WINDOW
        bench.sweep("turn")
        with pytest.raises(IntegrityError, match="settled_when_released"), bench.begin() as session:
            settle_campaign(session, lock_campaign(session, campaign_id), now=bench.now)


def _other(uuid: str) -> str:
    return str(UUID(int=UUID(uuid).int ^ 1))


TAMPERED: dict[str, Callable[[dict[str, Any]], Any]] = {
    "seed": lambda told: base64.b64encode(bytes(32)).decode(),
    "commitment": lambda told: base64.b64encode(draw_commitment(bytes(32))).decode(),
    "entries": lambda told: [_other(told["entries"][0]), *told["entries"][1:]],
    "entries_digest": lambda told: base64.b64encode(bytes(32)).decode(),
    "order": lambda told: [told["order"][1], told["order"][0], *told["order"][2:]],
}


class TestVerifying:
    """lottery.report and lottery.check: everybody's own calculator."""

    def test_the_true_report_agrees(self, bench: SaleBench) -> None:
        campaign_id, waits = drawn(bench)
        with bench.begin() as session:
            told = lottery.report(session, campaign_id)
        assert lottery.check(told) == []
        assert told["order"] == [str(wait.id) for wait in waits]
        assert told["winners"] == 2

    @pytest.mark.parametrize("field", sorted(TAMPERED))
    def test_whatever_is_changed_is_seen(self, bench: SaleBench, field: str) -> None:
        campaign_id, _ = drawn(bench)
        with bench.begin() as session:
            told = lottery.report(session, campaign_id)
        assert len(lottery.check(told | {field: TAMPERED[field](told)})) >= 1

    @pytest.mark.parametrize("change", ["dropped", "added", "twice", "turned"])
    def test_a_list_that_is_not_the_one(self, bench: SaleBench, change: str) -> None:
        campaign_id, _ = drawn(bench)
        with bench.begin() as session:
            told = lottery.report(session, campaign_id)
        listed = told["entries"]
        told["entries"] = {
            "dropped": listed[1:],
            "added": [*listed, str(new_id())],
            "twice": [*listed, listed[0]],
            "turned": listed[::-1],
        }[change]
        assert len(lottery.check(told)) >= 1

    def test_what_happens_later_changes_no_report(self, bench: SaleBench) -> None:
        campaign_id, waits = drawn(bench)
        with bench.begin() as session:
            before = lottery.report(session, campaign_id)
        bench.take(waits[0])
        bench.leave(waits[1])
        bench.now += OFFER
        bench.sweep("offer", "lapse")
        with bench.begin() as session:
            assert lottery.report(session, campaign_id) == before


class TestWinning:
    """Who was drawn claims after the window; who lets that pass makes room for the next."""

    def test_the_lucky_buy(self, bench: SaleBench) -> None:
        campaign_id, waits = drawn(bench)
        for wait in waits[:2]:
            bench.pay(bench.take(wait).order_id)
        with pytest.raises(NoOffer):
            bench.take(waits[2])
        assert bench.free_units(campaign_id) == 0
        assert bench.violations(with_books=True) == []

    def test_the_next_in_rank_after_a_lapse(self, bench: SaleBench) -> None:
        campaign_id, waits = drawn(bench)
        bench.pay(bench.take(waits[0]).order_id)
        bench.now += OFFER
        bench.sweep("lapse", "offer")
        assert statuses(bench, campaign_id) == [S.TAKEN, S.LAPSED, S.OFFERED, S.WAITING, S.WAITING]
        bench.pay(bench.take(waits[2]).order_id)
        assert bench.violations() == []

    def test_the_trail_ends(self, bench: SaleBench) -> None:
        campaign_id, waits = drawn(bench)
        bench.now += SECOND
        taken = bench.take(waits[0])
        bench.now += 2 * OFFER - SECOND
        with pytest.raises(NoOffer):
            bench.take(waits[1])
        bench.sweep("lapse", "offer", "settle")
        assert statuses(bench, campaign_id) == [S.TAKEN, S.LAPSED, S.WAITING, S.WAITING, S.WAITING]
        assert bench.campaign_row(campaign_id).status is CampaignStatus.ENDED  # one may yet pay
        bench.pay(taken.order_id)
        bench.now += PAY_WITHIN
        bench.sweep("fulfil", "settle")
        bench.relay()
        assert statuses(bench, campaign_id) == [S.TAKEN, S.LAPSED, S.OVER, S.OVER, S.OVER]
        assert bench.campaign_row(campaign_id).status is CampaignStatus.SETTLED
        with bench.begin() as session:
            assert session.scalars(select(Card.allotted_to)).all() == [None, None]
        assert bench.violations(with_books=True) == []
