"""The sweeps of orders: close what lapsed, deliver what is paid, ask, refund, report."""

from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from sqlalchemy.orm import Session

from kit.db import Begin
from kit.faultpoints import faultpoint
from kit.sweep import Swept, is_due, lease, postpone, settle, sweep
from shop.campaigns import queries as campaigns_queries
from shop.campaigns import service as campaigns
from shop.campaigns.models import CampaignStatus
from shop.members import queries as members
from shop.members.platforms import Platform, PlatformUnavailable, ShippingDesk
from shop.orders import asking, queries, refunding, service
from shop.orders.asking import Gateways
from shop.orders.models import OrderStatus
from shop.payments import queries as payments_queries
from shop.payments import service as payments
from shop.payments.gateway import GatewayError, RefundResult, RefundState, Refused
from shop.payments.models import DeliveryReport, Payment, Refund, RefundReason, RefundStatus
from shop.payments.payers import pick_payer

FULFIL_ATTEMPTS: Final = 8
SETTLE_AGAIN_AFTER: Final = timedelta(seconds=10)
REFUSALS_BEFORE_STUCK: Final = 20
REPORT_GIVEN_UP_AFTER: Final = timedelta(days=2)


def close_due_orders(
    begin: Begin, gateways: Gateways, *, payer_hash_key: bytes, now: datetime, at_once: int = 1
) -> Swept:
    """Close unpaid orders whose time is over, asking the platform to close their trade first."""

    def act(order_id: UUID) -> None:
        with begin() as session:
            open_payment = _begin_closing(session, order_id, now=now)
        if open_payment is None:
            return
        is_closed = asking.close_at_platform(
            begin, gateways, open_payment.id, payer_hash_key=payer_hash_key, now=now
        )
        with begin() as session:
            _finish_closing(session, order_id, is_closed=is_closed, now=now)

    return sweep(begin, queries.due_to_close(now), act, name="close_due_orders", at_once=at_once)


def fulfil_due_orders(begin: Begin, *, now: datetime) -> Swept:
    """Deliver paid orders whose delivery failed; after some tries, give the money back."""

    def act(order_id: UUID) -> None:
        try:
            with begin() as session:
                order = queries.lock_order(session, order_id)
                is_waiting = order.status is OrderStatus.PAID and not order.is_held
                if is_waiting and is_due(order, now=now):
                    service.fulfil(session, order, now=now)
        except service.Undeliverable as exc:
            with begin() as session:
                _postpone_fulfilment(session, order_id, exc.code, now=now)

    return sweep(begin, queries.due_to_fulfil(now), act, name="fulfil_due_orders")


def ask_about_due_payments(
    begin: Begin, gateways: Gateways, *, payer_hash_key: bytes, now: datetime, at_once: int = 1
) -> Swept:
    """Query open trades of which no notice came."""

    def act(payment_id: UUID) -> None:
        asking.ask_about_payment(
            begin,
            gateways,
            payment_id,
            payer_hash_key=payer_hash_key,
            now=now,
            only_if_due=True,
        )

    due = payments_queries.due_payments(now)
    return sweep(begin, due, act, name="ask_about_due_payments", at_once=at_once)


def send_due_refunds(begin: Begin, gateways: Gateways, *, now: datetime, at_once: int = 1) -> Swept:
    """Send refunds and ask about sent ones, always under the same number, until confirmed."""

    def act(refund_id: UUID) -> None:
        with begin() as session:
            leased = _lease_refund(session, refund_id, now=now)
        if leased is None:
            return
        try:
            result = _send_or_ask(gateways, *leased)
        except GatewayError as exc:
            with begin() as session:
                _note_refund_failure(session, refund_id, exc, now=now)
            return
        faultpoint("orders.jobs.after_refund_sent")
        with begin() as session:
            refunding.record_refund(session, result, now=now)

    due = payments_queries.due_refunds(now)
    return sweep(begin, due, act, name="send_due_refunds", at_once=at_once)


def report_due_deliveries(
    begin: Begin, desk: ShippingDesk, *, payer_hash_key: bytes, now: datetime, at_once: int = 1
) -> Swept:
    """Report deliveries of WeChat payments to the platform, which holds the money until then."""

    def act(payment_id: UUID) -> None:
        with begin() as session:
            leased = _lease_report(session, payment_id, payer_hash_key=payer_hash_key, now=now)
        if leased is None:
            return
        report, payment, open_id = leased
        try:
            desk.report_delivery(
                merchant_id=payment.merchant_id,
                out_trade_no=payment.out_trade_no,
                open_id=open_id,
                item=report.item,
                at=report.delivered_at,
            )
        except PlatformUnavailable as exc:
            with begin() as session:
                _postpone_report(session, payment_id, str(exc), now=now)
            return
        with begin() as session:
            kept = session.get_one(DeliveryReport, payment_id, with_for_update=True)
            kept.reported_at = now
            settle(kept)

    due = payments_queries.due_delivery_reports(now)
    return sweep(begin, due, act, name="report_due_deliveries", at_once=at_once)


def settle_due_campaigns(begin: Begin, *, now: datetime) -> Swept:
    """Settle campaigns that are over once every order of theirs has come to its end."""

    def act(campaign_id: UUID) -> None:
        with begin() as session:
            campaign = campaigns_queries.lock_campaign(session, campaign_id)
            if campaign.status is not CampaignStatus.ENDED or not is_due(campaign, now=now):
                return
            if queries.count_unfinished_in_campaign(session, campaign_id):
                postpone(campaign, "orders are open", now=now, by=SETTLE_AGAIN_AFTER)
            else:
                campaigns.settle_campaign(session, campaign, now=now)

    return sweep(begin, campaigns_queries.due_to_settle(now), act, name="settle_due_campaigns")


def _begin_closing(session: Session, order_id: UUID, *, now: datetime) -> Payment | None:
    """Close the order at once when nothing is open at a platform; else return the open trade."""
    order = queries.lock_order(session, order_id)
    if order.status is not OrderStatus.PENDING or not is_due(order, now=now):
        return None
    payment = payments_queries.find_open(session, order_id)
    if payment is None:
        service.close_order(session, order, now=now)
        return None
    lease(order, now=now)
    return payment


def _finish_closing(session: Session, order_id: UUID, *, is_closed: bool, now: datetime) -> None:
    order = queries.lock_order(session, order_id)
    if order.status is not OrderStatus.PENDING:
        return
    if is_closed and not payments_queries.find_open(session, order_id):
        service.close_order(session, order, now=now)
    else:
        postpone(order, "closing at the platform", now=now)


def _postpone_fulfilment(session: Session, order_id: UUID, why: str, *, now: datetime) -> None:
    order = queries.lock_order(session, order_id)
    if order.status is not OrderStatus.PAID:
        return
    order.attempts += 1
    postpone(order, why, now=now)
    if order.attempts >= FULFIL_ATTEMPTS:
        refunding.refund_order(session, order, reason=RefundReason.UNDELIVERABLE, now=now)


def _lease_refund(
    session: Session, refund_id: UUID, *, now: datetime
) -> tuple[Refund, Payment] | None:
    refund = session.get_one(Refund, refund_id, with_for_update=True, populate_existing=True)
    if not is_due(refund, now=now):
        return None
    lease(refund, now=now)
    return refund, session.get_one(Payment, refund.payment_id)


def _send_or_ask(gateways: Gateways, refund: Refund, payment: Payment) -> RefundResult:
    """Ask first when an earlier attempt may have acted; send what the platform lacks."""
    gateway = gateways[payment.channel]
    if refund.attempts > 1 or refund.status is RefundStatus.SENT:
        result = gateway.query_refund(
            out_trade_no=payment.out_trade_no, out_refund_no=refund.out_refund_no
        )
        if result.state is not RefundState.MISSING:
            return result
    return gateway.refund(
        out_trade_no=payment.out_trade_no,
        out_refund_no=refund.out_refund_no,
        refund_fen=refund.amount_fen,
        total_fen=payment.amount_fen,
        reason=refund.reason.value,
    )


def _note_refund_failure(
    session: Session, refund_id: UUID, failure: GatewayError, *, now: datetime
) -> None:
    refund = session.get_one(Refund, refund_id, with_for_update=True, populate_existing=True)
    if refund.status in (RefundStatus.DONE, RefundStatus.STUCK):
        return
    why = failure.code or type(failure).__name__
    if isinstance(failure, Refused) and refund.attempts >= REFUSALS_BEFORE_STUCK:
        payments.give_up_refund(session, refund, why, now=now)
    else:
        postpone(refund, why, now=now)


def _lease_report(
    session: Session, payment_id: UUID, *, payer_hash_key: bytes, now: datetime
) -> tuple[DeliveryReport, Payment, str] | None:
    report = session.get_one(
        DeliveryReport, payment_id, with_for_update=True, populate_existing=True
    )
    if not is_due(report, now=now):
        return None
    payment = session.get_one(Payment, payment_id)
    open_id = _find_payer(session, report, payment, payer_hash_key=payer_hash_key)
    if open_id is None:
        if members.get_member(session, report.member_id).joined_into_id is not None:
            # The news that hands the report to whom they became part of is on its way.
            postpone(report, "the member was joined to another", now=now)
        else:
            # The member has left; the platform confirms the delivery by itself after its own time.
            settle(report)
        return None
    lease(report, now=now)
    return report, payment, open_id


def _find_payer(
    session: Session, report: DeliveryReport, payment: Payment, *, payer_hash_key: bytes
) -> str | None:
    """Return whose money it was, or who signed in last where that is not known."""
    platform, app_id = Platform.WECHAT, payment.app_id
    open_ids = members.list_open_ids(session, report.member_id, platform=platform, app_id=app_id)
    return pick_payer(
        open_ids, payment.payer_hash, payer_hash_key=payer_hash_key
    ) or members.find_open_id(session, report.member_id, platform=platform, app_id=app_id)


def _postpone_report(session: Session, payment_id: UUID, why: str, *, now: datetime) -> None:
    report = session.get_one(DeliveryReport, payment_id, with_for_update=True)
    if now - report.delivered_at > REPORT_GIVEN_UP_AFTER:
        settle(report)
        report.last_error = payments_queries.GIVEN_UP
    else:
        postpone(report, why, now=now)
