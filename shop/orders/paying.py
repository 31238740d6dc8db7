"""Starting a payment in three short steps: write it down, ask the platform, store its answer."""

from collections.abc import Mapping
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy.orm import Session

from kit.clock import Clock
from kit.crypto import same
from kit.db import Begin
from kit.errors import Conflict, Unavailable
from kit.faultpoints import faultpoint
from shop.members import queries as members
from shop.members.models import SignIn
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
from shop.payments.payers import hash_of

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
    payer: "_Payer"
    description: str


@dataclass(frozen=True, slots=True)
class _Payer:
    """Who is to pay: the platform lets nobody else pay a trade that was opened for them."""

    ref: str
    known_as: bytes

    def may_pay(self, payment: Payment, channel: Channel) -> bool:
        """Say whether an open trade is one of theirs; of old ones it is not known for whom."""
        is_theirs = payment.opened_for is None or same(payment.opened_for, self.known_as)
        return payment.channel is channel and is_theirs


def start_payment(
    begin: Begin,
    gateways: Mapping[Channel, PaymentGateway],
    *,
    order_id: UUID,
    sign_in: SignIn,
    channel: Channel,
    payer_hash_key: bytes,
    clock: Clock,
) -> Payment:
    """Return an open trade of the order with the parameters the client pays with.

    Raises `OrderNotFound`, `NotPayable`, `NoPayerIdentity`, `PaymentRefused` or `PlatformUnsure`.
    Repeating it returns the same trade. Another channel closes the first trade before, and so does
    a device on which the member is known by another identity: only that one can pay there.
    """
    member_id, gateway = sign_in.member_id, gateways[channel]
    payer = _close_what_another_pays(
        begin, gateways, order_id, sign_in, channel, payer_hash_key=payer_hash_key, clock=clock
    )
    with begin() as session:
        order = _lock_payable(session, order_id, member_id, clock=clock)
        opened = _open(session, gateway, order, payer, clock=clock)
    payment = opened.payment
    if payment.status is PaymentStatus.PREPAID:
        return payment
    faultpoint("orders.paying.before_prepay")
    try:
        prepay = _ask(gateway, opened, clock=clock)
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


def _close_what_another_pays(
    begin: Begin,
    gateways: Mapping[Channel, PaymentGateway],
    order_id: UUID,
    sign_in: SignIn,
    channel: Channel,
    *,
    payer_hash_key: bytes,
    clock: Clock,
) -> _Payer:
    with begin() as session:
        order = _lock_payable(session, order_id, sign_in.member_id, clock=clock)
        ref = members.find_open_id_here(
            session, sign_in, platform=PLATFORM_OF[channel], app_id=gateways[channel].app_id
        )
        if ref is None:
            raise NoPayerIdentity
        payer = _Payer(ref, hash_of(ref, payer_hash_key))
        other = payments_queries.find_open(session, order.id)
    if other is None or payer.may_pay(other, channel):
        return payer
    closed = asking.close_at_platform(
        begin, gateways, other.id, payer_hash_key=payer_hash_key, now=clock()
    )
    if not closed:
        raise NotPayable
    return payer


def _lock_payable(session: Session, order_id: UUID, member_id: UUID, *, clock: Clock) -> Order:
    order = queries.lock_own_order(session, order_id, member_id=member_id)
    is_over = clock() >= order.pay_by or order.close_reason is not None
    if order.status is not OrderStatus.PENDING or is_over:
        raise NotPayable(status=order.status.value)
    return order


def _open(
    session: Session, gateway: PaymentGateway, order: Order, payer: _Payer, *, clock: Clock
) -> _Opened:
    payment = payments_queries.find_open(session, order.id)
    if payment is None:
        payment = payments.open_payment(
            session,
            gateway,
            order_id=order.id,
            amount_fen=order.total_fen,
            opened_for=payer.known_as,
            expires_at=order.pay_by,
            now=clock(),
        )
    elif not payer.may_pay(payment, gateway.channel):
        # Another device opened it since the first one was closed; its trade is not ours.
        raise NotPayable
    first = queries.list_lines(session, [order.id])[0]
    return _Opened(payment, payer, f"团卡 {first.snapshot['sku_title']}")


def _ask(gateway: PaymentGateway, opened: _Opened, *, clock: Clock) -> Prepay:
    try:
        return gateway.prepay(
            out_trade_no=opened.payment.out_trade_no,
            amount_fen=opened.payment.amount_fen,
            description=opened.description,
            payer_ref=opened.payer.ref,
            expires_at=opened.payment.expires_at,
            now=clock(),
        )
    except (AlreadyPaid, AlreadyClosed):
        raise
    except Refused as exc:
        raise PaymentRefused(platform_code=exc.code) from exc
    except GatewayError as exc:
        raise PlatformUnsure(retry_after_seconds=2) from exc
