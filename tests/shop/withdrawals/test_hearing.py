"""What comes back while a withdrawal is open, and what the platform tells of it by itself."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import select

from kit.money import Fen
from shop.payments.gateway import NoticeRejected, ResultUnknown
from shop.payments.models import Notice
from shop.payments.rejections import Rejections
from shop.payments.transfer_gateway import TransferState
from shop.referral.commissions import EarnerChanged
from shop.withdrawals import notices, service
from shop.withdrawals.models import Withdrawal, WithdrawalStatus
from shop.withdrawals.rules import UNSURE_FOR
from shop.withdrawals.sending import TransferMismatch, record_transfer
from tests.factories.referrals import TERMS, ReferralBench
from tests.factories.withdrawals import (
    ALIPAY,
    WECHAT,
    asked,
    earner,
    events,
    fail_once,
    go_on,
    tell,
    waiting,
)
from tests.shop.referral.test_invites import join

S = WithdrawalStatus
T = TransferState


class TestClawBack:
    """Units come back while a withdrawal is open: the debt is set off before it is paid."""

    @pytest.mark.parametrize(("units", "payable"), [(1, 500), (2, 0)])
    def test_nothing_is_sent_while_there_is_a_debt(
        self, bench: ReferralBench, units: int, payable: int
    ) -> None:
        """It comes to nothing, the debt is set off, and the rest may be asked for."""
        leader = bench.leader()
        order_id = bench.sold(leader, 2, price_fen=5000)
        bench.mature()
        withdrawal = bench.withdraw(leader, 1000)
        bench.return_units(order_id, units)
        assert bench.sums(leader) == (0, 0, 0, 500 * units)
        assert bench.violations(with_books=True) == []
        bench.sweep("send")
        found = bench.withdrawal(withdrawal.id)
        assert (found.status, found.reason) == (S.CANCELLED, "debt")
        assert bench.transfers[ALIPAY].calls == []
        assert bench.sums(leader) == (0, payable, 0, 0)
        assert bench.violations(with_books=True) == []

    def test_what_is_still_payable_bears_it_first(self, bench: ReferralBench) -> None:
        """Then the open withdrawal goes on."""
        leader = bench.leader()
        order_id = bench.sold(leader, 2, price_fen=5000)
        bench.mature()
        bench.withdraw(leader, 500)
        bench.return_units(order_id, 1)
        assert (bench.sums(leader), bench.withdrawing(leader)) == ((0, 0, 0, 0), 500)
        bench.sweep("send")
        assert bench.sums(leader) == (0, 0, 500, 0)
        assert bench.violations(with_books=True) == []

    @pytest.mark.parametrize("is_taken", [False, True])
    def test_what_waits_for_the_leader_is_taken_back(
        self, bench: ReferralBench, is_taken: bool
    ) -> None:
        """If it still can be; else the debt is set off against what comes next."""
        leader = bench.leader()
        order_id = bench.sold(leader, 2, price_fen=5000)
        bench.mature()
        withdrawal = bench.withdraw(leader, 1000, WECHAT)
        bench.sweep("send")
        bench.return_units(order_id, 1)
        if is_taken:
            bench.transfers[WECHAT].confirm(withdrawal.out_bill_no)
        go_on(bench, rounds=1)
        found = bench.withdrawal(withdrawal.id)
        assert (found.status, found.reason) == (
            (S.PAID, None) if is_taken else (S.CANCELLED, "debt")
        )
        assert bench.sums(leader) == ((0, 0, 1000, 500) if is_taken else (0, 500, 0, 0))
        assert bench.violations(with_books=True) == []

    def test_what_was_lost_on_the_way_is_not_sent_again(self, bench: ReferralBench) -> None:
        """But not given back either while it may still arrive."""
        leader = bench.leader()
        order_id = bench.sold(leader, 2, price_fen=5000)
        bench.mature()
        withdrawal = bench.withdraw(leader, 1000, WECHAT)
        fail_once(bench, WECHAT, "send", ResultUnknown("?"), acted=False)
        bench.sweep("send")
        bench.return_units(order_id, 1)
        go_on(bench, timedelta(minutes=3), rounds=2)
        assert bench.withdrawal(withdrawal.id).status is S.SENDING
        go_on(bench, UNSURE_FOR, rounds=2)
        assert bench.withdrawal(withdrawal.id).status is S.CANCELLED
        assert [call for call, _ in bench.transfers[WECHAT].calls].count("send") == 1
        assert bench.sums(leader) == (0, 500, 0, 0)

    @pytest.mark.parametrize("stands", [S.IN_REVIEW, S.APPROVED, S.AWAITING_USER])
    def test_what_is_promised_back_counts_before_it_is_done(
        self, bench: ReferralBench, stands: WithdrawalStatus
    ) -> None:
        """The platform may take days, and its news comes after that."""
        if stands is S.IN_REVIEW:
            bench.terms = replace(TERMS, review_from_fen=Fen(1))
        leader = bench.leader()
        order_id = bench.sold(leader, 2, price_fen=5000)
        bench.mature()
        withdrawal = bench.withdraw(leader, 1000, WECHAT)
        if stands is S.AWAITING_USER:
            bench.sweep("send")
        assert bench.withdrawal(withdrawal.id).status is stands
        bench.refund(order_id, line_id=bench.lines(order_id)[0].id, quantity=1)
        if stands is S.IN_REVIEW:
            with bench.begin() as session:
                service.approve(session, withdrawal.id, actor="op", now=bench.now)
        else:
            go_on(bench, rounds=1)
        found = bench.withdrawal(withdrawal.id)
        assert (found.status, found.reason) == (S.CANCELLED, "debt")
        assert bench.sums(leader) == (0, 500, 0, 0)
        bench.sweep("refund")
        bench.relay()
        assert bench.sums(leader) == (0, 500, 0, 0)
        assert bench.violations() == []


class TestNotices:
    """receive_notice: authenticated, applied once, and held to what was asked for."""

    def test_ends_what_waits(self, bench: ReferralBench) -> None:
        """The second time it changes nothing."""
        leader, withdrawal, platform = waiting(bench)
        platform.confirm(withdrawal.out_bill_no)
        for _ in range(2):
            tell(bench, withdrawal.out_bill_no)
        assert bench.withdrawal(withdrawal.id).status is S.PAID
        with bench.begin() as session:
            (notice,) = session.scalars(select(Notice).where(Notice.kind == "ended"))
        assert notice.out_trade_no == withdrawal.out_bill_no
        assert (bench.sums(leader), events(bench)) == ((0, 600, 400, 0), [])
        assert bench.violations(with_books=True) == []

    def test_what_is_not_authentic_changes_nothing(self, bench: ReferralBench) -> None:
        """It is written down; a probe is not."""
        _, withdrawal, platform = waiting(bench)
        body = platform.notice(withdrawal.out_bill_no, state="done")
        for signature in ("bad_signature", "probe"):
            with pytest.raises(NoticeRejected):
                notices.receive_notice(
                    bench.begin,
                    platform,
                    headers={"X-Signature": signature},
                    body=body,
                    clock=lambda: bench.now,
                    rejections=Rejections(),
                )
        assert bench.withdrawal(withdrawal.id).status is S.AWAITING_USER
        assert events(bench) == ["notice.bad_signature"]

    @pytest.mark.parametrize(
        "lie",
        [
            lambda number: {"number": "TW-nobodys"},
            lambda number: {"number": number, "amount_fen": 401},
            lambda number: {"number": number, "merchant_id": "another"},
        ],
    )
    def test_what_contradicts_is_refused_and_noted(
        self, bench: ReferralBench, lie: Callable[[str], dict[str, object]]
    ) -> None:
        """A person looks at it."""
        _, withdrawal, platform = waiting(bench)
        platform.confirm(withdrawal.out_bill_no)
        told = lie(withdrawal.out_bill_no)
        with pytest.raises(TransferMismatch):
            tell(bench, str(told.pop("number")), **told)
        assert bench.withdrawal(withdrawal.id).status is S.AWAITING_USER
        assert events(bench) == ["notice.withdrawals.transfer_mismatch"]

    @pytest.mark.parametrize("end", [T.FAILED, T.DONE])
    def test_what_ended_otherwise_is_an_alarm(
        self, bench: ReferralBench, end: TransferState
    ) -> None:
        """Money that moved after it was given back must not go unseen."""
        leader, withdrawal, platform = waiting(bench)
        platform.confirm(withdrawal.out_bill_no, end)
        tell(bench, withdrawal.out_bill_no)
        before = bench.sums(leader)
        other = T.DONE if end is T.FAILED else T.FAILED
        platform.bills[withdrawal.out_bill_no]["state"] = other
        with pytest.raises(TransferMismatch):
            tell(bench, withdrawal.out_bill_no)
        assert bench.sums(leader) == before
        assert "I9.platforms_agree" in [
            found["invariant"] for found in bench.violations(with_books=True)
        ]

    def test_nothing_can_be_known_of_what_was_not_sent(self, bench: ReferralBench) -> None:
        """Whoever tells it."""
        _, withdrawal = asked(bench)
        platform = bench.transfers[WECHAT]
        told = platform.tell(withdrawal.out_bill_no, state=T.DONE)
        with pytest.raises(TransferMismatch), bench.begin() as session:
            record_transfer(session, told, now=bench.now)

    def test_while_a_joining_is_under_way_it_waits(self, bench: ReferralBench) -> None:
        """Until sums and withdrawals are the same member's."""
        gone, withdrawal, platform = waiting(bench)
        kept = earner(bench)
        platform.confirm(withdrawal.out_bill_no)
        with bench.begin() as session:
            session.get_one(Withdrawal, withdrawal.id).member_id = kept
        with pytest.raises(EarnerChanged):
            tell(bench, withdrawal.out_bill_no)
        join(bench, gone, kept)
        bench.relay()
        tell(bench, withdrawal.out_bill_no)
        assert bench.sums(kept) == (0, 1600, 400, 0)
        assert bench.violations(with_books=True) == []
