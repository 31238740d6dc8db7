"""The sweep of reconciliation: each platform's bill of a day, until it is there and matched."""

from datetime import date, datetime, time, timedelta
from typing import Final
from uuid import UUID

from kit.clock import SHANGHAI, business_date
from kit.db import Begin
from kit.sweep import Swept, lease, postpone, settle, sweep
from shop.orders import asking, refunding
from shop.orders.asking import Gateways
from shop.payments import queries as payments
from shop.payments.gateway import BillMissing, Channel, GatewayError
from shop.settlement import queries, service
from shop.settlement.models import BillDay, DifferenceKind
from shop.settlement.rules import Found

BILL_READY_AT: Final = time(10, 15)  # WeChat Pay from 10:00, Alipay from 9:00, Shanghai time
BILL_LATE_BY: Final = timedelta(minutes=15)


def reconcile_due_days(
    begin: Begin, gateways: Gateways, *, payer_hash_key: bytes, now: datetime
) -> Swept:
    """Fetch and match every bill that is due; yesterday's becomes due by itself."""
    _write_yesterday_down(begin, gateways, now=now)

    def act(bill_day_id: UUID) -> None:
        with begin() as session:
            row = session.get_one(BillDay, bill_day_id, with_for_update=True)
            lease(row, now=now)
        reconcile(
            begin,
            gateways,
            channel=row.channel,
            day=row.day,
            payer_hash_key=payer_hash_key,
            now=now,
        )

    return sweep(begin, queries.due_days(now), act, name="reconcile_due_days")


def reconcile(
    begin: Begin,
    gateways: Gateways,
    *,
    channel: Channel,
    day: date,
    payer_hash_key: bytes,
    now: datetime,
) -> list[Found]:
    """Fetch one bill, match it, ask the platform about what is missing here, and match again.

    Raises `GatewayError` when the bill cannot be had; the day then stays due.
    """
    with begin() as session:
        service.ensure_bill_day(session, channel=channel, day=day, due_at=now)
    try:
        bill = gateways[channel].download_bill(day=day)
    except GatewayError as exc:
        _postpone_day(begin, channel, day, exc, now=now)
        raise
    with begin() as session:
        row = service.ensure_bill_day(session, channel=channel, day=day, due_at=None)
        service.store_bill(session, row, bill, now=now)
        found = service.match_day(session, row, now=now)
    for item in found:
        _ask_about(begin, gateways, channel, item, payer_hash_key=payer_hash_key, now=now)
    with begin() as session:
        row = service.ensure_bill_day(session, channel=channel, day=day, due_at=None)
        settle(row)
        return service.match_day(session, row, now=now)


def _write_yesterday_down(begin: Begin, gateways: Gateways, *, now: datetime) -> None:
    yesterday = business_date(now) - timedelta(days=1)
    ready_at = datetime.combine(business_date(now), BILL_READY_AT, tzinfo=SHANGHAI)
    with begin() as session:
        for channel in gateways:
            service.ensure_bill_day(session, channel=channel, day=yesterday, due_at=ready_at)


def _postpone_day(
    begin: Begin, channel: Channel, day: date, failure: GatewayError, *, now: datetime
) -> None:
    with begin() as session:
        row = service.ensure_bill_day(session, channel=channel, day=day, due_at=None)
        if isinstance(failure, BillMissing):
            postpone(row, "no bill yet", now=now, by=BILL_LATE_BY)
        else:
            postpone(row, failure.code or type(failure).__name__, now=now)


def _ask_about(
    begin: Begin,
    gateways: Gateways,
    channel: Channel,
    item: Found,
    *,
    payer_hash_key: bytes,
    now: datetime,
) -> None:
    """Apply what the bill knows and we do not; the platform's own answer decides, not the bill."""
    if item.kind is DifferenceKind.PAYMENT_MISSING_HERE:
        with begin() as session:
            payment = payments.find_by_number(session, item.number)
        if payment is not None:
            trade = gateways[channel].query(out_trade_no=item.number)
            asking.apply_trade(begin, payment.id, trade, payer_hash_key=payer_hash_key, now=now)
    if item.kind is DifferenceKind.REFUND_MISSING_HERE:
        with begin() as session:
            refund = payments.find_refund_by_number(session, item.number)
            payment = payments.find_payment(session, refund.payment_id) if refund else None
        if refund is not None and payment is not None:
            result = gateways[channel].query_refund(
                out_trade_no=payment.out_trade_no, out_refund_no=item.number
            )
            with begin() as session:
                refunding.record_refund(session, result, now=now)
