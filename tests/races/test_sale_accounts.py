"""Flash sales while accounts are closed or joined: real threads, real commits."""

from datetime import datetime, timedelta
from functools import partial
from uuid import UUID

import pytest
from sqlalchemy.exc import IntegrityError

from flash_sale.batch import Claimed
from flash_sale.models import WaitStatus
from flash_sale.rules import SoldOut
from kit.db import Begin
from kit.outbox import emit
from shop.members import service as members
from shop.members.events import MembersJoined
from shop.members.models import Member, MemberStatus
from tests.factories.sales import LONG_AGO, Deal, SaleBench
from tests.races.at_once import at_once
from tests.races.sales import broken, in_order, offer_and_claim, outcomes

pytestmark = pytest.mark.race

SECOND = timedelta(seconds=1)
S = WaitStatus


@pytest.fixture
def now() -> datetime:
    """Return a moment that is past by the database's clock, too."""
    return LONG_AGO


@pytest.fixture
def shop(real_begin: Begin, now: datetime) -> SaleBench:
    """Return a shop whose transactions commit."""
    return SaleBench(real_begin, now)


class TestAccounts:
    """Claims while their member deletes the account, or becomes part of another."""

    def test_a_deleted_account_buys_nothing(self, shop: SaleBench) -> None:
        campaign_id = shop.sale(Deal(units=60))
        people = [shop.member() for _ in range(12)]

        def delete(member: UUID) -> None:
            with shop.begin() as session:
                members.pseudonymise(session, member_id=member, now=shop.now)

        results = at_once(
            *[
                partial(shop.commit, campaign_id, *[shop.wanted(member) for member in some])
                for some in (people[:6], people[6:][::-1])
            ],
            *[partial(delete, member) for member in people[::2]],
        )
        assert broken(results) == []
        told = outcomes(results[:2])
        assert set(told) <= {"Claimed", "MemberNotActive"}
        assert told["Claimed"] >= 6
        with shop.begin() as session:
            gone = session.get_one(Member, people[0])
            assert gone.status is MemberStatus.DELETED
        in_order(shop)

    def test_two_accounts_that_become_one_keep_the_limit(self, shop: SaleBench) -> None:
        """The news of it is brought while both claim; never more than two of one number."""
        campaign_id = shop.sale(Deal(units=60, limit=2))
        for _ in range(5):
            gone, kept = shop.member(), shop.member()
            shop.claimed(campaign_id, gone)
            with shop.begin() as session:
                emit(session, MembersJoined(str(gone), str(kept)), now=shop.now)
            results = at_once(
                shop.relay,
                *[partial(shop.commit, campaign_id, shop.wanted(kept)) for _ in range(4)],
            )
            wrong = broken(results)
            # The index has the last word; whoever hears it asks again.
            assert all(isinstance(error, IntegrityError) for error in wrong)
            shop.now += timedelta(seconds=5)
            shop.relay()
            mine = [row for row in shop.claims(campaign_id) if row.member_id == kept]
            assert len({row.unit_no for row in mine}) == len(mine) <= 2
        in_order(shop)


class TestThieves:
    """What is set aside for one member is nobody else's."""

    def test_strangers_take_no_offer(self, shop: SaleBench) -> None:
        campaign_id, (claimed,) = shop.sold_out()
        wait = shop.wait(campaign_id)
        shop.lapse(claimed.order_id)
        results = at_once(
            partial(shop.take, wait),
            *[
                partial(offer_and_claim, shop, campaign_id, wait.id, shop.wanted())
                for _ in range(5)
            ],
            *[partial(shop.claim, campaign_id) for _ in range(5)],
        )
        assert outcomes(results) == {"Claimed": 1, "NoOffer": 5, SoldOut.__name__: 5}
        assert isinstance(results[0], Claimed)
        in_order(shop)
