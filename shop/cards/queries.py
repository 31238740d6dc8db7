"""Reading cards and batches: stock, a member's wallet, what a batch has become."""

from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy import BindParameter, ColumnElement, and_, func, or_, select
from sqlalchemy.orm import Session

from kit.errors import NotFound
from kit.lifecycle import StatusChange
from kit.pages import Page, read_page
from shop.cards.models import Batch, BatchStatus, Card, CardStatus, CodeExport
from shop.catalog.models import Sku


class CardNotFound(NotFound):
    """There is no such card, or it is not the asking member's."""

    code = "cards.not_found"
    title = "Card not found"
    message = "没有找到该卡"


class BatchNotFound(NotFound):
    """There is no such batch."""

    code = "cards.batch_not_found"
    title = "Batch not found"
    message = "没有找到该批次"


NEVER_EXPIRES: Final = 999_999
OWNED: Final = (CardStatus.DELIVERED, CardStatus.REVEALED)
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


def expiry_key(expires_at: datetime | None) -> int:
    """Return the days since 1970 of an expiry, by which cards are picked; a large one for never."""
    return NEVER_EXPIRES if expires_at is None else (expires_at - _EPOCH).days


def is_free_to_sell(
    now: datetime | BindParameter[Any], today: int | BindParameter[Any]
) -> ColumnElement[bool]:
    """Return the condition under which a card may be sold; `today` is the `expiry_key` of now.

    Whether it is set aside for somebody is another matter: see `allotments`.
    """
    return and_(
        Card.status == CardStatus.FREE,
        Card.is_sellable,
        Card.expires_on_key >= today,  # the index skips what has expired
        or_(Card.expires_at.is_(None), Card.expires_at > now),
    )


def has_cards(session: Session, sku_id: UUID) -> bool:
    """Say whether the SKU has cards, whatever became of them; each order reserved some."""
    found = select(Card.id).join(Batch, Batch.id == Card.batch_id).where(Batch.sku_id == sku_id)
    return bool(session.scalar(select(found.exists())))


def hold_has_cards(session: Session, sku_id: UUID) -> bool:
    """Say the same until the transaction ends: a SKU without cards is locked against imports.

    One with cards is not, since a crowd may be buying it.
    """
    if has_cards(session, sku_id):
        return True
    session.execute(select(Sku.id).where(Sku.id == sku_id).with_for_update())
    return has_cards(session, sku_id)


def list_cards(
    session: Session,
    member_id: UUID,
    *,
    order_line_ids: Sequence[UUID] | None = None,
    cursor: str | None = None,
    limit: int = 20,
) -> Page[Card]:
    """Return a page of the member's cards, newest first; only those of some lines if given."""
    query = select(Card).where(Card.member_id == member_id, Card.status.in_(OWNED))
    if order_line_ids is not None:
        query = query.where(Card.order_line_id.in_(order_line_ids))
    return read_page(session, query, Card.id, cursor=cursor, limit=limit)


def count_free(session: Session, sku_ids: Sequence[UUID], *, now: datetime) -> Mapping[UUID, int]:
    """Return SKU id → cards that may be sold; those that have expired may not."""
    rows = session.execute(
        select(Card.sku_id, func.count())
        .where(
            Card.sku_id.in_(sku_ids),
            is_free_to_sell(now, expiry_key(now)),
            Card.allotted_to.is_(None),
        )
        .group_by(Card.sku_id)
    )
    return {sku_id: int(count) for sku_id, count in rows}


def count_unrevealed(session: Session, member_id: UUID) -> int:
    """Count the member's cards whose codes they have not seen."""
    return (
        session.scalar(
            select(func.count())
            .select_from(Card)
            .where(Card.member_id == member_id, Card.status == CardStatus.DELIVERED)
        )
        or 0
    )


def count_unseen(session: Session, order_line_id: UUID) -> int:
    """Count the line's delivered cards whose codes nobody saw."""
    return (
        session.scalar(
            select(func.count())
            .select_from(Card)
            .where(Card.order_line_id == order_line_id, Card.status == CardStatus.DELIVERED)
        )
        or 0
    )


def get_batch(session: Session, batch_id: UUID) -> Batch:
    """Return the batch, locked and fresh; raises `BatchNotFound`."""
    batch = session.get(Batch, batch_id, with_for_update=True, populate_existing=True)
    if batch is None:
        raise BatchNotFound
    return batch


def list_batches(session: Session, *, sku_id: UUID | None = None) -> Sequence[Batch]:
    """Return batches, newest first; those of one SKU if given."""
    query = select(Batch).order_by(Batch.id.desc())
    if sku_id is not None:
        query = query.where(Batch.sku_id == sku_id)
    return session.scalars(query).all()


def find_batch_of_file(session: Session, sha256: str) -> Batch | None:
    """Return the batch that was made of this very file and is not undone, or None."""
    return session.scalars(
        select(Batch)
        .where(Batch.file_sha256 == sha256, Batch.status != BatchStatus.UNDONE)
        .order_by(Batch.id)
        .limit(1)
    ).one_or_none()


def find_known(session: Session, blind_indexes: Collection[bytes]) -> set[bytes]:
    """Return those of the blind indexes under which a code is known, in stock or sold."""
    return set(session.scalars(select(Card.blind_index).where(Card.blind_index.in_(blind_indexes))))


def count_by_status(session: Session, batch_id: UUID) -> Mapping[CardStatus, int]:
    """Return how many cards of the batch have each status."""
    rows = session.execute(
        select(Card.status, func.count()).where(Card.batch_id == batch_id).group_by(Card.status)
    )
    return {status: int(count) for status, count in rows}


def is_set_aside(session: Session, batch_id: UUID) -> bool:
    """Say whether a card of the batch is set aside for somebody."""
    kept = select(Card.id).where(Card.batch_id == batch_id, Card.allotted_to.is_not(None)).limit(1)
    return session.scalar(kept) is not None


def was_ever_held(session: Session, batch_id: UUID) -> bool:
    """Say whether any card of the batch ever left the free stock, even if it came back."""
    held = (
        select(StatusChange.seq)
        .join(Card, Card.id == StatusChange.row_id)
        .where(Card.batch_id == batch_id)
        .limit(1)
    )
    return session.scalar(held) is not None


def get_card(session: Session, card_id: UUID) -> Card:
    """Return the card, whosever it is; raises `CardNotFound`."""
    card = session.get(Card, card_id)
    if card is None:
        raise CardNotFound
    return card


def list_batch_cards(session: Session, batch_id: UUID, *, after: int, limit: int) -> Sequence[Card]:
    """Return cards of the batch as they stood in the file, behind a position."""
    return session.scalars(
        select(Card)
        .where(Card.batch_id == batch_id, Card.position > after)
        .order_by(Card.position)
        .limit(limit)
    ).all()


def find_export(session: Session, approval_id: UUID) -> CodeExport | None:
    """Return the export that a request led to, or None if nobody has fetched it."""
    return session.scalars(
        select(CodeExport).where(CodeExport.approval_id == approval_id)
    ).one_or_none()
