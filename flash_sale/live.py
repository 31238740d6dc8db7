"""Live numbers of a sale for those who watch it: one question to the gate, one to the database."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy.orm import Session

from flash_sale import queries
from flash_sale.gate_wire import GateCounts, GateView
from flash_sale.models import ClaimStatus
from flash_sale.queries import Sale

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
    units_per_second: float  # since the opening, until it was sold out
    sold_out_in_seconds: int | None  # at that pace; None: sold out, or nothing sold yet


def read_standing(session: Session, sale: Sale) -> Standing:
    """Return how the sale stands."""
    counts = queries.count_claims(session, sale.campaign.id)
    return Standing(
        stock=sale.item.allotment,
        held=counts.get(S.HELD, 0),
        paid=counts.get(S.PAID, 0),
        lapsed=counts.get(S.LAPSED, 0),
        returned=counts.get(S.RETURNED, 0),
        waiting=queries.count_waiting(session, sale.campaign.id),
        last_claimed_at=queries.find_last_claim_at(session, sale.campaign.id),
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
    pace = _pace(standing, sold, now=now)
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
        units_per_second=round(pace, 2),
        sold_out_in_seconds=round(left / pace) if left and pace else None,
    )


def _pace(standing: Standing, sold: int, *, now: datetime) -> float:
    if not sold or standing.last_claimed_at is None:
        return 0.0
    until = standing.last_claimed_at if sold >= standing.stock else now
    seconds = (min(until, standing.ends_at) - standing.starts_at).total_seconds()
    return sold / max(seconds, 1.0)
