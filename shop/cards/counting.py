"""Counting cards for those who look: as far as it tells them something, and no further.

A batch has a hundred thousand cards and a shop a million; to count all of them for a page of a
list would take as long as there are cards.
"""

from collections.abc import Collection, Mapping
from datetime import datetime
from uuid import UUID

from sqlalchemy import ColumnElement, String, column, func, select, true, values
from sqlalchemy.orm import Session

from shop.cards.models import Batch, Card, CardStatus
from shop.cards.queries import expiry_key, is_free_to_sell
from shop.catalog.models import Sku

_STATUSES = values(column("status", String), name="statuses").data(
    [(status.value,) for status in CardStatus]
)


def count_free_up_to(
    session: Session, sku_ids: Collection[UUID], *, most: int, now: datetime
) -> Mapping[UUID, int]:
    """Return SKU id → cards that may be sold, or `most` of them."""
    is_free = (is_free_to_sell(now, expiry_key(now)), Card.allotted_to.is_(None))
    counted = _count(Card.sku_id == Sku.id, *is_free, most=most)
    rows = session.execute(select(Sku.id, counted).where(Sku.id.in_(sku_ids)))
    return {sku_id: int(count) for sku_id, count in rows}


def count_by_status_up_to(
    session: Session, batch_ids: Collection[UUID], *, most: int
) -> Mapping[UUID, Mapping[CardStatus, int]]:
    """Return batch id → how many of its cards have each status that one has, or `most` of them."""
    counted = _count(Card.batch_id == Batch.id, Card.status == _STATUSES.c.status, most=most)
    rows = session.execute(
        select(Batch.id, _STATUSES.c.status, counted)
        .join(_STATUSES, true())
        .where(Batch.id.in_(batch_ids))
    )
    found: dict[UUID, dict[CardStatus, int]] = {batch_id: {} for batch_id in batch_ids}
    for batch_id, status, count in rows:
        if count:
            found[batch_id][CardStatus(status)] = int(count)
    return found


def _count(*which: ColumnElement[bool], most: int) -> ColumnElement[int]:
    """Count the cards of the row around it, and stop at `most`."""
    some = select(Card.id).where(*which).correlate(Sku, Batch, _STATUSES).limit(most).lateral()
    return select(func.count()).select_from(some).scalar_subquery()
