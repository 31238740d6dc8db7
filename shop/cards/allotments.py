"""Cards set aside for one seller: nobody else sells them, and what is left comes back."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final
from uuid import UUID

from sqlalchemy import ColumnElement, and_, func, select, tuple_, update
from sqlalchemy.orm import Session

from shop.cards.models import Card, CardStatus
from shop.cards.queries import expiry_key, is_free_to_sell
from shop.cards.service import CARDS, LOCK_ORDER, OutOfStock
from shop.catalog.models import Sku

# Cards of one statement, which has but seconds and takes no more than 65,535 parameters.
CHUNK: Final = 10_000


def set_aside(
    session: Session, *, sku_id: UUID, allotted_to: UUID, quantity: int, now: datetime
) -> None:
    """Set free cards aside, those that keep longest; raises `OutOfStock`.

    Members go on buying meanwhile: they take those that expire soonest.
    """
    # Two who set cards of one SKU aside take turns, and cannot wait for each other in a ring.
    session.get_one(Sku, sku_id, with_for_update={"key_share": True})
    is_free = and_(
        Card.sku_id == sku_id, is_free_to_sell(now, expiry_key(now)), Card.allotted_to.is_(None)
    )
    missing = quantity
    while missing > 0:
        start = session.execute(
            select(Card.expires_on_key, Card.id)
            .where(is_free)
            .order_by(Card.expires_on_key.desc(), Card.id.desc())
            .offset(missing - 1)
            .limit(1)
        ).one_or_none()
        if start is None:
            raise OutOfStock(sku_id=str(sku_id))
        # From there upwards, in the order in which everybody locks cards.
        which = and_(is_free, tuple_(Card.expires_on_key, Card.id) >= tuple_(*start))
        missing -= _allot(session, which, most=min(missing, CHUNK), to=allotted_to)


def hand_on(session: Session, *, from_id: UUID, to_id: UUID, quantity: int, now: datetime) -> None:
    """Set cards of one allotment aside for another; raises `OutOfStock`."""
    which = and_(Card.allotted_to == from_id, is_free_to_sell(now, expiry_key(now)))
    if _allot(session, which, most=quantity, to=to_id) < quantity:
        raise OutOfStock(allotment=str(from_id))


def give_back(session: Session, *, allotted_to: UUID, to: UUID | None = None) -> None:
    """Let everybody sell what is left of an allotment, or `to` alone, should it be sold again.

    Cards go back that may not be sold at present, too: of a frozen batch, or expired.
    """
    is_ours = Card.allotted_to == allotted_to
    # Nearly all are found by the index; the rest are held by an order, or of a frozen batch.
    for which in (
        and_(is_ours, Card.status == CardStatus.FREE, Card.is_sellable),
        and_(is_ours, Card.status.in_((CardStatus.FREE, CardStatus.RESERVED))),
    ):
        while _allot(session, which, most=CHUNK, to=to) == CHUNK:
            pass


def count_left(
    session: Session, allotments: Sequence[UUID], *, now: datetime
) -> Mapping[UUID, int]:
    """Return allotment → cards of it that may be sold."""
    rows = session.execute(
        select(Card.allotted_to, func.count())
        .where(Card.allotted_to.in_(allotments), is_free_to_sell(now, expiry_key(now)))
        .group_by(Card.allotted_to)
    )
    return {allotted_to: int(count) for allotted_to, count in rows if allotted_to}


def _allot(session: Session, which: ColumnElement[bool], *, most: int, to: UUID | None) -> int:
    picked = (
        select(CARDS.c.id).where(which).order_by(*LOCK_ORDER).limit(most).with_for_update()
    ).cte("picked")
    moved = session.execute(
        update(CARDS)
        .where(CARDS.c.id.in_(select(picked.c.id)))
        .values(allotted_to=to)
        .returning(CARDS.c.id)
    )
    return len(moved.all())
