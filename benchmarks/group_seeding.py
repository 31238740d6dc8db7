"""A campaign whose groups have all but one seat paid and are over, written in bulk."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

import psycopg
from sqlalchemy import insert

from benchmarks.people import PRICE_FEN, make_stock, sign_in
from group_buy.models import Group, GroupStatus, Seat, SeatStatus
from kit.ids import new_id, new_number
from kit.money import Fen
from shop.catalog.models import SaleChannel, Sku
from shop.ledger import service as ledger
from shop.ledger.models import AccountKind
from shop.ledger.service import Cause, Posting, Side
from shop.orders.models import Order, OrderLine, OrderStatus
from shop.payments.gateway import Channel
from shop.payments.models import Payment, PaymentStatus
from shop.ports import Ports

PAID_SEATS: Final = 3
MEMBERS: Final = 300
AT_ONCE: Final = 5_000
_RESERVE: Final = """
UPDATE cards SET status = 'reserved', order_line_id = line.id FROM
    (SELECT id, row_number() OVER (ORDER BY id) AS n FROM order_lines WHERE sku_id = %(sku)s) line,
    (SELECT id, row_number() OVER (ORDER BY id) AS n FROM cards WHERE sku_id = %(sku)s) card
WHERE cards.id = card.id AND card.n = line.n
"""


@dataclass(frozen=True, slots=True)
class Rows:
    """One group's rows, table by table."""

    group: dict[str, Any]
    orders: list[dict[str, Any]]
    lines: list[dict[str, Any]]
    payments: list[dict[str, Any]]
    seats: list[dict[str, Any]]
    postings: list[Posting]


def seed_groups(
    ports: Ports,
    owner: "psycopg.Connection[tuple[object, ...]]",
    *,
    campaign: tuple[UUID, UUID],
    groups: int,
    app_id: str,
) -> None:
    """Write so many groups of a campaign and its item down, over since a second ago.

    The connection is the owner's: cards are put to their lines without the steps in between.
    """
    sku = make_stock(ports, groups * PAID_SEATS)
    members = [person.member_id for person in sign_in(ports, MEMBERS, app_id=app_id)]
    for start in range(0, groups, AT_ONCE // PAID_SEATS):
        numbers = range(start, min(start + AT_ONCE // PAID_SEATS, groups))
        now = ports.clock()
        _write(ports, [_rows(n, sku, members, campaign, now=now) for n in numbers], now=now)
    with owner.transaction():
        owner.execute("SET LOCAL session_replication_role = replica")
        owner.execute(_RESERVE, {"sku": sku.id})
    for table in ("groups", "seats", "orders", "order_lines", "payments", "cards", "transfers"):
        owner.execute(f"VACUUM (ANALYZE) {table}".encode())


def _write(ports: Ports, rows: Sequence[Rows], *, now: datetime) -> None:
    with ports.begin() as session:
        session.execute(insert(Group), [row.group for row in rows])
        for table, part in (
            (Order, "orders"),
            (OrderLine, "lines"),
            (Payment, "payments"),
            (Seat, "seats"),
        ):
            session.execute(insert(table), [each for row in rows for each in getattr(row, part)])
        ledger.transfer_many(session, [each for row in rows for each in row.postings], now=now)


def _rows(
    number: int,
    sku: Sku,
    members: Sequence[UUID],
    campaign: tuple[UUID, UUID],
    *,
    now: datetime,
) -> Rows:
    ended_at = now - timedelta(seconds=1)
    opened_at = ended_at - timedelta(hours=1)
    group = {
        "id": new_id(),
        "campaign_id": campaign[0],
        "item_id": campaign[1],
        "sku_id": sku.id,
        "status": GroupStatus.OPEN,
        "initiator_id": members[number % len(members)],
        "seats_required": PAID_SEATS + 1,
        "seats_max": PAID_SEATS + 1,
        "seats_paid": PAID_SEATS,
        "price_fen": PRICE_FEN,
        "opened_at": opened_at,
        "ends_at": ended_at,
        "due_at": ended_at,
    }
    rows = Rows(group, [], [], [], [], [])
    for seat_no in range(1, PAID_SEATS + 1):
        member = members[(number + seat_no) % len(members)]
        _add_seat(rows, sku, member, seat_no, at=opened_at)
    return rows


def _add_seat(rows: Rows, sku: Sku, member: UUID, seat_no: int, *, at: datetime) -> None:
    order_id, payment_id = new_id(), new_id()
    rows.orders.append(
        {
            "id": order_id,
            "order_no": new_number("TO", now=at),
            "member_id": member,
            "sale_channel": SaleChannel.H5,
            "status": OrderStatus.PAID,
            "total_fen": PRICE_FEN,
            "campaign_id": rows.group["campaign_id"],
            "is_held": True,
            "version": 2,
            "placed_at": at,
            "pay_by": at + timedelta(minutes=15),
            "paid_at": at,
        }
    )
    rows.lines.append(
        {
            "id": new_id(),
            "order_id": order_id,
            "position": 0,
            "member_id": member,
            "sku_id": sku.id,
            "quantity": 1,
            "unit_price_fen": PRICE_FEN,
            "total_fen": PRICE_FEN,
            "snapshot": {"sku_title": sku.title},
        }
    )
    rows.payments.append(_payment(payment_id, order_id, at=at))
    rows.seats.append(
        {
            "id": new_id(),
            "group_id": rows.group["id"],
            "seats_max": rows.group["seats_max"],
            "seat_no": seat_no,
            "member_id": member,
            "member_seat": 1,
            "order_id": order_id,
            "status": SeatStatus.PAID,
            "may_move": False,
            "joined_at": at,
            "paid_at": at,
        }
    )
    rows.postings.extend(_captured(payment_id, order_id))


def _payment(payment_id: UUID, order_id: UUID, *, at: datetime) -> dict[str, Any]:
    return {
        "id": payment_id,
        "order_id": order_id,
        "attempt": 1,
        "channel": Channel.WECHAT_PAY,
        "app_id": "app",
        "merchant_id": "merchant",
        "out_trade_no": new_number("TP", now=at),
        "status": PaymentStatus.CAPTURED,
        "amount_fen": PRICE_FEN,
        "transaction_no": payment_id.hex,
        "created_at": at,
        "expires_at": at + timedelta(minutes=15),
        "captured_at": at,
    }


def _captured(payment_id: UUID, order_id: UUID) -> Iterator[Posting]:
    yield Posting(
        debit=Side(AccountKind.CLEARING, Channel.WECHAT_PAY.value),
        credit=Side(AccountKind.UNEARNED),
        amount_fen=Fen(PRICE_FEN),
        cause=Cause("payment", payment_id, "captured"),
        order_id=order_id,
    )
