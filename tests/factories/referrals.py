"""A shop in which members bring members: invites, rules, commissions, withdrawals, sweeps."""

from collections.abc import Callable
from dataclasses import dataclass, field
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
from shop.payments.gateway import Channel
from shop.referral import jobs, queries, service
from shop.referral.models import (
    Attribution,
    Commission,
    CommissionEntry,
    CommissionRule,
    Invite,
    Touch,
)
from shop.referral.payouts import NotEnoughPayable
from shop.withdrawals import jobs as withdrawal_jobs
from shop.withdrawals import service as withdrawals
from shop.withdrawals.models import Withdrawal, WithdrawalStatus
from shop.withdrawals.rules import WithdrawalTerms
from tests.factories.bench import SWEEPS, Bench
from tests.factories.transfers import MemoryTransfers

HOLDS: Final = timedelta(days=7)
TERMS: Final = WithdrawalTerms(
    minimum_fen=Fen(1),
    maximum_fen=Fen(100_000),
    daily_fen=Fen(1_000_000),
    fee_basis_points=0,
    review_from_fen=Fen(50_000),
)


@dataclass
class ReferralBench(Bench):
    """A bench in which everybody pays for themselves, and leaders earn."""

    transfers: dict[Channel, MemoryTransfers] = field(default_factory=dict)
    terms: WithdrawalTerms = TERMS

    def __post_init__(self) -> None:
        """Let payers be told apart, and put a platform behind each way of being paid."""
        super().__post_init__()
        for channel, platform in self.platforms.items():
            platform.payer = None
            self.transfers.setdefault(channel, MemoryTransfers(channel))
            self.transfers[channel].clock = lambda: self.now

    def leader(self) -> UUID:
        """Return a new member who is a leader."""
        member_id = self.member()
        self.appoint(member_id)
        return member_id

    def appoint(self, member_id: UUID) -> None:
        """Make a member a leader."""
        with self.begin() as session:
            leaders.approve_leader(session, member_id, now=self.now)

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

    def withdraw(self, leader_id: UUID, fen: int, channel: Channel = Channel.ALIPAY) -> Withdrawal:
        """Have a leader ask for an amount."""
        with self.begin() as session:
            return withdrawals.request(
                session,
                self.transfers[channel],
                member_id=leader_id,
                amount_fen=Fen(fen),
                terms=self.terms,
                now=self.now,
            )

    def withdrawal(self, withdrawal_id: UUID) -> Withdrawal:
        """Return a withdrawal as it stands."""
        with self.begin() as session:
            return session.get_one(Withdrawal, withdrawal_id)

    def pay_out(self, leader_id: UUID) -> Fen:
        """Have a leader withdraw all that is payable, and be paid at once."""
        try:
            asked = self.withdraw(leader_id, self.sums(leader_id)[1])
        except NotEnoughPayable as refusal:  # something came back that was not heard of yet
            asked = self.withdraw(leader_id, refusal.details["payable_fen"])
        self.sweep("send")
        assert self.withdrawal(asked.id).status is WithdrawalStatus.PAID
        return asked.amount_fen

    def sums(self, member_id: UUID) -> tuple[int, int, int, int]:
        """Return what a leader has pending, payable and paid, and owes."""
        with self.begin() as session:
            found = queries.find_earnings(session, member_id)
            return found.pending_fen, found.payable_fen, found.paid_fen, found.debt_fen

    def withdrawing(self, member_id: UUID) -> int:
        """Return what a leader has asked for and not got."""
        with self.begin() as session:
            return queries.find_earnings(session, member_id).withdrawing_fen

    def books(self) -> dict[str, Any]:
        """Return the platforms' own books, with the transfers to leaders."""
        books = super().books()
        for channel, transfers in self.transfers.items():
            books[channel]["transfers"] = transfers.books()
        return books

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
    "tell": lambda bench, now: jobs.tell_due_earnings(bench.begin, now=now),
    "send": lambda bench, now: withdrawal_jobs.send_due_withdrawals(
        bench.begin, bench.transfers, now=now
    ),
    "ask payees": lambda bench, now: withdrawal_jobs.ask_about_due_withdrawals(
        bench.begin, bench.transfers, now=now
    ),
}
