"""Batches of cards: adding one, whole or not at all, and what may be done to it afterwards."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import islice
from typing import Any, Final
from uuid import UUID

from sqlalchemy import (
    ARRAY,
    ColumnElement,
    and_,
    bindparam,
    column,
    delete,
    func,
    literal,
    select,
    update,
)
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from kit.errors import Conflict
from kit.faultpoints import faultpoint
from kit.ids import new_id
from kit.lifecycle import IllegalMove, move
from shop.cards import queries
from shop.cards.models import Batch, BatchStatus, Card, CardStatus
from shop.cards.service import CARDS, LOCK_ORDER
from shop.cards.vault import BatchKey, CardSecret, Vault

CHUNK: Final = 2000  # rows per statement; what of a file is in memory at once
PART: Final = 20_000  # cards per statement when a whole batch changes
_VARYING: Final = ("id", "position", "sealed", "blind_index", "expires_at", "expires_on_key")
_BEHIND_THE_SESSION: Final = {"synchronize_session": False}  # no card of it is in memory

Progress = Callable[[int], None]  # is told how many lines are done


class BatchInUse(Conflict):
    """Cards of the batch were sold or are held, so it cannot be undone any more."""

    code = "cards.batch_in_use"
    title = "Cards of the batch were sold"
    message = "该批次已有卡密售出或占用，无法撤销"


@dataclass(frozen=True, slots=True)
class NewCard:
    """A card to be added, and the line of the file that it stands on."""

    line: int
    secret: CardSecret = field(repr=False)
    expires_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a batch comes from: the file and its SHA-256 in hex, and the supplier's name."""

    file_name: str
    file_sha256: str
    source: str = ""


@dataclass(slots=True)
class Added:
    """What became of the cards of a file."""

    batch_id: UUID
    cards: int = 0
    duplicate_lines: list[int] = field(default_factory=list)  # known codes, here or sold before


def add_batch(
    session: Session,
    vault: Vault,
    *,
    sku_id: UUID,
    cards: Iterable[NewCard],
    origin: Origin,
    now: datetime,
    on_progress: Progress | None = None,
) -> Added:
    """Seal and write the cards chunk by chunk, telling `on_progress` how many lines are done.

    Codes that were ever known are left out and counted. Nobody sees the batch before the caller's
    transaction ends, and if that is undone nothing of it stays.
    """
    batch, key = _begin_batch(session, vault, sku_id=sku_id, origin=origin, now=now)
    added, position = Added(batch.id), 0
    waiting = iter(cards)
    while chunk := list(islice(waiting, CHUNK)):
        rows = [_row(vault, key, card, position + at) for at, card in enumerate(chunk)]
        written = _write(session, batch, rows)
        position += len(chunk)
        added.cards += len(written)
        added.duplicate_lines += [
            card.line for card, row in zip(chunk, rows, strict=True) if row["id"] not in written
        ]
        if on_progress is not None:
            on_progress(position)
    faultpoint("cards.add_batch.before_open")
    batch.cards_count = added.cards
    move(session, batch, BatchStatus.OPEN, at=now, actor="import")
    return added


def freeze_batch(session: Session, batch: Batch, *, actor: str, now: datetime) -> None:
    """Take the batch's free cards off sale; raises `IllegalMove`."""
    move(session, batch, BatchStatus.FROZEN, at=now, actor=actor)
    _set_sellable(session, batch, is_sellable=False)


def unfreeze_batch(session: Session, batch: Batch, *, actor: str, now: datetime) -> None:
    """Put the batch's free cards on sale again; raises `IllegalMove`.

    Those whose codes left the house stay void, and off sale.
    """
    move(session, batch, BatchStatus.OPEN, at=now, actor=actor)
    _set_sellable(session, batch, is_sellable=True)


def undo_batch(session: Session, batch: Batch, *, actor: str, now: datetime) -> int:
    """Remove a batch of which nothing was ever held, sold or set aside; return how many cards went.

    The codes may be imported again, under the right SKU. Raises `BatchInUse` or `IllegalMove`.
    """
    move(session, batch, BatchStatus.UNDONE, at=now, actor=actor)
    lock_cards(session, batch)
    count = _count_untouched(session, batch)
    for part in parts_of(session, batch):
        session.execute(delete(Card).where(part), execution_options=_BEHIND_THE_SESSION)
    return count


def foresee_undo(session: Session, batch: Batch) -> int:
    """Return how many cards `undo_batch` would remove now; nothing changes. Raises as it does."""
    if not batch.lifecycle.allows(batch.status, BatchStatus.UNDONE):
        raise IllegalMove(kind="batch", old=batch.status.value, new=BatchStatus.UNDONE.value)
    return _count_untouched(session, batch)


def lock_cards(session: Session, batch: Batch) -> None:
    """Lock every card of the batch in the common order, and wait for whoever is taking one."""
    locked = select(Card.id).where(Card.batch_id == batch.id).order_by(*LOCK_ORDER)
    session.execute(select(func.count()).select_from(locked.with_for_update().subquery()))


def parts_of(session: Session, batch: Batch) -> Iterator[ColumnElement[bool]]:
    """Divide the batch's cards, so that no statement on a large batch runs out of time."""
    last = session.scalar(select(func.max(Card.position)).where(Card.batch_id == batch.id))
    for first in range(0, 0 if last is None else last + 1, PART):
        yield and_(Card.batch_id == batch.id, Card.position >= first, Card.position < first + PART)


def _count_untouched(session: Session, batch: Batch) -> int:
    """Count the batch's cards, or raise `BatchInUse` if one was ever held or is promised."""
    counts = queries.count_by_status(session, batch.id)
    is_promised = queries.is_set_aside(session, batch.id)  # to a campaign, or to who waited
    if set(counts) - {CardStatus.FREE} or is_promised or queries.was_ever_held(session, batch.id):
        raise BatchInUse(batch_id=str(batch.id))
    return counts.get(CardStatus.FREE, 0)


def _begin_batch(
    session: Session, vault: Vault, *, sku_id: UUID, origin: Origin, now: datetime
) -> tuple[Batch, BatchKey]:
    batch_id = new_id()
    wrapped = vault.new_batch_key(batch_id)
    batch = Batch(
        id=batch_id,
        sku_id=sku_id,
        status=BatchStatus.IMPORTING,
        file_name=origin.file_name[:200],
        file_sha256=origin.file_sha256,
        source=origin.source[:80],
        cards_count=0,
        wrapped_key=wrapped.wrapped,
        master_key_version=wrapped.master_key_version,
        created_at=now,
    )
    session.add(batch)
    session.flush()  # the cards name the batch
    return batch, vault.open_batch(batch_id, wrapped)


def _row(vault: Vault, key: BatchKey, card: NewCard, position: int) -> dict[str, Any]:
    card_id = new_id()
    return {
        "id": card_id,
        "position": position,
        "sealed": key.seal(card_id, card.secret),
        "blind_index": vault.blind_index(card.secret.code),
        "expires_at": card.expires_at,
        "expires_on_key": queries.expiry_key(card.expires_at),
    }


def _write(session: Session, batch: Batch, rows: Sequence[dict[str, Any]]) -> set[UUID]:
    """Insert the rows whose codes are new, and return their ids.

    A column travels as one array: thousands of parameters would cost more than the insert.
    """
    arrays = [
        bindparam(None, [row[name] for row in rows], type_=ARRAY(CARDS.c[name].type))
        for name in _VARYING
    ]
    given = (
        func.unnest(*arrays)
        .table_valued(*(column(name, CARDS.c[name].type) for name in _VARYING))
        .render_derived(name="given")
    )
    same = {
        "batch_id": batch.id,
        "sku_id": batch.sku_id,
        "status": CardStatus.FREE,
        "is_sellable": True,
    }
    constants = [literal(value, CARDS.c[name].type) for name, value in same.items()]
    statement = (
        insert(CARDS)
        .from_select([*_VARYING, *same], select(*given.c, *constants))
        .on_conflict_do_nothing(index_elements=[CARDS.c.blind_index])
        .returning(CARDS.c.id)
    )
    return set(session.scalars(statement))


def _set_sellable(session: Session, batch: Batch, *, is_sellable: bool) -> None:
    # All of them, held ones too: what comes back from an order must not be sold either.
    lock_cards(session, batch)
    for part in parts_of(session, batch):
        session.execute(
            update(Card).where(part, Card.exported_at.is_(None)).values(is_sellable=is_sellable),
            execution_options=_BEHIND_THE_SESSION,
        )
