"""Refunds of orders, inside one transaction: asking for one, applying what the platform tells."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy.orm import Session

from kit.errors import Conflict
from kit.lifecycle import move
from kit.money import Fen, split
from kit.outbox import emit
from kit.sweep import postpone, settle
from shop.cards import queries as card_queries
from shop.cards import service as cards
from shop.ledger.models import AccountKind
from shop.orders import queries
from shop.orders.events import OrderRefunded
from shop.orders.models import Order, OrderLine, OrderStatus
from shop.orders.rules import allows_return, refund_rule_of
from shop.payments import queries as payments_queries
from shop.payments import service as payments
from shop.payments.gateway import RefundResult, RefundState
from shop.payments.models import Refund, RefundReason, RefundStatus

# Refunds of what was ordered; the others give back money that came in beside the order's price.
OF_THE_ORDER = (
    RefundReason.MEMBER,
    RefundReason.UNDELIVERABLE,
    RefundReason.GROUP_FAILED,
    RefundReason.GROUP_LATE,
    RefundReason.LEFT,
    RefundReason.SHEET_FAILED,
)


class NotRefundable(Conflict):
    """The order is not paid, or nothing of it may go back."""

    code = "orders.not_refundable"
    title = "Nothing in the order can be refunded"
    message = "订单当前没有可退款的内容"


class OrderHeld(Conflict):
    """The order waits for its group or order sheet; leaving that gives its money back."""

    code = "orders.held"
    title = "Leave the group or the order sheet to get the money back"
    message = "订单正在等待成团，退出拼团或接龙即可退款"


class RefundMismatch(Conflict):
    """What the platform tells of a refund contradicts what we asked for."""

    code = "payments.refund_mismatch"
    title = "The refund does not match ours"
    message = "退款信息不一致"


def refund_order(
    session: Session,
    order: Order,
    *,
    reason: RefundReason,
    line_id: UUID | None = None,
    quantity: int | None = None,
    now: datetime,
) -> list[Refund]:
    """Take back whatever the rules allow and promise its price back; raises `NotRefundable`.

    A member's wish on a held order raises `OrderHeld`.
    `line_id` and `quantity` narrow it to units of one line. A revealed code never goes back:
    the cards are locked first, so reveal and refund of one card exclude each other. An order that
    is not delivered yet goes back whole: its rest could be neither delivered nor earned.
    """
    wanted = _find_wanted(session, order, reason=reason, line_id=line_id, quantity=quantity)
    is_delivered = order.status is OrderStatus.FULFILLED
    amount = 0
    for line in wanted:
        amount += _take_back(session, line, quantity, is_delivered=is_delivered, now=now)
    if amount == 0:
        raise NotRefundable
    move(session, order, OrderStatus.REFUNDING, at=now, actor=reason.value)
    settle(order)
    return _promise(
        session,
        order,
        Fen(amount),
        reason=reason,
        from_account=AccountKind.SALES if is_delivered else AccountKind.UNEARNED,
        now=now,
    )


def foresee_refund(session: Session, order: Order, *, line_id: UUID | None = None) -> Fen:
    """Return what `refund_order` would promise a member now; nothing changes. Raises as it does."""
    wanted = _find_wanted(
        session, order, reason=RefundReason.MEMBER, line_id=line_id, quantity=None
    )
    is_delivered = order.status is OrderStatus.FULFILLED
    amount = 0
    for line in wanted:
        if allows_return(refund_rule_of(line.snapshot), is_delivered=is_delivered):
            unseen = card_queries.count_unseen(session, line.id) if is_delivered else None
            units = line.quantity - line.refunded_quantity if unseen is None else unseen
            amount += units * (line.unit_price_fen - line.dropped_fen)
    if amount == 0:
        raise NotRefundable
    return Fen(amount)


def record_refund(session: Session, result: RefundResult, *, now: datetime) -> bool:
    """Apply what a platform tells of a refund once; return whether it changed anything.

    Raises `RefundMismatch` when the number is not ours or the amount or trade differs.
    """
    found = payments_queries.find_refund_by_number(session, result.out_refund_no)
    if found is None:
        raise RefundMismatch(fields=["out_refund_no"])
    order = queries.lock_order(session, found.order_id)
    payment = payments_queries.lock_payment(session, found.payment_id)
    refund = session.get_one(Refund, found.id, with_for_update=True, populate_existing=True)
    told = (result.channel, result.merchant_id, result.out_trade_no)
    if told != (payment.channel, payment.merchant_id, payment.out_trade_no):
        raise RefundMismatch(fields=["trade"])
    if result.amount_fen not in (None, refund.amount_fen):
        raise RefundMismatch(fields=["amount_fen"])
    if refund.status is RefundStatus.DONE:
        return False
    if result.state is RefundState.DONE:
        payments.finish_refund(session, refund, result, channel=payment.channel, now=now)
        _finish_order(session, order, refund, now=now)
    else:
        _note_progress(session, refund, result, now=now)
    return True


def _find_wanted(
    session: Session,
    order: Order,
    *,
    reason: RefundReason,
    line_id: UUID | None,
    quantity: int | None,
) -> list[OrderLine]:
    """Return the lines of which something may go back, or raise `NotRefundable` or `OrderHeld`."""
    if order.status not in (OrderStatus.PAID, OrderStatus.FULFILLED):
        raise NotRefundable(status=order.status.value)
    if order.is_held and reason is RefundReason.MEMBER:
        raise OrderHeld
    lines = queries.list_lines(session, [order.id])
    wanted = [line for line in lines if line_id in (None, line.id)]
    is_delivered = order.status is OrderStatus.FULFILLED
    if not is_delivered and not _is_everything(lines, wanted, quantity):
        raise NotRefundable(status=order.status.value)
    return wanted


def _is_everything(
    lines: Sequence[OrderLine], wanted: Sequence[OrderLine], quantity: int | None
) -> bool:
    enough = quantity is None or all(quantity >= line.quantity for line in wanted)
    return enough and len(wanted) == len(lines)


def _take_back(
    session: Session, line: OrderLine, quantity: int | None, *, is_delivered: bool, now: datetime
) -> int:
    if not allows_return(refund_rule_of(line.snapshot), is_delivered=is_delivered):
        return 0
    if is_delivered:
        units = cards.take_back(
            session, order_line_id=line.id, quantity=quantity, now=now, actor="refund"
        )
    else:
        # Nothing is delivered yet, so the whole line goes back.
        cards.release(session, order_line_ids=[line.id], now=now, actor="refund")
        units = line.quantity - line.refunded_quantity
    line.refunded_quantity += units
    # What a lower price has given back of each unit is not given back again.
    amount = units * (line.unit_price_fen - line.dropped_fen)
    line.refunded_fen = Fen(line.refunded_fen + amount)
    return amount


def _promise(
    session: Session,
    order: Order,
    amount: Fen,
    *,
    reason: RefundReason,
    from_account: AccountKind,
    now: datetime,
) -> list[Refund]:
    """Divide the amount over the order's payments by what is left of each, to the fen."""
    captured = payments_queries.list_captured(session, order.id, lock=True)
    refunds = payments_queries.list_refunds(session, order.id)
    left = [
        payment.amount_fen
        - sum(refund.amount_fen for refund in refunds if refund.payment_id == payment.id)
        for payment in captured
    ]
    parts = split(amount, weights=left)
    return [
        payments.request_refund(
            session, payment, reason=reason, amount_fen=part, from_account=from_account, now=now
        )
        for payment, part in zip(captured, parts, strict=True)
        if part > 0
    ]


def _finish_order(session: Session, order: Order, refund: Refund, *, now: datetime) -> None:
    lines = queries.list_lines(session, [order.id])
    is_whole = all(line.refunded_fen == line.total_fen for line in lines)
    waiting = [
        other
        for other in payments_queries.list_refunds(session, order.id)
        if other.status is not RefundStatus.DONE and other.reason in OF_THE_ORDER
    ]
    is_ours = refund.reason in OF_THE_ORDER
    if is_ours and order.status is OrderStatus.REFUNDING and not waiting:
        to = OrderStatus.REFUNDED if is_whole else OrderStatus.FULFILLED
        move(session, order, to, at=now, actor="platform")
    emit(
        session,
        OrderRefunded(
            str(order.id), str(order.member_id), str(refund.id), refund.amount_fen, is_whole
        ),
        now=now,
    )


def _note_progress(
    session: Session, refund: Refund, result: RefundResult, *, now: datetime
) -> None:
    if result.state in (RefundState.ABNORMAL, RefundState.CLOSED):
        if refund.status is not RefundStatus.STUCK:
            move(session, refund, RefundStatus.STUCK, at=now, actor="platform")
        settle(refund)
        refund.last_error = result.state.value
        return
    if refund.status is RefundStatus.STUCK:
        return  # an old answer: a person has it, and the sweep leaves it alone
    if refund.status is RefundStatus.REQUESTED and result.state is RefundState.PROCESSING:
        move(session, refund, RefundStatus.SENT, at=now, actor="platform")
    refund.platform_refund_no = result.platform_refund_no or refund.platform_refund_no
    postpone(refund, result.state.value, now=now)
