"""Today: what sells, what waits for somebody, what is late or failing, and what came in."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from flask import render_template
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from console import campaign_reading as reading
from console.door import make_room, may, operator, permissions
from console.ports import actions, look, now, ports
from kit.clock import business_date, business_day_bounds
from shop.approvals import queries as approvals
from shop.approvals.rules import decidable
from shop.campaigns import queries as campaigns
from shop.campaigns.models import Campaign, CampaignStatus
from shop.cards import counting as cards
from shop.catalog.models import Product, ProductStatus, Sku
from shop.members import leaders
from shop.operators.rules import Permission
from shop.payments import queries as payments
from shop.payments.gateway import Channel
from shop.payments.models import Payment, Refund, RefundStatus, SecurityEvent
from shop.settlement.models import Difference, DifferenceStatus
from shop.withdrawals import queries as withdrawals

LOW_STOCK = 20
S = CampaignStatus

blueprint = make_room("today")


@dataclass(frozen=True, slots=True)
class Figures:
    """What came in today, and what waits."""

    payments: int
    captured_fen: int
    refunds_waiting: int
    refunds_stuck: int
    differences: int
    security_events: int
    approvals: int
    withdrawals: int
    applicants: int


@blueprint.get("")
@may(Permission.TODAY)
def show() -> str:
    """Show the board."""
    at = now()
    with ports().begin() as session:
        live = _list_under_way(session, at)
        return render_template(
            "console/today.html",
            figures=_count(session, at),
            live=live,
            wares=reading.list_wares(session, [campaign.id for campaign in live]),
            low=_list_low(session, at),
            standing=look(session, at),
            stop=campaigns.find_stop(session),
            now=at,
        )


def _list_under_way(session: Session, at: datetime) -> Sequence[Campaign]:
    """Return what sells now, and what opens within a day, the next edge first."""
    soon = at + timedelta(days=1)
    return session.scalars(
        select(Campaign)
        .where(
            Campaign.status.in_((S.WARMING, S.LIVE, S.PAUSED))
            | ((Campaign.status == S.SCHEDULED) & (Campaign.starts_at <= soon))
        )
        .order_by(Campaign.due_at, Campaign.id)
        .limit(50)
    ).all()


def _count(session: Session, at: datetime) -> Figures:
    start, end = business_day_bounds(business_date(at))
    paid, captured = session.execute(
        select(func.count(), func.coalesce(func.sum(Payment.amount_fen), 0)).where(
            Payment.channel.in_(list(Channel)),  # by which the index begins
            Payment.captured_at >= start,
            Payment.captured_at < end,
        )
    ).one()
    waiting = select(func.count()).select_from(Refund).where(Refund.done_at.is_(None))
    is_open = Difference.status == DifferenceStatus.OPEN
    return Figures(
        payments=int(paid),
        captured_fen=int(captured),
        refunds_waiting=session.scalar(waiting.where(Refund.status != RefundStatus.STUCK)) or 0,
        refunds_stuck=session.scalar(
            select(func.count()).select_from(Refund).where(payments.is_stuck_refund())
        )
        or 0,
        differences=session.scalar(select(func.count()).select_from(Difference).where(is_open))
        or 0,
        security_events=session.scalar(
            select(func.count()).select_from(SecurityEvent).where(SecurityEvent.at >= start)
        )
        or 0,
        approvals=approvals.count_waiting_for(
            session, operator(), decidable(actions(), permissions()), now=at
        ),
        withdrawals=withdrawals.count_in_review(session),
        applicants=leaders.count_applicants(session),
    )


def _list_low(session: Session, at: datetime) -> list[tuple[Any, Any, int]]:
    """Return published SKUs of which few codes are free, the fewest first."""
    rows = session.execute(
        select(Sku, Product)
        .join(Product, Product.id == Sku.product_id)
        .where(Product.status == ProductStatus.PUBLISHED)
        .limit(500)
    ).all()
    ids = [sku.id for sku, _product in rows]
    free = cards.count_free_up_to(session, ids, most=LOW_STOCK, now=at)
    low = [(sku, product, free.get(sku.id, 0)) for sku, product in rows]
    low = [one for one in low if one[2] < LOW_STOCK]
    return sorted(low, key=lambda one: (one[2], one[0].code))[:10]
