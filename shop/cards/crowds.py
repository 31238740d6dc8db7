"""Cards for a crowd of buyers: locked together, then reserved one to each unit of each line."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy import Integer, Uuid, and_, bindparam, select
from sqlalchemy.orm import Session
from sqlalchemy.sql.selectable import Select

from kit.lifecycle import moving
from kit.rows import array_table
from shop.cards.models import CARD_LIFECYCLE, CardStatus
from shop.cards.queries import expiry_key, is_free_to_sell
from shop.cards.service import CARDS, LOCK_ORDER


class _TooFew(Exception):
    """Some of the cards are just being taken by others, or there are no more."""


def pick(
    session: Session, sku_id: UUID, *, allotted_to: UUID, quantity: int, now: datetime
) -> Sequence[UUID]:
    """Lock up to `quantity` free cards of a SKU in an allotment, soonest to expire first.

    Cards that others are just taking are skipped; only when too few are left are they waited
    for, since they may yet be given back: fewer than asked for means that there are no more.
    """
    parameters = {
        "sku": sku_id,
        "allotment": allotted_to,
        "most": quantity,
        "now": now,
        "today": expiry_key(now),
    }
    try:
        with session.begin_nested():
            picked = session.scalars(_SKIPPING, parameters).all()
            if len(picked) < quantity:
                raise _TooFew
    except _TooFew:
        # Its locks are let go, so that two who go on to wait cannot wait for each other.
        return session.scalars(_WAITING, parameters).all()
    return picked


def reserve_picked(
    session: Session, card_ids: Sequence[UUID], line_ids: Sequence[UUID], *, now: datetime
) -> None:
    """Reserve cards that `pick` locked, each for the order line at its place in `line_ids`."""
    parameters: dict[str, Any] = {
        "pair_card_id": card_ids,
        "pair_line_id": line_ids,
        "step_at": now,
        "step_actor": "orders",
    }
    moved = session.execute(_RESERVE, parameters).scalars().all()
    if len(moved) != len(card_ids):
        raise AssertionError("a card that was locked is not free any more")


def _picking(*, skip_locked: bool) -> Select[UUID]:
    which = and_(
        CARDS.c.sku_id == bindparam("sku"),  # without which all would be sorted by it
        CARDS.c.allotted_to == bindparam("allotment"),
        is_free_to_sell(bindparam("now"), bindparam("today")),
    )
    return (
        select(CARDS.c.id)
        .where(which)
        .order_by(*LOCK_ORDER)
        .limit(bindparam("most", type_=Integer))
        .with_for_update(skip_locked=skip_locked)
    )


# Each is built once, since building one costs more than running it.
_SKIPPING: Final = _picking(skip_locked=True)
_WAITING: Final = _picking(skip_locked=False)
_PAIRS: Final = array_table("pair", {"card_id": Uuid(), "line_id": Uuid()})
_RESERVE: Final = moving(
    CARDS,
    CARD_LIFECYCLE,
    CARDS.c.id == _PAIRS.c.card_id,
    old=CardStatus.FREE,
    to=CardStatus.RESERVED,
    values={"order_line_id": _PAIRS.c.line_id},
)
