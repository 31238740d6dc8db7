"""How leaders rank per campaign, and how long an invite to a campaign binds."""

from datetime import timedelta
from uuid import UUID

import pytest
from sqlalchemy import event, update
from sqlalchemy.exc import IntegrityError

from app.sample_campaigns import CampaignSample, make_flash_sale
from kit.money import Fen
from shop.campaigns.models import Campaign
from shop.referral import ranking, service
from tests.factories.referrals import ReferralBench


def ranks(bench: ReferralBench, member_id: UUID) -> list[tuple[UUID | None, int, int, int]]:
    """Return a member's ranks."""
    with bench.begin() as session:
        found = ranking.list_ranks(session, member_id)
    return [(one.campaign_id, one.rank, one.leaders, one.sold_fen) for one in found]


def statements(bench: ReferralBench, member_id: UUID) -> list[str]:
    """Return what the database is asked for a member's ranks."""
    asked: list[str] = []
    with bench.begin() as session:
        event.listen(session, "do_orm_execute", lambda state: asked.append(str(state.statement)))
        ranking.list_ranks(session, member_id)
    return asked


def campaign(bench: ReferralBench, days: int) -> UUID:
    """Return a published flash sale whose invites bind for so many days."""
    sample = CampaignSample(
        stock=3,
        limit=1,
        price_fen=Fen(900),
        opens_in=timedelta(hours=-1),
        lasts=timedelta(days=2),
        pay_within_seconds=900,
    )
    made = make_flash_sale(bench.begin, bench.vault, sample, fee_basis_points=60, now=bench.now)
    with bench.begin() as session:
        session.execute(update(Campaign).where(Campaign.id == made.id).values(binds_days=days))
    return made.id


class TestRanks:
    """list_ranks: by what was paid and did not come back, among leaders alone."""

    def test_who_sold_more_stands_higher(self, bench: ReferralBench) -> None:
        """What came back does not count, and neither do members who are no leaders."""
        bench.rule()
        first, second, third = (bench.leader() for _ in range(3))
        bench.sold(first, price_fen=500)
        returned = bench.sold(second, 2, price_fen=900)
        bench.sold(third, price_fen=900)
        bench.sold(bench.member(), price_fen=9000)
        assert ranks(bench, second) == [(None, 1, 3, 1800)]
        bench.return_units(returned, 1)
        assert ranks(bench, second) == ranks(bench, third) == [(None, 1, 3, 900)]
        assert ranks(bench, first) == [(None, 3, 3, 500)]
        assert ranks(bench, bench.leader()) == []

    def test_only_campaigns_of_the_member_are_added_up(self, bench: ReferralBench) -> None:
        """Whoever looks; and nothing at all for who sold nothing or is no leader."""
        bench.rule()
        seller, member = bench.leader(), bench.member()
        for inviter in (seller, member):
            bench.sold(inviter)
        for nobody in (member, bench.leader()):
            assert len(statements(bench, nobody)) == 1
        _, ranked = statements(bench, seller)
        assert "invites.campaign_id IS NULL" in ranked


class TestBinding:
    """open_invite: for as long as the campaign of the invite says."""

    @pytest.mark.parametrize("days", [1, 30])
    def test_an_invite_to_a_campaign_binds_as_it_says(
        self, bench: ReferralBench, days: int
    ) -> None:
        """Others bind for seven days."""
        sale, inviter = campaign(bench, days), bench.leader()
        codes = [bench.invite(inviter, of).code for of in (sale, None)]
        with bench.begin() as session:
            bound, usual = (
                service.open_invite(session, code, member_id=bench.member(), now=bench.now)
                for code in codes
            )
        assert bound.expires_at == bench.now + timedelta(days=days)
        assert usual.expires_at == bench.now + timedelta(days=7)

    def test_for_ninety_days_at_most(self, bench: ReferralBench) -> None:
        """Nobody is bound for good."""
        with pytest.raises(IntegrityError):
            campaign(bench, 91)
