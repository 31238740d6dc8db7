"""What wakes when: every sweep of the system and its period, on one page."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from flash_sale import jobs as flash_sale
from flash_sale.gate import Gate
from group_buy import jobs as group_buy
from group_buy.sheets import jobs as sheets
from kit import idempotency, outbox
from shop.approvals import jobs as approvals
from shop.campaigns import jobs as campaigns
from shop.chat_groups import jobs as chat_groups
from shop.exports import jobs as exports
from shop.members import jobs as members
from shop.orders import jobs as orders
from shop.outreach import jobs as outreach
from shop.outreach.sending import Post
from shop.ports import Ports
from shop.posters import jobs as posters
from shop.referral import jobs as referral
from shop.reports import jobs as reports
from shop.settlement import jobs as settlement
from shop.withdrawals import jobs as withdrawals

Sweep = Callable[[Ports, datetime], object]
AT_ONCE: Final = 8  # rows that a sweep which calls a platform acts on at the same time


@dataclass(frozen=True, slots=True)
class Alarm:
    """A sweep and how often it is rung; the rows themselves say what is due."""

    name: str
    every_seconds: float
    sweep: Sweep


def _close_due_orders(ports: Ports, now: datetime) -> object:
    return orders.close_due_orders(
        ports.begin,
        ports.gateways,
        payer_hash_key=ports.payer_hash_key,
        now=now,
        at_once=AT_ONCE,
    )


def _ask_about_due_payments(ports: Ports, now: datetime) -> object:
    return orders.ask_about_due_payments(
        ports.begin,
        ports.gateways,
        payer_hash_key=ports.payer_hash_key,
        now=now,
        at_once=AT_ONCE,
    )


def _send_due_pushes(ports: Ports, now: datetime) -> object:
    post = Post(
        channels=ports.channels,
        robot_keys=ports.robot_keys,
        public_base_url=ports.public_base_url,
    )
    return outreach.send_due_pushes(ports.begin, post, now=now, at_once=AT_ONCE)


def _forget_old_rows(ports: Ports, now: datetime) -> object:
    with ports.begin() as session:
        outbox.purge(session, now=now)
        idempotency.purge(session, now=now)
    ports.posters.forget_old(now=now)
    return None


ALARMS: tuple[Alarm, ...] = (
    # Often, because members wait before a closed door with their eyes on the clock.
    Alarm(
        "turn_due_campaigns",
        0.1,
        lambda ports, now: campaigns.turn_due_campaigns(ports.begin, now=now),
    ),
    Alarm(
        "fill_due_slots",
        10,
        lambda ports, now: campaigns.fill_due_slots(
            ports.begin, fee_basis_points=ports.fee_basis_points, now=now
        ),
    ),
    Alarm(
        "decide_due_groups",
        0.5,
        lambda ports, now: group_buy.decide_due_groups(ports.begin, now=now),
    ),
    Alarm(
        "decide_due_sheets",
        1,
        lambda ports, now: sheets.decide_due_sheets(ports.begin, now=now),
    ),
    # Often enough that a lost gate is whole again within two seconds.
    Alarm(
        "fill_due_gates",
        1,
        lambda ports, now: flash_sale.fill_due_gates(
            ports.begin, Gate(ports.gate_redis), clock=ports.clock, now=now
        ),
    ),
    Alarm(
        "lapse_due_offers",
        1,
        lambda ports, now: flash_sale.lapse_due_offers(ports.begin, now=now),
    ),
    Alarm(
        "offer_due_units",
        1,
        lambda ports, now: flash_sale.offer_due_units(ports.begin, now=now),
    ),
    Alarm(
        "remind_due_members",
        5,
        lambda ports, now: flash_sale.remind_due_members(ports.begin, now=now),
    ),
    Alarm(
        "settle_due_campaigns",
        5,
        lambda ports, now: orders.settle_due_campaigns(ports.begin, now=now),
    ),
    Alarm("close_due_orders", 1, _close_due_orders),
    Alarm(
        "fulfil_due_orders", 1, lambda ports, now: orders.fulfil_due_orders(ports.begin, now=now)
    ),
    Alarm("ask_about_due_payments", 1, _ask_about_due_payments),
    Alarm(
        "send_due_refunds",
        1,
        lambda ports, now: orders.send_due_refunds(
            ports.begin, ports.gateways, now=now, at_once=AT_ONCE
        ),
    ),
    Alarm(
        "report_due_deliveries",
        2,
        lambda ports, now: orders.report_due_deliveries(
            ports.begin,
            ports.shipping_desk,
            payer_hash_key=ports.payer_hash_key,
            now=now,
            at_once=AT_ONCE,
        ),
    ),
    Alarm(
        "mature_due_commissions",
        10,
        lambda ports, now: referral.mature_due_commissions(ports.begin, now=now),
    ),
    Alarm(
        "tell_due_earnings",
        10,
        lambda ports, now: referral.tell_due_earnings(ports.begin, now=now),
    ),
    Alarm(
        "make_due_codes",
        1,
        lambda ports, now: posters.make_due_codes(
            ports.begin, ports.code_makers, now=now, at_once=AT_ONCE
        ),
    ),
    Alarm(
        "send_due_withdrawals",
        1,
        lambda ports, now: withdrawals.send_due_withdrawals(
            ports.begin, ports.transfers, now=now, at_once=AT_ONCE
        ),
    ),
    Alarm(
        "ask_about_due_withdrawals",
        2,
        lambda ports, now: withdrawals.ask_about_due_withdrawals(
            ports.begin, ports.transfers, now=now, at_once=AT_ONCE
        ),
    ),
    Alarm(
        "reconcile_due_days",
        60,
        lambda ports, now: settlement.reconcile_due_days(
            ports.begin, ports.gateways, payer_hash_key=ports.payer_hash_key, now=now
        ),
    ),
    Alarm("sum_due_days", 10, lambda ports, now: reports.sum_due_days(ports.begin, now=now)),
    Alarm(
        "write_due_exports",
        1,
        lambda ports, now: exports.write_due_exports(ports.begin, clock=ports.clock, now=now),
    ),
    Alarm(
        "delete_due_exports",
        60,
        lambda ports, now: exports.delete_due_exports(ports.begin, now=now),
    ),
    Alarm("plan_due_pushes", 1, lambda ports, now: outreach.plan_due_pushes(ports.begin, now=now)),
    Alarm("send_due_pushes", 1, _send_due_pushes),
    Alarm(
        "ask_about_due_tasks",
        5,
        lambda ports, now: outreach.ask_about_due_tasks(
            ports.begin, ports.channels.group_tasks, now=now, at_once=AT_ONCE
        ),
    ),
    Alarm(
        "stop_due_twins",
        5,
        lambda ports, now: outreach.stop_due_twins(
            ports.begin, ports.channels.group_tasks, now=now, at_once=AT_ONCE
        ),
    ),
    Alarm(
        "deliver_due_messages",
        1,
        lambda ports, now: outreach.deliver_due_messages(
            ports.begin, ports.channels.member_messages, now=now, at_once=AT_ONCE
        ),
    ),
    Alarm(
        "expire_due_approvals",
        30,
        lambda ports, now: approvals.expire_due_approvals(ports.begin, now=now),
    ),
    Alarm(
        "check_due_avatars",
        1,
        lambda ports, now: members.check_due_avatars(
            ports.begin, ports.heard.image_checks, now=now, at_once=AT_ONCE
        ),
    ),
    Alarm(
        "refresh_due_chat_groups",
        1,
        lambda ports, now: chat_groups.refresh_due_chat_groups(
            ports.begin, ports.heard.group_directory, now=now, at_once=AT_ONCE
        ),
    ),
    Alarm("forget_old_rows", 3600, _forget_old_rows),
)
