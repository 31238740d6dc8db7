"""What the pages of leaders read: how one stands, statements that add up, rules that are theirs."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy import func, or_, select
from sqlalchemy.orm import Session

from shop.campaigns.models import Campaign
from shop.catalog.models import Sku
from shop.members.models import Member
from shop.orders.models import Order
from shop.referral.models import (
    Commission,
    CommissionEntry,
    CommissionRule,
    Earnings,
    EntryKind,
)
from shop.withdrawals.models import Withdrawal

SUMS: Final = ("pending_fen", "payable_fen", "withdrawing_fen", "paid_fen", "debt_fen")
MOST_RULES: Final = 20


@dataclass(frozen=True, slots=True)
class KindLine:
    """All entries of one kind: how many, and by how much they changed each of the sums."""

    kind: EntryKind
    count: int
    sums: Sequence[int]


@dataclass(frozen=True, slots=True)
class Summary:
    """A statement by kinds, their totals, and whether these are the sums that are kept."""

    lines: Sequence[KindLine]
    totals: Sequence[int]
    adds_up: bool


@dataclass(frozen=True, slots=True)
class Causes:
    """What entries are about: the orders of their commissions, the numbers of withdrawals."""

    orders: Mapping[UUID, tuple[UUID, str]]  # commission → order, its number
    withdrawals: Mapping[UUID, str]


@dataclass(frozen=True, slots=True)
class NamedRule:
    """A rule of commission with the names of what it is for."""

    rule: CommissionRule
    campaign: str | None
    sku: str | None

    def state(self, now: datetime) -> str:
        """Return whether it applies at a moment: "coming", "running" or "ended"."""
        if self.rule.starts_at > now:
            return "ended" if self.rule.ends_at == self.rule.starts_at else "coming"
        return "ended" if self.rule.ends_at is not None and self.rule.ends_at <= now else "running"


def standing_of(member: Member) -> str:
    """Return how a member stands as a leader."""
    if member.leader_since is not None:
        return "leader"
    if member.leader_applied_at is not None:
        return "applied"
    return "none" if member.leader_declined_why is None else "declined"


def leader_state(member: Member) -> dict[str, Any]:
    """Return what the audit log and forms know of a leader."""
    return {
        "leader": standing_of(member),
        "leader_since": member.leader_since,
        "leader_applied_at": member.leader_applied_at,
    }


def summarise(session: Session, earnings: Earnings) -> Summary:
    """Add a statement up by kinds, and compare it with the sums that are kept."""
    columns = [func.sum(getattr(CommissionEntry, name)) for name in SUMS]
    rows = session.execute(
        select(CommissionEntry.kind, func.count(), *columns)
        .where(CommissionEntry.member_id == earnings.member_id)
        .group_by(CommissionEntry.kind)
    )
    found = {
        kind: KindLine(kind, int(count), [int(one) for one in sums]) for kind, count, *sums in rows
    }
    lines = [found[kind] for kind in EntryKind if kind in found]
    totals = [sum(line.sums[at] for line in lines) for at in range(len(SUMS))]
    return Summary(lines, totals, totals == [getattr(earnings, name) for name in SUMS])


def find_earnings(session: Session, member_ids: Sequence[UUID]) -> Mapping[UUID, Earnings]:
    """Return member id → sums, of those who ever earned."""
    rows = session.scalars(select(Earnings).where(Earnings.member_id.in_(member_ids)))
    return {row.member_id: row for row in rows}


def find_causes(session: Session, entries: Sequence[CommissionEntry]) -> Causes:
    """Return what a page of entries is about."""
    commissions = [one.commission_id for one in entries if one.commission_id is not None]
    withdrawals = [one.withdrawal_id for one in entries if one.withdrawal_id is not None]
    orders = session.execute(
        select(Commission.id, Order.id, Order.order_no)
        .join(Order, Order.id == Commission.order_id)
        .where(Commission.id.in_(commissions))
    )
    numbers = session.execute(
        select(Withdrawal.id, Withdrawal.out_bill_no).where(Withdrawal.id.in_(withdrawals))
    )
    return Causes(
        {commission_id: (order_id, number) for commission_id, order_id, number in orders},
        dict(numbers.all()),
    )


def list_rules_of(session: Session, member_id: UUID) -> Sequence[NamedRule]:
    """Return the rules for this leader alone, the newest first."""
    rules = session.scalars(
        select(CommissionRule)
        .where(CommissionRule.leader_id == member_id)
        .order_by(CommissionRule.id.desc())
        .limit(MOST_RULES)
    ).all()
    return name_rules(session, rules)


def count_general_rules(session: Session, *, now: datetime) -> int:
    """Count the rules that apply at a moment to every leader."""
    rule = CommissionRule
    running = select(func.count()).where(
        rule.leader_id.is_(None),
        rule.starts_at <= now,
        or_(rule.ends_at.is_(None), rule.ends_at > now),
    )
    return session.scalar(running) or 0


def name_rules(session: Session, rules: Sequence[CommissionRule]) -> Sequence[NamedRule]:
    """Put the names of campaigns and SKUs beside rules."""
    campaigns = session.execute(
        select(Campaign.id, Campaign.name).where(
            Campaign.id.in_([one.campaign_id for one in rules if one.campaign_id is not None])
        )
    )
    skus = session.execute(
        select(Sku.id, Sku.title).where(
            Sku.id.in_([one.sku_id for one in rules if one.sku_id is not None])
        )
    )
    names: dict[UUID | None, str] = dict([*campaigns, *skus])
    return [NamedRule(one, names.get(one.campaign_id), names.get(one.sku_id)) for one in rules]
