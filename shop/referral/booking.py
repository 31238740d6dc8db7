"""Writing down what a leader earns on an order that was paid just now, by one statement.

Every order that somebody was brought to goes through here, often thousands at once.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from sqlalchemy import (
    BigInteger,
    DateTime,
    Exists,
    Integer,
    Select,
    Uuid,
    bindparam,
    func,
    insert,
    literal,
    select,
    update,
)
from sqlalchemy.orm import Session
from sqlalchemy.sql.dml import Insert
from sqlalchemy.types import TypeEngine

from kit.db import Base
from kit.ids import new_id
from kit.rows import array_table
from shop.ledger import service as ledger
from shop.ledger.service import Cause, Posting
from shop.referral.earning import EXPENSE, pending
from shop.referral.models import (
    Attribution,
    Commission,
    CommissionEntry,
    CommissionStatus,
    Earnings,
    EntryKind,
)
from shop.referral.telling import TOGETHER_FOR

_MOMENT: Final = DateTime(timezone=True)
_OF_COMMISSION: Final[Mapping[str, TypeEngine[Any]]] = {
    "id": Uuid(),
    "order_line_id": Uuid(),
    "order_id": Uuid(),
    "earner_id": Uuid(),
    "rule_id": Uuid(),
    "basis_points": Integer(),
    "fixed_fen": BigInteger(),
    "holds_days": Integer(),
    "quantity": Integer(),
    "base_fen": BigInteger(),
    "amount_fen": BigInteger(),
    "left_fen": BigInteger(),
    "due_at": _MOMENT,
}


def book(
    session: Session, attribution: Attribution, made: Sequence[Commission], *, now: datetime
) -> bool:
    """Write down whose touch an order is owed to, and one leader's commissions on it.

    Their sums must be open, and are locked by this. Returns False, and writes no commissions, when
    they are closed: the leader became part of another or is gone.
    """
    member_id, order_id = made[0].earner_id, attribution.order_id
    entry_ids = [new_id() for _ in made]
    rows = {f"row_{name}": [getattr(one, name) for one in made] for name in _OF_COMMISSION}
    is_open = session.scalar(
        _BOOKED,
        rows
        | {
            "row_entry_id": entry_ids,
            "owed_order": order_id,
            "owed_invite": attribution.invite_id,
            "owed_touch": attribution.touch_id,
            "earner": member_id,
            "sum_fen": sum(one.amount_fen for one in made),
            "now": now,
            "told_at": now + TOGETHER_FOR,
        },
    )
    if not is_open:
        return False
    ledger.transfer_many(
        session,
        [
            Posting(
                EXPENSE,
                pending(member_id),
                one.amount_fen,
                Cause("commission", entry_id, EntryKind.EARNED.value),
                order_id,
            )
            for one, entry_id in zip(made, entry_ids, strict=True)
        ],
        now=now,
    )
    return True


def _booked() -> Select[int]:
    """Return the statement: the sums first, and the rest only when these are open."""
    now, earner = bindparam("now", type_=_MOMENT), bindparam("earner", type_=Uuid())
    earned_fen = bindparam("sum_fen", type_=BigInteger())
    summed = (
        update(Earnings)
        .where(Earnings.member_id == earner, Earnings.closed_at.is_(None))
        .values(
            pending_fen=Earnings.pending_fen + earned_fen,
            untold_fen=Earnings.untold_fen + earned_fen,
            due_at=func.coalesce(Earnings.due_at, bindparam("told_at", type_=_MOMENT)),
        )
        .returning(Earnings.member_id)
        .cte("summed")
    )
    row = array_table("row", {**_OF_COMMISSION, "entry_id": Uuid()}).c
    is_open = select(summed.c.member_id).exists()
    commissions = _inserting(
        Commission,
        {name: row[name] for name in _OF_COMMISSION}
        | {
            "status": literal(CommissionStatus.PENDING.value),
            "attempts": literal(0),
            "created_at": now,
        },
        is_open,
    )
    entries = _inserting(
        CommissionEntry,
        {
            "id": row.entry_id,
            "member_id": row.earner_id,
            "commission_id": row.id,
            "kind": literal(EntryKind.EARNED.value),
            "pending_fen": row.amount_fen,
            "at": now,
        },
        is_open,
    )
    attributed = insert(Attribution).values(
        order_id=bindparam("owed_order", type_=Uuid()),
        invite_id=bindparam("owed_invite", type_=Uuid()),
        touch_id=bindparam("owed_touch", type_=Uuid()),
        at=now,
    )
    return (
        select(func.count())
        .select_from(summed)
        .add_cte(attributed.cte("attributed"), commissions.cte("earned"), entries.cte("entered"))
    )


def _inserting(model: type[Base], values: Mapping[str, Any], is_open: Exists) -> Insert:
    return insert(model).from_select(list(values), select(*values.values()).where(is_open))


# Built once: building it takes longer than the database takes to answer.
_BOOKED: Final = _booked()
