"""A shop in which members bring members: invites, rules, commissions, their sweep."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from sqlalchemy import select

from app.reactions import REACTIONS
from kit.money import Fen
from kit.outbox import relay
from kit.sweep import Swept
from shop.members import leaders
from shop.orders.models import OrderStatus
from shop.referral import commissions, jobs, queries, service
from shop.referral.models import (
    Attribution,
    Commission,
    CommissionEntry,
    CommissionRule,
    Invite,
    Touch,
)
from tests.factories.bench import SWEEPS, Bench

HOLDS: Final = timedelta(days=7)


@dataclass
class ReferralBench(Bench):
    """A bench in which everybody pays for themselves, and leaders earn."""

    def __post_init__(self) -> None:
        """Let payers be told apart."""
        super().__post_init__()
        for platform in self.platforms.values():
            platform.payer = None

    def leader(self) -> UUID:
        """Return a new member who is a leader."""
        member_id = self.member()
        with self.begin() as session:
            leaders.approve_leader(session, member_id, now=self.now)
        return member_id

    def rule(self, **given: Any) -> CommissionRule:
        """Promise a tenth to all leaders on everything, unless told otherwise."""
        share = {} if "fixed_fen" in given else {"basis_points": 1000}
        settled = {"holds_days": HOLDS.days, "starts_at": self.now, "actor": "op"}
        with self.begin() as session:
            return service.add_rule(session, now=self.now, **(share | settled | given))

    def invite(self, member_id: UUID, campaign_id: UUID | None = None) -> Invite:
        """Return the member's invite."""
        with self.begin() as session:
            return service.give_invite(session, member_id, campaign_id=campaign_id, now=self.now)

    def open(self, inviter_id: UUID, member_id: UUID) -> Touch:
        """Have a member open another's invite."""
        code = self.invite(inviter_id).code
        with self.begin() as session:
            return service.open_invite(session, code, member_id=member_id, now=self.now)

    def brought(self, inviter_id: UUID) -> UUID:
        """Return a new member who opened the invite."""
        member_id = self.member()
        self.open(inviter_id, member_id)
        return member_id

    def buy(self, member_id: UUID, *wanted: tuple[UUID, int]) -> UUID:
        """Have a member order and pay; return the order."""
        order_id = self.place(member_id, *(wanted or ((self.sku(), 1),)))
        number = self.start_payment(order_id).out_trade_no
        self.wechat.pay(number)
        self.notify(number)
        self.relay()
        return order_id

    def sold(self, leader_id: UUID, quantity: int = 1, price_fen: int = 1000) -> UUID:
        """Have somebody whom the leader brought buy; return the order."""
        sku_id = self.sku(quantity, price_fen=price_fen)
        return self.buy(self.brought(leader_id), (sku_id, quantity))

    def return_units(self, order_id: UUID, quantity: int | None = None) -> None:
        """Have units of an order go back, and the platform confirm it."""
        line = self.lines(order_id)[0]
        self.refund(order_id, line_id=line.id, quantity=quantity)
        while self.order(order_id).status is OrderStatus.REFUNDING:
            for platform in self.platforms.values():
                platform.finish_refunds()
            self.sweep("refund")
            self.now += timedelta(seconds=61)
        self.relay()

    def relay(self) -> None:
        """Bring every waiting event to its handlers."""
        while relay(self.begin, REACTIONS, now=self.now):
            pass

    def mature(self, wait: timedelta = HOLDS) -> None:
        """Let the window for refunds go by."""
        self.now += wait
        self.sweep("mature")

    def pay_out(self, leader_id: UUID) -> Fen:
        """Pay a leader all that is payable."""
        with self.begin() as session:
            return commissions.pay_out(session, leader_id, actor="op", now=self.now)

    def sums(self, member_id: UUID) -> tuple[int, int, int, int]:
        """Return what a leader has pending, payable and paid, and owes."""
        with self.begin() as session:
            found = queries.find_earnings(session, member_id)
            return found.pending_fen, found.payable_fen, found.paid_fen, found.debt_fen

    def commissions(self, order_id: UUID) -> list[Commission]:
        """Return what is earned on an order."""
        with self.begin() as session:
            rows = select(Commission).where(Commission.order_id == order_id)
            return list(session.scalars(rows.order_by(Commission.id)))

    def statement(self, member_id: UUID) -> list[CommissionEntry]:
        """Return a leader's entries, oldest first."""
        with self.begin() as session:
            rows = select(CommissionEntry).where(CommissionEntry.member_id == member_id)
            return list(session.scalars(rows.order_by(CommissionEntry.id)))

    def owed_to(self, order_id: UUID) -> UUID | None:
        """Return whose invite an order is owed to."""
        with self.begin() as session:
            return session.scalar(
                select(Invite.member_id)
                .join(Attribution, Attribution.invite_id == Invite.id)
                .where(Attribution.order_id == order_id)
            )

    def sweep(self, *only: str) -> None:
        """Run every sweep once, or only those named."""
        for name in only or (*SWEEPS, *REFERRAL_SWEEPS):
            if name in REFERRAL_SWEEPS:
                self.failed += REFERRAL_SWEEPS[name](self, self.now).failed
            else:
                super().sweep(name)


REFERRAL_SWEEPS: Final[dict[str, Callable[[ReferralBench, datetime], Swept]]] = {
    "mature": lambda bench, now: jobs.mature_due_commissions(bench.begin, now=now),
}
