"""Cards on their way to a member: reserve, release, deliver, take back, reveal."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy import (
    ColumnElement,
    Integer,
    Table,
    and_,
    bindparam,
    inspect,
    literal_column,
    select,
    update,
)
from sqlalchemy.orm import Session
from sqlalchemy.sql.dml import ReturningInsert

from kit.errors import Conflict
from kit.faultpoints import faultpoint
from kit.ids import new_id
from kit.lifecycle import move, moving
from kit.outbox import emit
from shop.cards.events import CardRevealed
from shop.cards.models import CARD_LIFECYCLE, Batch, Card, CardStatus, Reveal
from shop.cards.queries import OWNED, CardNotFound, expiry_key, is_free_to_sell
from shop.cards.vault import Vault, WrappedKey

CARDS: Final[Table] = inspect(Card).local_table  # type: ignore[assignment] # a mapped class's is one
# Whoever locks several cards locks them in this order, so that nobody waits in a ring; it is also
# the order of sale: soonest to expire first.
LOCK_ORDER: Final = (CARDS.c.sku_id, CARDS.c.expires_on_key, CARDS.c.id)
_NOBODYS: Final[dict[str, Any]] = {"order_line_id": None, "member_id": None, "delivered_at": None}


class OutOfStock(Conflict):
    """Fewer cards are free than were asked for."""

    code = "cards.out_of_stock"
    title = "Out of stock"
    message = "库存不足"


@dataclass(frozen=True, slots=True)
class Revealed:
    """A code for its owner's eyes, and when they first saw it."""

    code: str = field(repr=False)
    password: str | None = field(repr=False)
    first_revealed_at: datetime


def reserve(
    session: Session,
    *,
    sku_id: UUID,
    order_line_id: UUID,
    quantity: int,
    allotted_to: UUID | None = None,
    now: datetime,
) -> None:
    """Hold `quantity` free cards for an order line, soonest to expire first, or `OutOfStock`.

    They are those set aside for `allotted_to`, or those set aside for nobody. Any of them will
    do, so cards that others are just taking are skipped, not waited for.
    """
    taking = _Taking(sku_id, order_line_id, allotted_to, now)
    if _take_at_once(session, taking, quantity):
        return
    # Skipped cards may yet be given back: only having waited for them do we say "sold out".
    if len(_take(session, taking, quantity, wait=True)) < quantity:
        raise OutOfStock(sku_id=str(sku_id))


def release(session: Session, *, order_line_ids: Sequence[UUID], now: datetime, actor: str) -> int:
    """Free the cards that are reserved for the lines; return how many."""
    return len(_run(session, _RELEASE, {"lines": order_line_ids}, at=now, actor=actor))


def deliver(
    session: Session,
    *,
    order_line_ids: Sequence[UUID],
    member_id: UUID,
    now: datetime,
    actor: str,
) -> int:
    """Give the cards that are reserved for the lines to the member; return how many."""
    parameters = {"lines": order_line_ids, "owner": member_id, "now": now}
    return len(_run(session, _DELIVER, parameters, at=now, actor=actor))


def take_back(
    session: Session, *, order_line_id: UUID, quantity: int | None, now: datetime, actor: str
) -> int:
    """Free up to `quantity` delivered cards of a line whose codes nobody saw; return how many.

    The cards are locked first: whoever is revealing one finishes before, or finds it gone.
    """
    parameters = {"lines": [order_line_id], "most": quantity}
    freed = _run(session, _TAKE_BACK, parameters, at=now, actor=actor)
    faultpoint("cards.take_back.after_move")
    return len(freed)


def reveal(
    session: Session,
    vault: Vault,
    *,
    card_id: UUID,
    member_id: UUID,
    request_id: str,
    now: datetime,
) -> Revealed:
    """Open a card for its owner and write the look down; raises `CardNotFound`.

    `VaultBroken` is no refusal but an alarm: it undoes everything and is logged as an error.
    """
    card = session.get(Card, card_id, with_for_update=True, populate_existing=True)
    if card is None or card.member_id != member_id or card.status not in OWNED:
        raise CardNotFound
    batch = session.get_one(Batch, card.batch_id)
    key = vault.open_batch(batch.id, WrappedKey(batch.wrapped_key, batch.master_key_version))
    secret = key.open(card.id, card.sealed)
    if card.status is CardStatus.DELIVERED:
        card.first_revealed_at = now
        move(session, card, CardStatus.REVEALED, at=now, actor="member")
        emit(session, CardRevealed(str(card.id), str(card.order_line_id), str(member_id)), now=now)
    session.add(
        Reveal(id=new_id(), card_id=card.id, member_id=member_id, request_id=request_id, at=now)
    )
    faultpoint("cards.reveal.before_commit")
    return Revealed(secret.code, secret.password, card.first_revealed_at or now)


def reassign(session: Session, *, from_member_id: UUID, into_member_id: UUID) -> None:
    """Give one member's cards to the member they became part of."""
    session.execute(
        update(Card).where(Card.member_id == from_member_id).values(member_id=into_member_id)
    )


class _TooFew(Exception):
    """Not as many cards were free at once as were asked for."""


@dataclass(frozen=True, slots=True)
class _Taking:
    """For which line, of which cards."""

    sku_id: UUID
    order_line_id: UUID
    allotted_to: UUID | None
    now: datetime


def _take_at_once(session: Session, taking: _Taking, quantity: int) -> bool:
    if quantity == 1:  # nothing could be left half taken
        return len(_take(session, taking, 1, wait=False)) == 1
    try:
        with session.begin_nested():
            taken = _take(session, taking, quantity, wait=False)
            if len(taken) < quantity:
                raise _TooFew
    except _TooFew:
        # Its locks are let go too, so that two who go on to wait cannot wait for each other.
        return False
    return True


def _take(session: Session, taking: _Taking, quantity: int, *, wait: bool) -> Sequence[UUID]:
    parameters: dict[str, Any] = {
        "sku": taking.sku_id,
        "now": taking.now,
        "today": expiry_key(taking.now),
        "line": taking.order_line_id,
    }
    statements = _FROM_STOCK
    if taking.allotted_to is not None:
        statements = _FROM_ALLOTMENT
        parameters["allotment"] = taking.allotted_to
    if quantity == 1 and not wait:
        statement = statements.one
    else:
        statement = statements.waiting if wait else statements.skipping
        parameters["most"] = quantity
    return _run(session, statement, parameters, at=taking.now, actor="orders")


def _run(
    session: Session,
    statement: ReturningInsert[UUID],
    parameters: dict[str, Any],
    *,
    at: datetime,
    actor: str,
) -> Sequence[UUID]:
    moved = session.execute(statement, {**parameters, "step_at": at, "step_actor": actor})
    return moved.scalars().all()


def _moving(
    which: ColumnElement[bool],
    *,
    old: CardStatus,
    to: CardStatus,
    values: Mapping[str, Any],
    most: ColumnElement[int] | None = None,
    skip_locked: bool = False,
) -> ReturningInsert[UUID]:
    # A CTE that locks rows is evaluated once; a plain subquery might be evaluated again and again.
    picked = (
        select(CARDS.c.id)
        .where(which, CARDS.c.status == literal_column(f"'{old.value}'"))
        .order_by(*LOCK_ORDER)
        .limit(most)
        .with_for_update(skip_locked=skip_locked)
        .cte("picked")
    )
    ids = CARDS.c.id.in_(select(picked.c.id))
    return moving(CARDS, CARD_LIFECYCLE, ids, old=old, to=to, values=values)


# Each is built once, since building one costs more than running it.
_MOST: Final = bindparam("most", type_=Integer)
_OF_LINES: Final = CARDS.c.order_line_id.in_(bindparam("lines", expanding=True))
_FOR_SALE: Final = and_(
    CARDS.c.sku_id == bindparam("sku"), is_free_to_sell(bindparam("now"), bindparam("today"))
)
_TO_LINE: Final[dict[str, Any]] = {"order_line_id": bindparam("line")}
_TO_OWNER: Final[dict[str, Any]] = {
    "member_id": bindparam("owner"),
    "delivered_at": bindparam("now"),
    "allotted_to": None,  # its owner's from now on; should it come back, anybody may sell it
}
_FREE, _RESERVED, _DELIVERED = CardStatus.FREE, CardStatus.RESERVED, CardStatus.DELIVERED


@dataclass(frozen=True, slots=True)
class _Takes:
    """The ways to take cards of one kind of stock."""

    one: ReturningInsert[UUID]
    skipping: ReturningInsert[UUID]
    waiting: ReturningInsert[UUID]


def _takes(which: ColumnElement[bool]) -> _Takes:
    def take(most: ColumnElement[int], *, skip_locked: bool) -> ReturningInsert[UUID]:
        return _moving(
            which, old=_FREE, to=_RESERVED, values=_TO_LINE, most=most, skip_locked=skip_locked
        )

    return _Takes(
        # Not a parameter, so that a prepared plan knows that it will not read far.
        one=take(literal_column("1", Integer), skip_locked=True),
        skipping=take(_MOST, skip_locked=True),
        waiting=take(_MOST, skip_locked=False),
    )


_FROM_STOCK: Final = _takes(and_(_FOR_SALE, CARDS.c.allotted_to.is_(None)))
_FROM_ALLOTMENT: Final = _takes(and_(_FOR_SALE, CARDS.c.allotted_to == bindparam("allotment")))
_RELEASE: Final = _moving(_OF_LINES, old=_RESERVED, to=_FREE, values=_NOBODYS)
_DELIVER: Final = _moving(_OF_LINES, old=_RESERVED, to=_DELIVERED, values=_TO_OWNER)
_TAKE_BACK: Final = _moving(_OF_LINES, old=_DELIVERED, to=_FREE, values=_NOBODYS, most=_MOST)
