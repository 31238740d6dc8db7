"""The sweep of reconciliation: each platform's bill of a day, until it is there and matched."""

import logging
from datetime import date, datetime, time, timedelta
from typing import Final
from uuid import UUID

from sqlalchemy.orm import Session

from kit.clock import SHANGHAI, business_date
from kit.db import Begin
from kit.errors import DomainError
from kit.sweep import Swept, is_due, lease, postpone, settle, sweep
from shop.orders import asking, refunding
from shop.orders.asking import Gateways
from shop.payments import queries as payments
from shop.payments import service as payments_service
from shop.payments.gateway import BillMissing, Channel, GatewayError
from shop.settlement import books, queries, service
from shop.settlement.models import BillDay, DifferenceKind
from shop.settlement.rules import Found

log = logging.getLogger(__name__)

BILL_READY_AT: Final = time(10, 15)  # WeChat Pay from 10:00, Alipay from 9:00, Shanghai time
BILL_LATE_BY: Final = timedelta(minutes=15)
NO_BILL_AFTER: Final = timedelta(hours=12)  # then a day on which nothing happened has none
LOOKED_BACK: Final = timedelta(days=60)  # platforms keep bills for three months


def reconcile_due_days(
    begin: Begin, gateways: Gateways, *, payer_hash_key: bytes, now: datetime
) -> Swept:
    """Fetch and match every bill that is due; each day until yesterday becomes due by itself."""
    with begin() as session:
        for channel in gateways:
            _write_days_down(session, channel, now=now)

    def act(bill_day_id: UUID) -> None:
        with begin() as session:
            row = session.get_one(BillDay, bill_day_id, with_for_update=True)
            if not is_due(row, now=now):
                return
            lease(row, now=now)
        try:
            reconcile(
                begin,
                gateways,
                channel=row.channel,
                day=row.day,
                payer_hash_key=payer_hash_key,
                now=now,
            )
        except GatewayError as exc:
            # The day is due again; that a bill is late is nothing to wake anybody for.
            told = {"channel": row.channel.value, "day": row.day.isoformat(), "code": exc.code}
            log.warning("a bill cannot be had yet", extra=told)

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

    Raises `GatewayError` when the bill, or an answer about a row of it, cannot be had; the day
    then stays due. What happened at midnight may settle differences of the day before.
    """
    with begin() as session:
        service.ensure_bill_day(session, channel=channel, day=day, due_at=now)
    try:
        bill = gateways[channel].download_bill(day=day)
    except GatewayError as exc:
        with begin() as session:
            _postpone_day(session, channel, day, exc, now=now)
        raise
    with begin() as session:
        row = service.ensure_bill_day(session, channel=channel, day=day, due_at=None)
        service.store_bill(session, row, bill, now=now)
        found = service.match_day(session, row, now=now)
    failures = [
        failure
        for item in found
        if (failure := _ask(begin, gateways, channel, item, payer_hash_key=payer_hash_key, now=now))
    ]
    with begin() as session:
        _match_day_before(session, channel, day, now=now)
        row = service.ensure_bill_day(session, channel=channel, day=day, due_at=None)
        found = service.match_day(session, row, now=now)
        settle(row)
        if failures:
            postpone(row, failures[0].code or "no answer about a row", now=now)
    if failures:
        raise failures[0]
    return found


def _write_days_down(session: Session, channel: Channel, *, now: datetime) -> None:
    """Write down yesterday, and the days before that nobody was there to write down."""
    yesterday = business_date(now) - timedelta(days=1)
    known = set(queries.list_days(session, channel, since=yesterday - LOOKED_BACK))
    first = min(known, default=yesterday)
    for ago in range(max((yesterday - first).days, 0) + 1):
        day = yesterday - timedelta(days=ago)
        if day not in known:
            ready_at = datetime.combine(day + timedelta(days=1), BILL_READY_AT, tzinfo=SHANGHAI)
            service.ensure_bill_day(session, channel=channel, day=day, due_at=ready_at)


def _match_day_before(session: Session, channel: Channel, day: date, *, now: datetime) -> None:
    before = queries.find_bill_day(session, channel, day - timedelta(days=1))
    if before is not None and before.downloaded_at is not None:
        service.match_day(session, before, now=now)


def _postpone_day(
    session: Session, channel: Channel, day: date, failure: GatewayError, *, now: datetime
) -> None:
    row = service.ensure_bill_day(session, channel=channel, day=day, due_at=None)
    if not isinstance(failure, BillMissing):
        postpone(row, failure.code or type(failure).__name__, now=now)
        return
    ready_at = datetime.combine(day + timedelta(days=1), BILL_READY_AT, tzinfo=SHANGHAI)
    if now >= ready_at + NO_BILL_AFTER and books.is_empty(session, row):
        settle(row)  # a day without trades has no bill
    else:
        postpone(row, "no bill yet", now=now, by=BILL_LATE_BY)


def _ask(
    begin: Begin,
    gateways: Gateways,
    channel: Channel,
    item: Found,
    *,
    payer_hash_key: bytes,
    now: datetime,
) -> GatewayError | None:
    """Apply what the bill knows and we do not; the platform's own answer decides, not the bill.

    A row that cannot be asked about stops no other; returns why, when it is worth another try.
    """
    try:
        if item.kind is DifferenceKind.PAYMENT_MISSING_HERE:
            _ask_about_payment(
                begin, gateways, channel, item.number, payer_hash_key=payer_hash_key, now=now
            )
        if item.kind is DifferenceKind.REFUND_MISSING_HERE:
            _ask_about_refund(begin, gateways, channel, item.number, now=now)
    except GatewayError as exc:
        log.warning("no answer about a row of a bill", extra={"number": item.number})
        return exc
    return None


def _ask_about_payment(
    begin: Begin,
    gateways: Gateways,
    channel: Channel,
    out_trade_no: str,
    *,
    payer_hash_key: bytes,
    now: datetime,
) -> None:
    with begin() as session:
        payment = payments.find_by_number(session, out_trade_no)
    if payment is not None:
        trade = gateways[channel].query(out_trade_no=out_trade_no)
        asking.apply_trade(begin, payment.id, trade, payer_hash_key=payer_hash_key, now=now)


def _ask_about_refund(
    begin: Begin, gateways: Gateways, channel: Channel, out_refund_no: str, *, now: datetime
) -> None:
    with begin() as session:
        refund = payments.find_refund_by_number(session, out_refund_no)
        payment = payments.find_payment(session, refund.payment_id) if refund else None
    if payment is None:
        return
    result = gateways[channel].query_refund(
        out_trade_no=payment.out_trade_no, out_refund_no=out_refund_no
    )
    try:
        with begin() as session:
            refunding.record_refund(session, result, now=now)
    except refunding.RefundMismatch as exc:
        _note_mismatch(begin, out_refund_no, exc, now=now)


def _note_mismatch(begin: Begin, number: str, refusal: DomainError, *, now: datetime) -> None:
    with begin() as session:
        payments_service.note_security_event(
            session,
            kind="refund.mismatch",
            subject=number,
            detail=dict(refusal.details),
            now=now,
        )
