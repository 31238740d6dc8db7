"""Flash sales under many hands: acts that many do at once, and how they ended."""

from collections import Counter
from typing import Any
from uuid import UUID

from flash_sale import batch, waiting
from flash_sale.batch import Claimed, Outcome, Wanted
from flash_sale.models import Claim, ClaimStatus
from kit.errors import DomainError
from shop.orders.models import OrderStatus
from tests.factories.sales import SaleBench

TAKEN = (ClaimStatus.HELD, ClaimStatus.PAID)
LATENESS = {
    "I16.orders_come_to_an_end",
    "I13.claims_follow_their_orders",
    "I16.offers_come_to_an_end",
    "I16.waits_come_to_an_end",
}


def at(shop: SaleBench, **shifted: Any) -> SaleBench:
    """Return another process of the same shop, by a clock of its own."""
    return SaleBench(shop.begin, shop.now, platforms=shop.platforms, **shifted)


def outcomes(results: list[Any]) -> Counter[str]:
    """Count how acts ended, those of a batch one by one."""
    flat: list[Any] = []
    for result in results:
        flat.extend(result if isinstance(result, list) else [result])
    return Counter(type(one).__name__ for one in flat)


def claimed_of(results: list[Any]) -> list[Claimed]:
    """Return the claims that are true, those of a batch one by one."""
    flat = [one for result in results for one in (result if isinstance(result, list) else [result])]
    return [one for one in flat if isinstance(one, Claimed)]


def taken(claims: list[Claim]) -> int:
    """Count the units that are held or paid."""
    return sum(claim.status in TAKEN for claim in claims)


def broken(results: list[Any]) -> list[Any]:
    """Return the acts that ended in something else than a refusal."""
    return [
        one for one in results if isinstance(one, Exception) and not isinstance(one, DomainError)
    ]


def in_order(shop: SaleBench) -> None:
    """Let everything come to its end, then find nothing wrong, here or at the platforms."""
    shop.relay()
    assert shop.violations() == []
    shop.recover()
    shop.sweep("turn", "lapse", "offer")
    shop.relay()
    assert shop.violations(with_books=True) == []
    assert shop.failed == 0


def ends_of(shop: SaleBench, claimed: list[Claimed]) -> Counter[OrderStatus]:
    """Count how the orders of claims stand."""
    return Counter(shop.order(one.order_id).status for one in claimed)


def offer_and_claim(shop: SaleBench, campaign_id: UUID, wait_id: UUID, wanted: Wanted) -> Outcome:
    """Take an offer without looking at whose it is: what a thief would do."""
    with shop.begin() as session:
        wait = waiting.take_offer(
            session, wait_id, campaign_id=campaign_id, member_id=wanted.member_id, now=shop.now
        )
        waiting.finish_offer(session, wait, now=shop.now)
        return batch.commit_claims(session, campaign_id, [wanted], is_offer=True, now=shop.now)[0]
