"""Rows of orders, payments and refunds for files; members are masked, and no code is near."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from shop.campaigns.models import Campaign
from shop.exports.cells import Row, masked, moment, text, yuan
from shop.exports.narrowing import next_rows
from shop.orders import queries as orders
from shop.orders.models import Order, OrderLine, OrderStatus
from shop.payments.gateway import Channel
from shop.payments.models import Payment, PaymentStatus, Refund, RefundStatus

ORDERS: Final = (
    "订单号", "状态", "会员", "渠道", "活动", "商品", "数量", "金额（元）", "已退（元）",
    "下单时间", "付款时间", "发卡时间", "关闭时间",
)  # fmt: skip
PAYMENTS: Final = (
    "支付单号", "平台流水号", "渠道", "状态", "金额（元）", "订单号", "创建时间", "收款时间",
)  # fmt: skip
REFUNDS: Final = (
    "退款单号", "平台退款单号", "渠道", "状态", "原因", "金额（元）", "订单号", "支付单号",
    "申请时间", "退回时间",
)  # fmt: skip
Keyed = Sequence[tuple[UUID, Row]]


def read_orders(
    session: Session,
    given: Mapping[str, str],
    *,
    after: UUID | None,
    limit: int,
    asked_at: datetime,
) -> Keyed:
    """Return the next orders with what was in them."""
    query = select(Order)
    if given.get("status") in set(OrderStatus):
        query = query.where(*orders.with_status(OrderStatus(given["status"])))
    if "member" in given:
        query = query.where(Order.member_id == UUID(given["member"]))
    if "campaign" in given:
        query = query.where(*orders.of_campaign(UUID(given["campaign"])))
    query = next_rows(
        query, Order.id, Order.placed_at, given, after=after, limit=limit, asked_at=asked_at
    )
    found = session.scalars(query).all()
    lines: dict[UUID, list[OrderLine]] = defaultdict(list)
    for line in orders.list_lines(session, [order.id for order in found]):
        lines[line.order_id].append(line)
    names = _campaigns(session, [order.campaign_id for order in found])
    return [(order.id, _order_row(order, lines[order.id], names)) for order in found]


def read_payments(
    session: Session,
    given: Mapping[str, str],
    *,
    after: UUID | None,
    limit: int,
    asked_at: datetime,
) -> Keyed:
    """Return the next payments."""
    query = select(Payment, Order.order_no).join(Order, Order.id == Payment.order_id)
    if given.get("status") in set(PaymentStatus):
        query = query.where(Payment.status == PaymentStatus(given["status"]))
    if given.get("channel") in set(Channel):
        query = query.where(Payment.channel == Channel(given["channel"]))
    query = next_rows(
        query, Payment.id, Payment.created_at, given, after=after, limit=limit, asked_at=asked_at
    )
    return [(one.id, _payment_row(one, order_no)) for one, order_no in session.execute(query)]


def read_refunds(
    session: Session,
    given: Mapping[str, str],
    *,
    after: UUID | None,
    limit: int,
    asked_at: datetime,
) -> Keyed:
    """Return the next refunds."""
    query = (
        select(Refund, Payment, Order.order_no)
        .join(Payment, Payment.id == Refund.payment_id)
        .join(Order, Order.id == Refund.order_id)
    )
    if given.get("status") in set(RefundStatus):
        query = query.where(Refund.status == RefundStatus(given["status"]))
    query = next_rows(
        query, Refund.id, Refund.requested_at, given, after=after, limit=limit, asked_at=asked_at
    )
    return [
        (one.id, _refund_row(one, payment, order_no))
        for one, payment, order_no in session.execute(query)
    ]


def _campaigns(session: Session, ids: Sequence[UUID | None]) -> Mapping[UUID, str]:
    wanted = {one for one in ids if one is not None}
    rows = session.execute(select(Campaign.id, Campaign.name).where(Campaign.id.in_(wanted)))
    return dict(rows.all())


def _order_row(order: Order, lines: Sequence[OrderLine], names: Mapping[UUID, str]) -> Row:
    return (
        text(order.order_no),
        order.status.value,
        masked(order.member_id),
        order.sale_channel.value,
        text(names.get(order.campaign_id, "") if order.campaign_id else ""),
        text("；".join(_title(line.snapshot) for line in lines)),
        sum(line.quantity for line in lines),
        yuan(order.total_fen),
        yuan(sum(line.refunded_fen for line in lines)),
        moment(order.placed_at),
        moment(order.paid_at),
        moment(order.fulfilled_at),
        moment(order.closed_at),
    )


def _title(snapshot: Mapping[str, Any]) -> str:
    parts = (snapshot.get("product_title"), snapshot.get("sku_title"))
    return " ".join(str(part) for part in parts if part)


def _payment_row(payment: Payment, order_no: str) -> Row:
    return (
        text(payment.out_trade_no),
        text(payment.transaction_no),
        payment.channel.value,
        payment.status.value,
        yuan(payment.amount_fen),
        text(order_no),
        moment(payment.created_at),
        moment(payment.captured_at),
    )


def _refund_row(refund: Refund, payment: Payment, order_no: str) -> Row:
    return (
        text(refund.out_refund_no),
        text(refund.platform_refund_no),
        payment.channel.value,
        refund.status.value,
        refund.reason.value,
        yuan(refund.amount_fen),
        text(order_no),
        text(payment.out_trade_no),
        moment(refund.requested_at),
        moment(refund.done_at),
    )
