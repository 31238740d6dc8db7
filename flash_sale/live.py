"""Live numbers of a sale for those who watch it: one question to the gate, one to the database."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from flash_sale import queries
from flash_sale.burn_down import find_last_claim_at
from flash_sale.gate_wire import GateCounts, GateView
from flash_sale.models import Claim, ClaimStatus
from flash_sale.queries import Sale
from shop.orders.models import Order, OrderStatus

S = ClaimStatus


@dataclass(frozen=True, slots=True)
class Standing:
    """How a sale stands in the database."""

    stock: int
    held: int
    paid: int
    lapsed: int
    returned: int
    waiting: int
    last_claimed_at: datetime | None
    starts_at: datetime
    ends_at: datetime


@dataclass(frozen=True, slots=True)
class LiveNumbers:
    """What goes on, as of `at`; what the gate alone knows is None while it is out."""

    campaign_id: str
    at: str
    stock: int
    sold: int  # units held or paid
    left: int
    paid_percent: int  # of those
    waiting: int
    claims: int | None  # answered by the gate since it was last lost
    admitted: int | None  # units let through
    gate_left: int | None
    units_per_minute: int  # since the opening, until it was sold out
    sold_out_in_seconds: int | None  # at that pace; None: sold out, or nothing sold yet


def read_standing(session: Session, sale: Sale) -> Standing:
    """Return how the sale stands."""
    counts = _count_claims(session, sale.campaign.id)
    return Standing(
        stock=sale.item.allotment,
        held=counts.get(S.HELD, 0),
        paid=counts.get(S.PAID, 0),
        lapsed=counts.get(S.LAPSED, 0),
        returned=counts.get(S.RETURNED, 0),
        waiting=queries.count_waiting(session, sale.campaign.id),
        last_claimed_at=find_last_claim_at(session, sale.campaign.id),
        starts_at=sale.campaign.starts_at,
        ends_at=sale.campaign.ends_at,
    )


def live_numbers(
    campaign_id: UUID,
    standing: Standing,
    *,
    view: GateView | None,
    counts: GateCounts | None,
    now: datetime,
) -> LiveNumbers:
    """Return the numbers; the pace is that of the units which are sold at present."""
    sold = standing.held + standing.paid
    left = max(standing.stock - sold, 0)
    seconds = _seconds_of_selling(standing, sold, now=now)
    return LiveNumbers(
        campaign_id=str(campaign_id),
        at=now.isoformat(),
        stock=standing.stock,
        sold=sold,
        left=left,
        paid_percent=100 * standing.paid // sold if sold else 0,
        waiting=standing.waiting,
        claims=None if counts is None else counts.claims,
        admitted=None if counts is None else counts.units_admitted,
        gate_left=None if view is None else view.units,
        units_per_minute=sold * 60 // seconds,
        sold_out_in_seconds=left * seconds // sold if left and sold else None,
    )


def _seconds_of_selling(standing: Standing, sold: int, *, now: datetime) -> int:
    until = now
    if standing.last_claimed_at is not None and sold >= standing.stock:
        until = standing.last_claimed_at
    return max(int((min(until, standing.ends_at) - standing.starts_at).total_seconds()), 1)


def _count_claims(session: Session, campaign_id: UUID) -> Mapping[ClaimStatus, int]:
    # A closed order's cards are free at once; its claims hear of it a moment later.
    has_lapsed = (Claim.status == S.HELD) & (Order.status == OrderStatus.CLOSED)
    rows = session.execute(
        select(Claim.status, has_lapsed, func.count())
        .join(Order, Order.id == Claim.order_id)
        .where(*queries.every_claim(campaign_id))
        .group_by(Claim.status, has_lapsed)
    )
    counts: Counter[ClaimStatus] = Counter()
    for status, is_gone, count in rows:
        counts[S.LAPSED if is_gone else status] += int(count)
    return counts
