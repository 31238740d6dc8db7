"""A member's account as a whole: export of everything about them, and leaving."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy.orm import Session

from kit.errors import Conflict
from shop.cards import queries as cards
from shop.members import queries as member_queries
from shop.members import service as members
from shop.members.phones import PhoneBook
from shop.orders import queries
from shop.orders.models import Order, OrderLine
from shop.payments import queries as payments

PAGE = 100


class UnfinishedOrders(Conflict):
    """Orders still wait for payment, delivery or a refund."""

    code = "members.unfinished_orders"
    title = "Finish or cancel your open orders first"
    message = "您还有未完成的订单，暂时无法注销"


class UnrevealedCards(Conflict):
    """Cards the member paid for and never looked at would be lost."""

    code = "members.unrevealed_cards"
    title = "You own cards whose codes you have not revealed"
    message = "您还有未查看的卡密，注销后将无法找回"


def close_account(session: Session, *, member_id: UUID, give_up_cards: bool, now: datetime) -> None:
    """Delete the account: the person's data goes, the books stay.

    Raises `UnfinishedOrders`, or `UnrevealedCards` unless `give_up_cards`. The member is locked
    before the counting, so that no order is placed meanwhile.
    """
    member_queries.lock_member(session, member_id)
    if count := queries.count_unfinished(session, member_id):
        raise UnfinishedOrders(orders=count)
    if not give_up_cards and (count := cards.count_unrevealed(session, member_id)):
        raise UnrevealedCards(cards=count)
    members.pseudonymise(session, member_id=member_id, now=now)


def export_account(session: Session, phone_book: PhoneBook, *, member_id: UUID) -> dict[str, Any]:
    """Return everything we hold about the member as JSON; codes are left to the reveal."""
    exported = members.export_member(session, phone_book, member_id=member_id)
    exported["orders"] = [
        _export_order(session, order) for order in _list_all_orders(session, member_id)
    ]
    return exported


def _list_all_orders(session: Session, member_id: UUID) -> list[Order]:
    orders: list[Order] = []
    cursor: str | None = None
    while True:
        page = queries.list_orders(session, member_id, cursor=cursor, limit=PAGE)
        orders.extend(page.items)
        cursor = page.next_cursor
        if cursor is None:
            return orders


def _export_order(session: Session, order: Order) -> dict[str, Any]:
    return {
        "order_no": order.order_no,
        "status": order.status.value,
        "total_fen": order.total_fen,
        "placed_at": order.placed_at.isoformat(),
        "paid_at": order.paid_at.isoformat() if order.paid_at else None,
        "lines": [_export_line(line) for line in queries.list_lines(session, [order.id])],
        "payments": [
            {
                "channel": payment.channel.value,
                "amount_fen": payment.amount_fen,
                "status": payment.status.value,
                "transaction_no": payment.transaction_no,
            }
            for payment in payments.list_payments(session, order.id)
        ],
        "refunds": [
            {"amount_fen": refund.amount_fen, "status": refund.status.value}
            for refund in payments.list_refunds(session, order.id)
        ],
    }


def _export_line(line: OrderLine) -> dict[str, Any]:
    return {
        "title": line.snapshot["sku_title"],
        "quantity": line.quantity,
        "total_fen": line.total_fen,
        "refunded_fen": line.refunded_fen,
    }
