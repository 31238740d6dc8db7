"""How time stands: of every kind of row that a sweep acts on, what is due, late and given up."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from sqlalchemy import ColumnElement, Select, false, func, inspect, select
from sqlalchemy.orm import InstrumentedAttribute, Session

from flash_sale import queries as flash_sale
from flash_sale.models import Reminder, Wait
from group_buy import queries as group_buy
from group_buy.models import Group
from group_buy.sheets import queries as sheets
from group_buy.sheets.models import OrderSheet
from kit import heartbeat, outbox
from kit.heartbeat import Pulse
from kit.outbox import OutboxEvent
from kit.sweep import Retried
from shop.approvals import queries as approvals
from shop.approvals.models import Approval
from shop.campaigns import queries as campaigns
from shop.campaigns.models import Campaign, Slot
from shop.chat_groups import queries as chat_groups
from shop.chat_groups.models import ChatGroup
from shop.exports import queries as exports
from shop.exports.models import Export
from shop.members import avatars
from shop.members.models import AvatarCheck
from shop.orders import queries as orders
from shop.orders.models import Order
from shop.outreach import queries as outreach
from shop.outreach.inbox.delivering import due_deliveries
from shop.outreach.inbox.models import Delivery
from shop.outreach.models import Push, PushPlan
from shop.payments import queries as payments
from shop.payments.models import DeliveryReport, Payment, Refund
from shop.posters import queries as posters
from shop.posters.models import PlatformCode
from shop.referral import queries as referral
from shop.referral.models import Commission, Earnings
from shop.reports import queries as reports
from shop.reports.models import ReportDay
from shop.settlement import queries as settlement
from shop.settlement.models import BillDay
from shop.withdrawals import queries as withdrawals
from shop.withdrawals.models import Withdrawal

LATE_AFTER: Final = timedelta(minutes=1)
KINDS: Final = ("scheduler", "worker")
RELAY: Final = "relay"  # the worker's, and no sweep of the scheduler
END_OF_TIME: Final = datetime.max.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of row: who acts on it, by which moment, which rows, and which were given up."""

    sweep: str
    rows: str
    due_at: InstrumentedAttribute[datetime | None]
    attempts: InstrumentedAttribute[int]
    waiting: ColumnElement[bool]
    given_up: Callable[[datetime], ColumnElement[bool]]


def _never(_: datetime) -> ColumnElement[bool]:
    return false()


def _swept(
    sweep: str,
    model: type[Retried],
    due: Callable[[datetime], Select[Any]],
    *,
    given_up: Callable[[datetime], ColumnElement[bool]] = _never,
) -> Kind:
    """Return the kind of row that a sweep takes; what will ever be due is due at time's end."""
    table = inspect(model)
    (key,) = table.primary_key
    waiting = key.in_(due(END_OF_TIME).order_by(None))
    return Kind(sweep, table.local_table.name, model.due_at, model.attempts, waiting, given_up)


SWEPT: Final = (
    _swept("turn_due_campaigns", Campaign, campaigns.due_to_turn),
    _swept("settle_due_campaigns", Campaign, campaigns.due_to_settle),
    _swept("fill_due_slots", Slot, campaigns.due_slots),
    _swept("decide_due_groups", Group, group_buy.due_groups),
    _swept("decide_due_sheets", OrderSheet, sheets.due_sheets),
    _swept("close_due_orders", Order, orders.due_to_close),
    _swept("fulfil_due_orders", Order, orders.due_to_fulfil),
    _swept("ask_about_due_payments", Payment, payments.due_payments),
    _swept(
        "send_due_refunds",
        Refund,
        payments.due_refunds,
        given_up=lambda _: payments.is_stuck_refund(),
    ),
    _swept(
        "report_due_deliveries",
        DeliveryReport,
        payments.due_delivery_reports,
        given_up=payments.is_given_up_report,
    ),
    _swept("mature_due_commissions", Commission, referral.due_commissions),
    _swept("tell_due_earnings", Earnings, referral.due_earnings),
    _swept("make_due_codes", PlatformCode, posters.due_codes),
    _swept("plan_due_pushes", PushPlan, outreach.due_plans),
    _swept("send_due_pushes", Push, outreach.due_to_send),
    _swept("ask_about_due_tasks", Push, outreach.due_to_ask),
    Kind(
        "stop_due_twins",
        "pushes",
        Push.twins_due_at,
        Push.attempts,
        Push.twins_due_at.is_not(None),
        _never,
    ),
    _swept("check_due_avatars", AvatarCheck, avatars.due_checks),
    _swept("refresh_due_chat_groups", ChatGroup, chat_groups.due_to_refresh),
    _swept("deliver_due_messages", Delivery, due_deliveries),
    _swept("send_due_withdrawals", Withdrawal, withdrawals.due_to_send),
    _swept("ask_about_due_withdrawals", Withdrawal, withdrawals.due_to_ask),
    _swept("reconcile_due_days", BillDay, settlement.due_days),
    _swept("expire_due_approvals", Approval, approvals.due_approvals),
    _swept("sum_due_days", ReportDay, reports.due_days),
    _swept("write_due_exports", Export, exports.due_to_write, given_up=exports.is_given_up),
    _swept("delete_due_exports", Export, exports.due_to_delete),
    _swept("lapse_due_offers", Wait, flash_sale.due_offers),
    Kind(
        "remind_due_members",
        "reminders",
        Reminder.due_at,
        Reminder.attempts,
        Reminder.due_at.is_not(None),
        _never,
    ),
    Kind(
        RELAY,
        "outbox_events",
        OutboxEvent.next_attempt_at,
        OutboxEvent.attempts,
        outbox.WAITING,
        lambda _: outbox.STUCK,
    ),
)


@dataclass(frozen=True, slots=True)
class Line:
    """How one kind of row stands; `late_seconds` is how long the oldest due row has waited."""

    sweep: str
    rows: str
    due: int
    late_seconds: float
    retrying: int  # due or waiting, after at least one attempt
    given_up: int
    next_due_at: datetime | None


@dataclass(frozen=True, slots=True)
class Standing:
    """How everything stands at a moment; `troubles` are what somebody should look at."""

    at: datetime
    lines: Sequence[Line]
    pulses: Sequence[Pulse]
    troubles: Sequence[str]


def look(session: Session, *, now: datetime) -> Standing:
    """Count what is due, late, tried again and given up, and who is alive to act on it."""
    lines = [_count(session, kind, now=now) for kind in SWEPT]
    pulses = heartbeat.list_pulses(session, KINDS, now=now)
    return Standing(now, lines, pulses, [*_late(lines), *_given_up(lines), *_silent(pulses)])


def _count(session: Session, kind: Kind, *, now: datetime) -> Line:
    is_due = kind.due_at <= now
    due, oldest, retrying, next_due_at = session.execute(
        select(
            func.count().filter(is_due),
            func.min(kind.due_at).filter(is_due),
            func.count().filter(kind.attempts > 0),
            func.min(kind.due_at).filter(~is_due),
        ).where(kind.waiting)
    ).one()
    given_up = session.scalars(
        select(func.count()).select_from(kind.due_at.class_).where(kind.given_up(now))
    ).one()
    late_seconds = (now - oldest).total_seconds() if oldest is not None else 0.0
    return Line(kind.sweep, kind.rows, due, late_seconds, retrying, given_up, next_due_at)


def _late(lines: Sequence[Line]) -> list[str]:
    return [
        f"{line.sweep}: {line.rows} wait, the oldest for {line.late_seconds:.0f} s"
        for line in lines
        if line.late_seconds > LATE_AFTER.total_seconds()
    ]


def _given_up(lines: Sequence[Line]) -> list[str]:
    return [
        f"{line.sweep}: {line.given_up} of {line.rows} were given up"
        for line in lines
        if line.given_up
    ]


def _silent(pulses: Sequence[Pulse]) -> list[str]:
    return [f"no {pulse.kind} is alive" for pulse in pulses if not pulse.alive]
