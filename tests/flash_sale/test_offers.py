"""What an offer may not be used for, and claims that no gate has looked at."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from flash_sale import committing, queries, targets
from flash_sale.batch import Claimed, Outcome, Wanted
from flash_sale.models import SaleMode, WaitStatus
from flash_sale.rules import NoOffer, SoldOut
from shop.campaigns.rules import NotStarted
from tests.factories.sales import Deal, SaleBench

MINUTE = timedelta(minutes=1)


def without_gate(bench: SaleBench, campaign_id: object, wanted: Wanted) -> Outcome:
    """Claim while no gate answers."""
    return committing.commit_without_gate(
        bench.begin,
        campaign_id,  # type: ignore[arg-type] # as the bench gave it
        wanted,
        clock=lambda: bench.now,
    )


class TestAnOfferOfAnotherCampaign:
    @pytest.mark.parametrize(
        "deal",
        [
            Deal(units=5),
            Deal(units=5, starts_in=MINUTE),
            Deal(units=5, terms={"mode": SaleMode.LOTTERY}),
        ],
        ids=["open", "not yet open", "a lottery"],
    )
    def test_opens_no_other_door(self, bench: SaleBench, deal: Deal) -> None:
        wait = bench.offered()
        other_id = bench.sale(deal)
        with pytest.raises(NoOffer):
            bench.take(wait, campaign_id=other_id)
        assert bench.wait_of(wait).status is WaitStatus.OFFERED
        assert bench.claims(other_id) == []
        assert isinstance(bench.take(wait), Claimed)
        assert bench.violations() == []


class TestAnOfferIsForOneUnit:
    def test_and_takes_no_other_that_is_free(self, bench: SaleBench) -> None:
        wait = bench.offered(limit=2)
        with pytest.raises(NoOffer):
            bench.take(wait, quantity=2)
        assert bench.wait_of(wait).status is WaitStatus.OFFERED

    def test_the_same_request_is_answered_alike(self, bench: SaleBench) -> None:
        wait = bench.offered()
        first, again = bench.take(wait, key="k"), bench.take(wait, key="k")
        assert (again.claim_id, again.is_repeat) == (first.claim_id, True)
        with pytest.raises(NoOffer):
            bench.take(wait, key="other")


class TestWithoutAGate:
    def test_nothing_is_taken_from_those_who_wait(self, bench: SaleBench) -> None:
        """Two units came back, and one member waits: one unit is for anybody, not two."""
        campaign_id, claimed = bench.sold_out(Deal(units=2, limit=2))
        bench.wait(campaign_id)
        bench.now = bench.order(claimed[0].order_id).pay_by
        bench.sweep("close")  # and nobody has heard of it
        assert bench.free_units(campaign_id) == 2
        two = without_gate(bench, campaign_id, bench.wanted(quantity=2))
        assert isinstance(two, SoldOut)
        assert isinstance(without_gate(bench, campaign_id, bench.wanted()), Claimed)
        assert isinstance(without_gate(bench, campaign_id, bench.wanted()), SoldOut)

    def test_whoever_has_an_offer_takes_it(self, bench: SaleBench) -> None:
        """Nothing is free: the one unit is set aside, and for them."""
        wait = bench.offered(limit=2)
        with pytest.raises(NoOffer):
            without_gate(bench, wait.campaign_id, bench.wanted(wait.member_id, quantity=2))
        outcome = without_gate(bench, wait.campaign_id, bench.wanted(wait.member_id))
        assert isinstance(outcome, Claimed)
        assert bench.wait_of(wait).status is WaitStatus.TAKEN
        assert bench.violations() == []

    def test_nobody_is_early(self, bench: SaleBench) -> None:
        """The quota of early units is counted by the gate alone."""
        early = {"early": MINUTE, "early_units": 1}
        campaign_id = bench.sale(Deal(starts_in=MINUTE, terms=early))
        outcome = without_gate(bench, campaign_id, bench.wanted(is_early=True))
        assert isinstance(outcome, NotStarted)


class TestAnOfferThatIsTakenWhileTheDatabaseIsRead:
    """The gate hears of it from one of two questions, and they are asked one after the other."""

    def test_is_known_as_an_offer_or_as_a_claim(
        self, bench: SaleBench, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Known as neither, a repeated claim would be told that all is sold."""
        wait = bench.offered()
        left = ["offer"]

        def then_taken(read: Callable[..., Any]) -> Callable[..., Any]:
            def asked(*words: Any, **more: Any) -> Any:
                told = read(*words, **more)
                if left and left.pop():
                    bench.take(wait)
                return told

            return asked

        for name in ("list_offers", "count_held_of_changed"):
            monkeypatch.setattr(queries, name, then_taken(getattr(queries, name)))
        with bench.begin() as session:
            sale = queries.get_sale(session, wait.campaign_id)
            target = targets.read_target(session, sale, is_full=False, now=bench.now)
        assert wait.member_id in {*target.offers, *target.held_by_member}
