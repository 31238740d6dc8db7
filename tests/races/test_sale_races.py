"""Flash sales under many hands at once: real threads, real commits, then the auditor."""

from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial
from typing import Any
from uuid import UUID, uuid4

import pytest

from flash_sale.batch import Claimed, Wanted
from flash_sale.models import WaitStatus
from kit.db import Begin
from shop.campaigns import service as campaigns
from shop.campaigns import stops
from shop.campaigns.queries import lock_campaign
from shop.orders.models import OrderStatus
from tests.factories.sales import LONG_AGO, OFFER, PAY_WITHIN, WINDOW, Deal, SaleBench
from tests.races.at_once import at_once, errors
from tests.races.sales import broken, claimed_of, ends_of, in_order, outcomes, taken

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


def batches(wanted: list[Wanted], size: int) -> list[list[Wanted]]:
    """Cut a crowd into batches."""
    return [wanted[start : start + size] for start in range(0, len(wanted), size)]


def commits(shop: SaleBench, campaign_id: UUID, wanted: list[list[Wanted]]) -> list[Any]:
    """Commit batches all at once."""
    return at_once(*[partial(shop.commit, campaign_id, *some) for some in wanted])


class TestCrowds:
    """C45: as many are served as there are units, in batches from several threads."""

    @pytest.mark.parametrize(("units", "size"), [(20, 1), (60, 7), (200, 50)])
    def test_c45_fifty_more_than_there_are_units(
        self, shop: SaleBench, units: int, size: int
    ) -> None:
        campaign_id = shop.sale(Deal(units=units))
        wanted = [shop.wanted() for _ in range(units + 50)]
        results = commits(shop, campaign_id, batches(wanted, size))
        assert outcomes(results) == {"Claimed": units, "SoldOut": 50}
        cards = [card.id for one in claimed_of(results) for card in shop.cards(one.order_id)]
        assert len(set(cards)) == units
        for one in claimed_of(results)[:5]:
            shop.pay(one.order_id)
        in_order(shop)
        assert shop.free_units(campaign_id) == units - 5

    def test_c45_everybody_wants_two_of_an_odd_number(self, shop: SaleBench) -> None:
        """The last unit stays for who wants one."""
        campaign_id = shop.sale(Deal(units=21, limit=2))
        wanted = [shop.wanted(quantity=2) for _ in range(30)]
        results = commits(shop, campaign_id, batches(wanted, 5))
        assert outcomes(results) == {"Claimed": 10, "SoldOut": 20}
        shop.claimed(campaign_id)
        in_order(shop)

    def test_c57_what_nobody_pays_is_sold_again(self, shop: SaleBench) -> None:
        """Hoarders let all lapse while others claim: in the end everything is sold."""
        campaign_id = shop.sale(Deal(units=10))
        hoarders = [shop.claimed(campaign_id) for _ in range(10)]
        shop.now += PAY_WITHIN
        buyers = [shop.wanted() for _ in range(30)]

        def close() -> None:
            SaleBench(shop.begin, shop.now, platforms=shop.platforms).sweep("close")

        first = at_once(
            close, close, *[partial(shop.commit, campaign_id, *some) for some in batches(buyers, 6)]
        )
        assert broken(first) == []
        shop.relay()
        rest = [shop.commit(campaign_id, shop.wanted()) for _ in range(10)]
        sold = [*claimed_of(first[2:]), *claimed_of(rest)]
        assert len(sold) == 10
        assert ends_of(shop, hoarders) == {OrderStatus.CLOSED: 10}
        for one in sold:
            shop.pay(one.order_id)
        in_order(shop)
        assert ends_of(shop, sold) == {OrderStatus.FULFILLED: 10}


class TestOneMember:
    """C53: many requests of one person."""

    @pytest.mark.parametrize("limit", [1, 2])
    def test_c53_fifty_at_once(self, shop: SaleBench, limit: int) -> None:
        """Each by itself, as browsers do; however they are mixed with others'."""
        campaign_id, member = shop.sale(Deal(units=60, limit=limit)), shop.member()
        mine = [[shop.wanted(member)] for _ in range(50)]
        results = commits(shop, campaign_id, mine)
        assert outcomes(results) == {"Claimed": limit, "CampaignLimitReached": 50 - limit}
        in_order(shop)

    @pytest.mark.parametrize("limit", [1, 2])
    def test_c53_in_batches_with_others(self, shop: SaleBench, limit: int) -> None:
        """Members stand in several batches, in another order in each: nobody waits in a ring."""
        campaign_id = shop.sale(Deal(units=60, limit=limit))
        people = [shop.member() for _ in range(8)]
        wanted = [
            [shop.wanted(member) for member in (people if turn % 2 else people[::-1])]
            for turn in range(10)
        ]
        results = commits(shop, campaign_id, wanted)
        assert outcomes(results) == {
            "Claimed": 8 * limit,
            "CampaignLimitReached": 80 - 8 * limit,
        }
        in_order(shop)

    def test_the_same_key_fifty_times(self, shop: SaleBench) -> None:
        """One claim, fifty equal answers; the second sign-in of the member is no second member."""
        campaign_id, member = shop.sale(Deal(units=60, limit=5)), shop.member()
        one = shop.wanted(member, key=uuid4().hex)
        results = commits(shop, campaign_id, [[one] for _ in range(50)])
        told = claimed_of(results)
        assert len(told) == 50
        assert len({claim.claim_id for claim in told}) == 1
        assert sum(not claim.is_repeat for claim in told) == 1
        assert len(shop.claims(campaign_id)) == 1
        in_order(shop)

    def test_the_same_key_for_two_campaigns(self, shop: SaleBench) -> None:
        one, other = shop.sale(), shop.sale()
        wanted = shop.wanted()
        results = at_once(
            *[partial(shop.commit, campaign_id, wanted) for campaign_id in (one, other) * 5]
        )
        told = outcomes(results)
        assert told == {"Claimed": 5, "IdempotencyKeyReused": 5}
        in_order(shop)


class TestTheDoor:
    """Claims while the campaign is paused, stopped or over."""

    @pytest.mark.parametrize("how", ["pause", "stop", "end"])
    def test_shuts_between_two_claims(self, shop: SaleBench, how: str) -> None:
        """Who was in before is served, who comes after is told; nobody in between is lost."""
        campaign_id = shop.sale(Deal(units=60))
        wanted = [shop.wanted() for _ in range(40)]
        results = at_once(
            *[partial(shop.commit, campaign_id, *some) for some in batches(wanted, 4)],
            partial(self.shut, shop, campaign_id, how),
        )
        assert broken(results) == []
        told = outcomes(results[:-1])
        assert set(told) <= {"Claimed", "Paused", "Ended"}
        assert isinstance(shop.claim(campaign_id), Exception)
        assert taken(shop.claims(campaign_id)) == told["Claimed"]
        in_order(shop)

    def shut(self, shop: SaleBench, campaign_id: UUID, how: str) -> None:
        """Pause, stop, or let the end come."""
        with shop.begin() as session:
            if how == "pause":
                row = lock_campaign(session, campaign_id)
                campaigns.pause_campaign(session, row, reason="x", actor="op", now=shop.now)
            elif how == "stop":
                stops.stop_all(session, why="x", actor="op", now=shop.now)
        if how == "end":
            shop.now += WINDOW
            shop.sweep("turn")


class TestOneUnit:
    """Pairs that want the same unit, or the same order, in the same moment."""

    def test_c58_lapse_against_payment(self, shop: SaleBench) -> None:
        """Paid and delivered, or closed and repaid; never both."""
        for _ in range(6):
            campaign_id, (claimed,) = shop.sold_out()
            number = shop.start_payment(claimed.order_id).out_trade_no
            shop.wechat.pay(number)
            shop.now = claimed.pay_by
            results = at_once(
                partial(shop.notify, number), partial(shop.sweep, "close"), shop.relay, shop.relay
            )
            assert broken(results) == []
            shop.relay()
            assert shop.order(claimed.order_id).status is OrderStatus.FULFILLED
            assert taken(shop.claims(campaign_id)) == 1
        in_order(shop)

    def test_offer_lapse_against_taking_it(self, shop: SaleBench) -> None:
        """By two clocks: taken, or lapsed and offered to the next; always one of the two."""
        ends = set()
        for _ in range(8):
            campaign_id, (claimed,) = shop.sold_out()
            first, second = shop.wait(campaign_id), shop.wait(campaign_id)
            shop.lapse(claimed.order_id)
            early = SaleBench(shop.begin, shop.now + OFFER - SECOND, platforms=shop.platforms)
            shop.now += OFFER
            results = at_once(
                partial(early.take, first),
                partial(shop.sweep, "lapse"),
                partial(shop.sweep, "offer"),
            )
            assert broken(results) == []
            shop.sweep("offer")
            told = shop.wait_of(first).status, shop.wait_of(second).status
            assert told in {(S.TAKEN, S.WAITING), (S.LAPSED, S.OFFERED)}
            assert isinstance(results[0], Claimed) is (told[0] is S.TAKEN)
            ends.add(told)
        in_order(shop)
        assert ends

    def test_one_offer_taken_many_times(self, shop: SaleBench) -> None:
        campaign_id, claimed = shop.sold_out(Deal(units=3, limit=3))
        wait = shop.wait(campaign_id)
        shop.lapse(claimed[0].order_id)
        results = at_once(*[partial(shop.take, wait) for _ in range(10)])
        assert outcomes(results) == {"Claimed": 1, "NoOffer": 9}
        in_order(shop)

    def test_join_against_lapse(self, shop: SaleBench) -> None:
        """Whoever joins while the unit comes back: waits and is offered it, or is told of it."""
        for _ in range(6):
            campaign_id, (claimed,) = shop.sold_out()
            people = [shop.member() for _ in range(4)]
            shop.now = claimed.pay_by

            def close() -> None:
                shop.sweep("close")
                shop.relay()

            results = at_once(*[partial(shop.wait, campaign_id, one) for one in people], close)
            assert broken(results) == []
            assert set(outcomes(results)) <= {"Wait", "StillOnSale", "NoneType"}
            shop.sweep("offer")
            waits = shop.waits(campaign_id)
            assert [wait.status for wait in waits[:1]] == [S.OFFERED][: len(waits)]
            assert {wait.status for wait in waits[1:]} <= {S.WAITING}
            for wait in waits:
                shop.leave(wait)
        in_order(shop)

    def test_two_who_offer_offer_each_unit_once(self, shop: SaleBench) -> None:
        """Sweeps, relays and claims at once: offers and claims never exceed what came back."""
        campaign_id, claimed = shop.sold_out(Deal(units=6))
        waits = [shop.wait(campaign_id) for _ in range(9)]
        for one in claimed:
            shop.cancel(one.order_id)
        others = [[shop.wanted(), shop.wanted()] for _ in range(3)]
        offers: list[Callable[[], Any]] = [shop.relay, shop.relay]
        offers += [partial(shop.sweep, "offer")] * 2
        results = at_once(*offers, *[partial(shop.commit, campaign_id, *some) for some in others])
        assert broken(results) == []
        shop.sweep("offer")
        stand = [shop.wait_of(wait).status for wait in waits]
        sold = len(claimed_of(results))
        assert stand == [S.OFFERED] * (6 - sold) + [S.WAITING] * (3 + sold)
        assert shop.free_units(campaign_id) == 0
        in_order(shop)

    def test_one_member_joins_many_times(self, shop: SaleBench) -> None:
        campaign_id, _ = shop.sold_out()
        member = shop.member()
        results = at_once(*[partial(shop.wait, campaign_id, member) for _ in range(12)])
        assert errors(results) == []
        assert len({wait.id for wait in results}) == 1
        in_order(shop)
