"""Asking for a withdrawal: within limits, one at a time, never more than is payable."""

from dataclasses import replace
from datetime import timedelta
from uuid import UUID

import pytest
from sqlalchemy import delete
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from kit.ids import new_id
from kit.money import Fen
from shop.members.models import Identity, Member, MemberStatus
from shop.members.phones import PhoneBook
from shop.members.queries import MemberNotActive
from shop.payments.gateway import Channel
from shop.payments.transfer_gateway import TransferState
from shop.referral.models import EntryKind
from shop.referral.payouts import NotEnoughPayable
from shop.withdrawals import accounts, service
from shop.withdrawals.models import Withdrawal, WithdrawalStatus
from shop.withdrawals.queries import WithdrawalNotFound
from shop.withdrawals.rules import AmountOutOfRange, DayLimitReached
from shop.withdrawals.service import NoPayee, NotCancellable, NotInReview, WithdrawalOpen
from tests.factories.referrals import TERMS, ReferralBench
from tests.factories.withdrawals import earner
from tests.shop.referral.test_invites import join

S = WithdrawalStatus


class TestRequest:
    """request: set apart under the leader's lock."""

    def test_sets_apart_what_was_asked_for(self, bench: ReferralBench) -> None:
        """In the sums, the statement and the books."""
        leader = earner(bench)
        asked = bench.withdraw(leader, 400)
        assert (asked.status, asked.due_at) == (S.APPROVED, bench.now)
        assert (bench.sums(leader), bench.withdrawing(leader)) == ((0, 600, 0, 0), 400)
        entry = bench.statement(leader)[-1]
        assert (entry.kind, entry.withdrawal_id) == (EntryKind.WITHDRAWN, asked.id)
        assert bench.violations(with_books=True) == []

    def test_never_more_than_is_payable(self, bench: ReferralBench) -> None:
        """And nothing stays of a refused wish."""
        leader = earner(bench)
        bench.sold(leader)
        with pytest.raises(NotEnoughPayable) as refusal:
            bench.withdraw(leader, 1001)
        assert refusal.value.details == {"payable_fen": 1000}
        assert (bench.sums(leader), bench.withdrawing(leader)) == ((100, 1000, 0, 0), 0)

    @pytest.mark.parametrize("fen", [99, 501])
    def test_within_the_limits_of_one(self, bench: ReferralBench, fen: int) -> None:
        """The least and the most are allowed themselves."""
        bench.terms = replace(TERMS, minimum_fen=Fen(100), maximum_fen=Fen(500))
        leader = earner(bench)
        with pytest.raises(AmountOutOfRange):
            bench.withdraw(leader, fen)
        assert bench.withdraw(leader, 500).status is S.APPROVED

    def test_within_the_limit_of_a_day(self, bench: ReferralBench) -> None:
        """Of the business day in Shanghai; what came to nothing does not count."""
        bench.terms = replace(TERMS, daily_fen=Fen(500))
        leader = earner(bench)
        bench.withdraw(leader, 300)
        bench.sweep("send")
        with pytest.raises(DayLimitReached) as refusal:
            bench.withdraw(leader, 201)
        assert refusal.value.details == {"left_fen": 200}
        asked = bench.withdraw(leader, 200)
        with bench.begin() as session:
            service.cancel(session, asked.id, member_id=leader, now=bench.now)
        bench.withdraw(leader, 200)
        bench.sweep("send")
        bench.now += timedelta(hours=4)  # 16:00 UTC is midnight there
        assert bench.withdraw(leader, 500).amount_fen == 500

    def test_one_at_a_time(self, bench: ReferralBench) -> None:
        """By a rule with words, and by the database."""
        leader = earner(bench)
        asked = bench.withdraw(leader, 100)
        with pytest.raises(WithdrawalOpen):
            bench.withdraw(leader, 100)
        names = ("member_id", "requested_by_id", "channel", "app_id", "merchant_id")
        same = {name: getattr(asked, name) for name in (*names, "amount_fen", "fee_fen")}
        wish = {"id": new_id(), "out_bill_no": "TW1", "status": S.REQUESTED}
        with pytest.raises(IntegrityError), bench.begin() as session:
            session.add(Withdrawal(**wish, **same, requested_at=bench.now))

    def test_of_a_member_whom_the_platform_knows(self, bench: ReferralBench) -> None:
        """And who is still there."""
        leader = earner(bench)
        with bench.begin() as session:
            session.execute(delete(Identity).where(Identity.member_id == leader))
        with pytest.raises(NoPayee):
            bench.withdraw(leader, 100)
        with pytest.raises(MemberNotActive):
            bench.withdraw(new_id(), 100)

    def test_large_ones_are_looked_at_first(self, bench: ReferralBench) -> None:
        """From the threshold on; nothing is sent before somebody has said yes."""
        bench.terms = replace(TERMS, review_from_fen=Fen(500))
        leader = earner(bench)
        asked = bench.withdraw(leader, 500)
        bench.sweep("send", "ask payees")
        assert (bench.withdrawal(asked.id).status, bench.withdrawal(asked.id).due_at) == (
            S.IN_REVIEW,
            None,
        )
        with bench.begin() as session:
            service.approve(session, asked.id, actor="op", now=bench.now)
        with pytest.raises(NotInReview), bench.begin() as session:
            service.reject(session, asked.id, why="late", actor="op", now=bench.now)
        bench.sweep("send")
        assert bench.sums(leader) == (0, 500, 500, 0)

    def test_rejected_it_is_payable_again(self, bench: ReferralBench) -> None:
        """With the word of whoever rejected it."""
        bench.terms = replace(TERMS, review_from_fen=Fen(500))
        leader = earner(bench)
        asked = bench.withdraw(leader, 500)
        with bench.begin() as session:
            service.reject(session, asked.id, why="ask us first", actor="op", now=bench.now)
        found = bench.withdrawal(asked.id)
        assert (found.status, found.reason) == (S.REJECTED, "ask us first")
        assert (bench.sums(leader), bench.withdrawing(leader)) == ((0, 1000, 0, 0), 0)
        assert bench.violations(with_books=True) == []


class TestFee:
    """fee_of: kept of the amount, not added to it."""

    def test_the_platform_sends_the_net(self, bench: ReferralBench) -> None:
        """And the house keeps the fee in an account of its own."""
        bench.terms = replace(TERMS, fee_basis_points=125)
        leader = earner(bench)
        asked = bench.withdraw(leader, 400)
        bench.sweep("send")
        assert (asked.fee_fen, asked.net_fen) == (5, 395)
        assert bench.transfers[Channel.ALIPAY].paid_to(f"open-{leader}") == 395
        assert bench.sums(leader) == (0, 600, 400, 0)
        assert bench.violations(with_books=True) == []


class TestCancel:
    """cancel: while nothing was sent at once, later if the platform still can."""

    def test_at_once_before_it_is_sent(self, bench: ReferralBench) -> None:
        """Nothing reaches the platform."""
        leader = earner(bench)
        asked = bench.withdraw(leader, 400)
        with pytest.raises(WithdrawalNotFound), bench.begin() as session:
            service.cancel(session, asked.id, member_id=bench.member(), now=bench.now)
        with bench.begin() as session:
            service.cancel(session, asked.id, member_id=leader, now=bench.now)
        bench.sweep("send", "ask payees")
        assert bench.withdrawal(asked.id).status is S.CANCELLED
        assert (bench.sums(leader), bench.transfers[Channel.ALIPAY].calls) == ((0, 1000, 0, 0), [])
        with pytest.raises(NotCancellable), bench.begin() as session:
            service.cancel(session, asked.id, member_id=leader, now=bench.now)

    @pytest.mark.parametrize("is_taken", [False, True])
    def test_what_waits_is_taken_back_at_the_platform(
        self, bench: ReferralBench, is_taken: bool
    ) -> None:
        """Unless the leader has taken it meanwhile: then it is paid."""
        leader, platform = earner(bench), bench.transfers[Channel.WECHAT_PAY]
        asked = bench.withdraw(leader, 400, Channel.WECHAT_PAY)
        bench.sweep("send")
        if is_taken:
            platform.confirm(asked.out_bill_no)
        with bench.begin() as session:
            service.cancel(session, asked.id, member_id=leader, now=bench.now)
        bench.sweep("ask payees")
        found = bench.withdrawal(asked.id)
        assert found.status is (S.PAID if is_taken else S.CANCELLED)
        assert bench.sums(leader) == ((0, 600, 400, 0) if is_taken else (0, 1000, 0, 0))
        assert bench.violations(with_books=True) == []


def leave(
    bench: ReferralBench, session: Session, member_id: UUID, *, give_up_earnings: bool = True
) -> None:
    """Delete the member's account."""
    accounts.close_account(
        session,
        member_id=member_id,
        give_up_cards=True,
        give_up_earnings=give_up_earnings,
        now=bench.now,
    )


class TestAccounts:
    """close_account and export_account, with withdrawals."""

    def test_nobody_leaves_with_an_open_withdrawal(self, bench: ReferralBench) -> None:
        """When it has ended they may; it stays in the books without the person."""
        leader = earner(bench)
        bench.transfers[Channel.WECHAT_PAY].starts = TransferState.PROCESSING
        asked = bench.withdraw(leader, 400, Channel.WECHAT_PAY)
        bench.sweep("send")
        with pytest.raises(accounts.UnfinishedWithdrawal), bench.begin() as session:
            leave(bench, session, leader)
        bench.transfers[Channel.WECHAT_PAY].confirm(asked.out_bill_no)
        bench.now += timedelta(minutes=1)
        bench.sweep("send")
        book = PhoneBook(key=b"k" * 32, hash_key=b"h" * 32)
        with bench.begin() as session:
            exported = accounts.export_account(session, book, member_id=leader)
            leave(bench, session, leader)
        assert [one["status"] for one in exported["withdrawals"]] == ["paid"]
        assert bench.withdrawal(asked.id).payee_ref is None

    @pytest.mark.parametrize("is_payable", [False, True])
    def test_earnings_are_given_up_knowingly(self, bench: ReferralBench, is_payable: bool) -> None:
        """Refused first, whether they are payable yet or not."""
        leader = bench.leader()
        bench.sold(leader)
        if is_payable:
            bench.mature()
        with pytest.raises(accounts.UnpaidEarnings) as refusal, bench.begin() as session:
            leave(bench, session, leader, give_up_earnings=False)
        assert sorted(refusal.value.details.values()) == [0, 100]
        with bench.begin() as session:
            leave(bench, session, leader)
            assert session.get_one(Member, leader).status is MemberStatus.DELETED

    def test_of_joined_members_both_go_on(self, bench: ReferralBench) -> None:
        """Each of the two has one open; both are paid, and no third is begun before."""
        gone, kept = earner(bench), earner(bench)
        first, second = bench.withdraw(gone, 300), bench.withdraw(kept, 500)
        join(bench, gone, kept)
        assert bench.failed == 0
        bench.relay()
        with pytest.raises(WithdrawalOpen):
            bench.withdraw(kept, 100)
        bench.sweep("send")
        assert {bench.withdrawal(one.id).status for one in (first, second)} == {S.PAID}
        assert bench.sums(kept) == (0, 1200, 800, 0)
        assert bench.violations(with_books=True) == []

    def test_between_the_joining_and_its_news_it_waits(self, bench: ReferralBench) -> None:
        """Whoever became part of another has no purse any more, and has not gone."""
        gone, kept = earner(bench), bench.member()
        withdrawal = bench.withdraw(gone, 300)
        join(bench, gone, kept)
        bench.sweep("send")
        assert bench.withdrawal(withdrawal.id).status is S.APPROVED
        bench.relay()
        bench.now += timedelta(minutes=1)
        bench.sweep("send")
        assert bench.withdrawal(withdrawal.id).status is S.PAID
        assert bench.violations(with_books=True) == []
