"""The group commit: admitted claims of one campaign become orders together, or are refused.

What the gate let through is only likely; here it becomes true, by row locks and constraints.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Final
from uuid import UUID

from sqlalchemy import Table, inspect, select
from sqlalchemy.orm import Session

from flash_sale import queries
from flash_sale.events import UnitsClaimed
from flash_sale.models import Claim, ClaimStatus
from flash_sale.queries import Sale
from flash_sale.rules import SoldOut, check_claims_taken, check_offers_taken
from kit import idempotency
from kit.errors import DomainError
from kit.faultpoints import faultpoint
from kit.idempotency import Answer, Asked
from kit.ids import new_id
from kit.money import Fen
from kit.outbox import emit
from kit.rows import inserting
from shop.campaigns import queries as campaigns
from shop.campaigns.models import Audience
from shop.campaigns.rules import CampaignLimitReached, NotForYou
from shop.cards.service import OutOfStock
from shop.catalog.models import SaleChannel
from shop.members import queries as members
from shop.members.queries import MemberNotActive
from shop.orders import crowds
from shop.orders import queries as orders
from shop.orders.crowds import Buyer, CrowdDeal, Placed
from shop.orders.models import Order, OrderLine


@dataclass(frozen=True, slots=True)
class Wanted:
    """A claim as a member made it, under an idempotency key of theirs."""

    member_id: UUID
    key: str
    quantity: int
    sale_channel: SaleChannel
    is_early: bool = False  # allowed in before the others


@dataclass(frozen=True, slots=True)
class Claimed:
    """A claim that is true: its first unit's id, and the order that waits for its payment."""

    claim_id: UUID
    order_id: UUID
    order_no: str
    line_id: UUID
    sale_channel: SaleChannel
    quantity: int
    total_fen: Fen
    placed_at: datetime
    pay_by: datetime
    is_repeat: bool = False  # of a request that was answered before


Outcome = Claimed | DomainError


def claimed_or_raise(outcome: Outcome) -> Claimed:
    """Return the claim that is true, or raise why there is none."""
    if isinstance(outcome, DomainError):
        raise outcome
    return outcome


def commit_claims(
    session: Session,
    campaign_id: UUID,
    wanted: Sequence[Wanted],
    *,
    is_offer: bool = False,
    now: datetime,
) -> list[Outcome]:
    """Write order, line, claims, reserved cards and news of each claim, or say why not.

    The outcomes are at the places of their claims: `Claimed`, or one of `MemberNotActive`,
    `IdempotencyKeyReused`, `NotStarted`, `Ended`, `Paused`, `DrawnByLot`, `NotForYou`,
    `CampaignLimitReached`, `SoldOut` and what `crowds.place_many` tells; none stops another.
    An offer (`is_offer`) has a time of its own, which its taker has checked.
    """
    sale = queries.get_sale(session, campaign_id)
    # Claims of one member come one after the other, so that what is counted below stays so.
    active = members.lock_active(session, {one.member_id for one in wanted})
    outcomes = {**_find_twins(wanted), **recall_claims(session, campaign_id, wanted)}
    refusals = _Refusals(session, sale, is_offer=is_offer, now=now)
    units = queries.list_units(session, campaign_id, {one.member_id for one in wanted})
    numbers: dict[int, list[int]] = {}
    for place, one in enumerate(wanted):
        if place in outcomes:
            continue
        refusal = MemberNotActive() if one.member_id not in active else refusals.of(one)
        mine = units.setdefault(one.member_id, set())
        free = [no for no in range(1, sale.terms.limit_per_member + 1) if no not in mine]
        if refusal is None and len(free) < one.quantity:
            refusal = CampaignLimitReached(limit=sale.terms.limit_per_member, left=len(free))
        if refusal is not None:
            outcomes[place] = refusal
            continue
        numbers[place] = free[: one.quantity]
        mine.update(numbers[place])
    places = list(numbers)
    placed = crowds.place_many(
        session, _deal(sale), [_buyer(wanted[place]) for place in places], now=now
    )
    true: dict[int, Placed] = {}
    for place, became in zip(places, placed, strict=True):
        if isinstance(became, Placed):
            true[place] = became
        else:
            outcomes[place] = SoldOut() if isinstance(became, OutOfStock) else became
    if true:
        outcomes |= _write(session, sale, wanted, true, numbers, now=now)
    return [outcomes[place] for place in range(len(wanted))]


class _Refusals:
    """Why members may not claim now, whatever is left; asked of the database once a batch."""

    def __init__(self, session: Session, sale: Sale, *, is_offer: bool, now: datetime) -> None:
        self._session = session
        self._sale = sale
        self._is_offer = is_offer
        self._is_stopped = campaigns.find_stop(session) is not None
        self._now = now

    def of(self, one: Wanted) -> DomainError | None:
        """Return the refusal, or None when nothing speaks against the claim."""
        try:
            if self._is_offer:  # whose time is its own
                check_offers_taken(self._sale.campaign, is_stopped=self._is_stopped)
            else:
                check_claims_taken(
                    self._sale.campaign,
                    self._sale.terms,
                    is_early=one.is_early,
                    is_stopped=self._is_stopped,
                    now=self._now,
                )
            if self._sale.campaign.audience is Audience.NEW_MEMBERS and orders.has_paid_before(
                self._session, one.member_id
            ):
                raise NotForYou
        except DomainError as refusal:
            return refusal
        return None


def asked_by(campaign_id: UUID, one: Wanted) -> Asked:
    """Return the claim as idempotency knows it."""
    return Asked(str(one.member_id), one.key, _fingerprint(campaign_id, one.quantity))


@lru_cache(maxsize=1024)
def _fingerprint(campaign_id: UUID, quantity: int) -> bytes:
    """Return what a request of one campaign differs by; a rush asks for the same."""
    return hashlib.sha256(f"claim/v1:{campaign_id}:{quantity}".encode()).digest()


def recall_claim(session: Session, campaign_id: UUID, one: Wanted) -> Outcome | None:
    """Return what was answered to the same request before, or None."""
    return recall_claims(session, campaign_id, [one]).get(0)


def recall_claims(
    session: Session, campaign_id: UUID, wanted: Sequence[Wanted]
) -> Mapping[int, Outcome]:
    """Return the outcomes of claims that were answered before, or whose key was used, by place."""
    asked = [asked_by(campaign_id, one) for one in wanted]
    return {
        place: _load(session, UUID(one.body["claim_id"])) if isinstance(one, Answer) else one
        for place, one in enumerate(idempotency.recall_many(session, asked))
        if one is not None
    }


def _find_twins(wanted: Sequence[Wanted]) -> Mapping[int, Outcome]:
    """Return who stands in the batch twice: the second waits for what the first comes to."""
    first: dict[tuple[UUID, str], int] = {}
    return {
        place: _Twin()
        for place, one in enumerate(wanted)
        if first.setdefault((one.member_id, one.key), place) != place
    }


class _Twin(DomainError):
    """The same request stands in the batch already; it is asked again alone, and recalled."""


def is_twin(outcome: Outcome) -> bool:
    """Say whether the claim must be committed again, alone, to hear what its twin came to."""
    return isinstance(outcome, _Twin)


def _load(session: Session, claim_id: UUID) -> Claimed:
    claim, order, line = session.execute(
        select(Claim, Order, OrderLine)
        .join(Order, Order.id == Claim.order_id)
        .join(OrderLine, OrderLine.order_id == Order.id)
        .where(Claim.id == claim_id)
    ).one()
    return Claimed(
        claim_id=claim.id,
        order_id=order.id,
        order_no=order.order_no,
        line_id=line.id,
        sale_channel=order.sale_channel,
        quantity=line.quantity,
        total_fen=order.total_fen,
        placed_at=order.placed_at,
        pay_by=order.pay_by,
        is_repeat=True,
    )


def _buyer(one: Wanted) -> Buyer:
    return Buyer(one.member_id, one.sale_channel, one.quantity)


def _deal(sale: Sale) -> CrowdDeal:
    return CrowdDeal(
        sku=sale.sku,
        product=sale.product,
        price_fen=sale.item.deal_price_fen,
        campaign_id=sale.campaign.id,
        campaign_name=sale.campaign.name,
        allotted_to=sale.item.id,
        pay_within=timedelta(seconds=sale.campaign.pay_within_seconds),
    )


def _write(
    session: Session,
    sale: Sale,
    wanted: Sequence[Wanted],
    placed: Mapping[int, Placed],
    numbers: Mapping[int, Sequence[int]],
    *,
    now: datetime,
) -> dict[int, Outcome]:
    """Write the claims of orders that were placed, remember the answers, tell the news."""
    ids = {place: [new_id() for _ in numbers[place]] for place in placed}
    session.execute(
        _INSERT_CLAIMS,
        {
            "row_id": [claim_id for place in placed for claim_id in ids[place]],
            "row_member_id": [one.member_id for place, one in placed.items() for _ in ids[place]],
            "row_unit_no": [no for place in placed for no in numbers[place]],
            "row_order_id": [one.order_id for place, one in placed.items() for _ in ids[place]],
            "all_campaign_id": sale.campaign.id,
            "all_limit_per_member": sale.terms.limit_per_member,
            "all_status": ClaimStatus.HELD,
            "all_claimed_at": now,
        },
    )
    idempotency.remember_many(
        session,
        [asked_by(sale.campaign.id, wanted[place]) for place in placed],
        [{"claim_id": str(ids[place][0])} for place in placed],
        now=now,
    )
    news = UnitsClaimed(str(sale.campaign.id), [str(one.order_id) for one in placed.values()])
    emit(session, news, now=now)
    faultpoint("flash_sale.batch.before_commit")
    return {
        place: Claimed(
            claim_id=ids[place][0],
            order_id=one.order_id,
            order_no=one.order_no,
            line_id=one.line_id,
            sale_channel=one.sale_channel,
            quantity=one.quantity,
            total_fen=one.total_fen,
            placed_at=one.placed_at,
            pay_by=one.pay_by,
        )
        for place, one in placed.items()
    }


_CLAIMS: Final[Table] = inspect(Claim).local_table  # type: ignore[assignment] # a mapped class's is one
_INSERT_CLAIMS: Final = inserting(
    _CLAIMS,
    each=("id", "member_id", "unit_no", "order_id"),
    same=("campaign_id", "limit_per_member", "status", "claimed_at"),
)
