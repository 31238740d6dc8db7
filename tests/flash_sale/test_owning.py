"""Two accounts become one: claims, places and reminders go along, as far as the limit goes."""

from datetime import timedelta
from uuid import UUID

import pytest
from sqlalchemy import select, update
from sqlalchemy.exc import IntegrityError

from flash_sale.models import Claim, ClaimStatus, Reminder, WaitStatus
from flash_sale.rules import NoOffer
from kit.outbox import emit
from shop.campaigns.rules import CampaignLimitReached
from shop.members.events import MembersJoined
from tests.factories.sales import Deal, SaleBench

S = WaitStatus


def become_one(bench: SaleBench, gone: UUID, kept: UUID) -> None:
    """Tell that one account is part of another now."""
    with bench.begin() as session:
        emit(session, MembersJoined(from_id=str(gone), into_id=str(kept)), now=bench.now)
    bench.relay()


def units(bench: SaleBench, campaign_id: UUID) -> list[tuple[UUID, int, ClaimStatus]]:
    """Return whose units stand how, oldest first."""
    return [(row.member_id, row.unit_no, row.status) for row in bench.claims(campaign_id)]


class TestClaims:
    """claims.reassign: numbered on, up to the limit."""

    def test_go_along(self, bench: SaleBench) -> None:
        campaign_id = bench.sale(Deal(units=5, limit=2))
        gone, kept = bench.member(), bench.member()
        for member in (gone, kept):
            bench.claimed(campaign_id, member)
        become_one(bench, gone, kept)
        held = ClaimStatus.HELD
        assert units(bench, campaign_id) == [(kept, 2, held), (kept, 1, held)]
        assert isinstance(bench.claim(campaign_id, kept), CampaignLimitReached)
        assert bench.violations() == []

    def test_beyond_the_limit_they_stay(self, bench: SaleBench) -> None:
        """What two accounts of one person have bought is theirs; no third unit is."""
        campaign_id = bench.sale(Deal(units=5))
        gone, kept = bench.member(), bench.member()
        orders = [bench.claimed(campaign_id, member).order_id for member in (gone, kept)]
        become_one(bench, gone, kept)
        assert [row.member_id for row in bench.claims(campaign_id)] == [gone, kept]
        assert {bench.order(order_id).member_id for order_id in orders} == {kept}
        for order_id in orders:
            bench.pay(order_id)
        assert {row.status for row in bench.claims(campaign_id)} == {ClaimStatus.PAID}
        assert isinstance(bench.claim(campaign_id, kept), CampaignLimitReached)
        assert bench.violations() == []

    def test_what_has_lapsed_goes_along_and_counts_for_nothing(self, bench: SaleBench) -> None:
        campaign_id = bench.sale()
        gone, kept = bench.member(), bench.member()
        bench.lapse(bench.claimed(campaign_id, gone).order_id)
        become_one(bench, gone, kept)
        bench.claimed(campaign_id, kept)
        assert units(bench, campaign_id) == [
            (kept, 1, ClaimStatus.LAPSED),
            (kept, 1, ClaimStatus.HELD),
        ]

    @pytest.mark.parametrize("unit_no", [1, 2])
    def test_the_index_has_the_last_word(self, bench: SaleBench, unit_no: int) -> None:
        """Whatever the code forgets: neither the same unit twice, nor one beyond the limit."""
        campaign_id = bench.sale(Deal(units=5))
        claimed, other = bench.claimed(campaign_id), bench.claimed(campaign_id)
        member_id = bench.order(claimed.order_id).member_id
        twice = (
            update(Claim)
            .where(Claim.order_id == other.order_id)
            .values(member_id=member_id, unit_no=unit_no)
        )
        with pytest.raises(IntegrityError), bench.begin() as session:
            session.execute(twice)

    def test_a_second_time_changes_nothing(self, bench: SaleBench) -> None:
        campaign_id = bench.sale(Deal(units=5, limit=2))
        gone, kept = bench.member(), bench.member()
        bench.claimed(campaign_id, gone)
        become_one(bench, gone, kept)
        before = units(bench, campaign_id)
        become_one(bench, gone, kept)
        assert units(bench, campaign_id) == before
        with bench.begin() as session:
            assert session.scalars(select(Claim.id).where(Claim.member_id == gone)).all() == []


class TestPlaces:
    """A person waits once."""

    def test_go_along(self, bench: SaleBench) -> None:
        campaign_id, (claimed,) = bench.sold_out()
        wait, kept = bench.wait(campaign_id), bench.member()
        become_one(bench, wait.member_id, kept)
        bench.lapse(claimed.order_id)
        assert bench.take(bench.wait_of(wait)).quantity == 1
        assert bench.claims(campaign_id)[-1].member_id == kept

    @pytest.mark.parametrize("is_offered", [True, False])
    def test_the_second_one_is_given_up(self, bench: SaleBench, is_offered: bool) -> None:
        """Else a unit would be set aside for an account that nobody can sign in to."""
        campaign_id, (claimed,) = bench.sold_out()
        first, second = bench.wait(campaign_id), bench.wait(campaign_id)
        if is_offered:
            bench.lapse(claimed.order_id)
        become_one(bench, first.member_id, second.member_id)
        if not is_offered:
            bench.lapse(claimed.order_id)
        bench.sweep("offer")
        assert [wait.status for wait in bench.waits(campaign_id)] == [S.LEFT, S.OFFERED]
        with pytest.raises(NoOffer):
            bench.take(first)
        bench.take(second)
        assert bench.violations() == []


class TestReminders:
    """A person is reminded once."""

    def test_go_along_once(self, bench: SaleBench) -> None:
        one, other = (bench.sale(Deal(starts_in=timedelta(hours=1))) for _ in range(2))
        gone, kept = bench.member(), bench.member()
        for campaign_id, member in ((one, gone), (one, kept), (other, gone)):
            bench.remind(campaign_id, member)
        become_one(bench, gone, kept)
        with bench.begin() as session:
            rows = {(row.campaign_id, row.member_id) for row in session.scalars(select(Reminder))}
        assert rows == {(one, kept), (other, kept)}
        bench.now += timedelta(hours=1)
        bench.sweep("remind")
        told = {
            (event["campaign_id"], member)
            for event in bench.events("flash_sale.opening_reminded")
            for member in event["member_ids"]
        }
        assert told == {(str(one), str(kept)), (str(other), str(kept))}
