"""Starting a payment in three short steps: write it down, ask the platform, store its answer."""

from collections.abc import Mapping
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy.orm import Session

from kit.clock import Clock
from kit.db import Begin
from kit.errors import Conflict, Unavailable
from kit.faultpoints import faultpoint
from shop.members import queries as members
from shop.members.platforms import Platform
from shop.orders import asking, queries
from shop.orders.models import Order, OrderStatus
from shop.payments import queries as payments_queries
from shop.payments import service as payments
from shop.payments.gateway import (
    AlreadyClosed,
    AlreadyPaid,
    Channel,
    GatewayError,
    PaymentGateway,
    Prepay,
    Refused,
)
from shop.payments.models import Payment, PaymentStatus

PLATFORM_OF = {Channel.WECHAT_PAY: Platform.WECHAT, Channel.ALIPAY: Platform.ALIPAY}


class NotPayable(Conflict):
    """The order does not wait for a payment (any more)."""

    code = "orders.not_payable"
    title = "The order cannot be paid"
    message = "订单当前状态不可支付"


class NoPayerIdentity(Conflict):
    """The member has never signed in on the platform that would take the payment."""

    code = "orders.no_payer_identity"
    title = "Sign in on that platform first"
    message = "请先在对应平台登录后再支付"


class PaymentRefused(Conflict):
    """The platform refused to open the trade."""

    code = "payments.refused"
    title = "The payment platform refused"
    message = "支付平台拒绝了本次支付，请更换支付方式"


class PlatformUnsure(Unavailable):
    """The platform did not answer; asking again uses the same trade number, so nothing doubles."""

    code = "payments.platform_unavailable"
    title = "The payment platform does not answer"
    message = "支付平台繁忙，请稍后重试"


@dataclass(frozen=True, slots=True)
class _Opened:
    """A trade to ask the platform for, and what it needs."""

    payment: Payment
    payer_ref: str
    description: str


def start_payment(
    begin: Begin,
    gateways: Mapping[Channel, PaymentGateway],
    *,
    order_id: UUID,
    member_id: UUID,
    channel: Channel,
    payer_hash_key: bytes,
    clock: Clock,
) -> Payment:
    """Return an open trade of the order with the parameters the client pays with.

    Raises `OrderNotFound`, `NotPayable`, `NoPayerIdentity`, `PaymentRefused` or `PlatformUnsure`.
    Repeating it returns the same trade; another channel closes the first trade before.
    """
    _close_other_channel(
        begin, gateways, order_id, member_id, channel, payer_hash_key=payer_hash_key, clock=clock
    )
    with begin() as session:
        order = _lock_payable(session, order_id, member_id, clock=clock)
        opened = _open(session, gateways[channel], order, clock=clock)
    payment = opened.payment
    if payment.status is PaymentStatus.PREPAID:
        return payment
    faultpoint("orders.paying.before_prepay")
    try:
        prepay = _ask(gateways[channel], opened, clock=clock)
    except (AlreadyPaid, AlreadyClosed):
        # A trade of ours that is over: learn what became of it, then tell the truth.
        asking.ask_about_payment(
            begin, gateways, payment.id, payer_hash_key=payer_hash_key, now=clock()
        )
        raise NotPayable from None
    faultpoint("orders.paying.after_prepay")
    with begin() as session:
        _lock_payable(session, order_id, member_id, clock=clock)
        kept = payments_queries.lock_payment(session, payment.id)
        if kept.status not in payments_queries.OPEN:
            raise NotPayable
        payments.keep_prepay(session, kept, prepay, now=clock())
    return kept


def _close_other_channel(
    begin: Begin,
    gateways: Mapping[Channel, PaymentGateway],
    order_id: UUID,
    member_id: UUID,
    channel: Channel,
    *,
    payer_hash_key: bytes,
    clock: Clock,
) -> None:
    with begin() as session:
        order = _lock_payable(session, order_id, member_id, clock=clock)
        other = payments_queries.find_open(session, order.id)
    if other is None or other.channel is channel:
        return
    closed = asking.close_at_platform(
        begin, gateways, other.id, payer_hash_key=payer_hash_key, now=clock()
    )
    if not closed:
        raise NotPayable


def _lock_payable(session: Session, order_id: UUID, member_id: UUID, *, clock: Clock) -> Order:
    order = queries.lock_own_order(session, order_id, member_id=member_id)
    is_over = clock() >= order.pay_by or order.close_reason is not None
    if order.status is not OrderStatus.PENDING or is_over:
        raise NotPayable(status=order.status.value)
    return order


def _open(session: Session, gateway: PaymentGateway, order: Order, *, clock: Clock) -> _Opened:
    payer_ref = members.find_open_id(
        session, order.member_id, platform=PLATFORM_OF[gateway.channel], app_id=gateway.app_id
    )
    if payer_ref is None:
        raise NoPayerIdentity
    payment = payments_queries.find_open(session, order.id)
    if payment is None:
        payment = payments.open_payment(
            session,
            gateway,
            order_id=order.id,
            amount_fen=order.total_fen,
            expires_at=order.pay_by,
            now=clock(),
        )
    elif payment.channel is not gateway.channel:
        # Another device opened it since the first channel was closed; its trade is not ours.
        raise NotPayable
    first = queries.list_lines(session, [order.id])[0]
    return _Opened(payment, payer_ref, f"团卡 {first.snapshot['sku_title']}")


def _ask(gateway: PaymentGateway, opened: _Opened, *, clock: Clock) -> Prepay:
    try:
        return gateway.prepay(
            out_trade_no=opened.payment.out_trade_no,
            amount_fen=opened.payment.amount_fen,
            description=opened.description,
            payer_ref=opened.payer_ref,
            expires_at=opened.payment.expires_at,
            now=clock(),
        )
    except (AlreadyPaid, AlreadyClosed):
        raise
    except Refused as exc:
        raise PaymentRefused(platform_code=exc.code) from exc
    except GatewayError as exc:
        raise PlatformUnsure(retry_after_seconds=2) from exc
