"""Earnings of closed accounts: written back to the house, once, whatever comes first."""

from uuid import UUID

import pytest

from shop.members.events import AccountClosed
from shop.referral.handlers import give_up_earnings_when_closed
from shop.referral.models import CommissionStatus, EntryKind
from shop.withdrawals import accounts
from tests.factories.referrals import ReferralBench
from tests.shop.referral.test_invites import join

S = CommissionStatus


def close(bench: ReferralBench, member_id: UUID) -> None:
    """Delete an account whose earnings are given up."""
    with bench.begin() as session:
        accounts.close_account(
            session,
            member_id=member_id,
            give_up_cards=True,
            give_up_earnings=True,
            now=bench.now,
        )


class TestGivingUp:
    """give_up_if_closed."""

    def test_what_is_coming_and_what_is_payable_goes_back(self, bench: ReferralBench) -> None:
        """Each commission has its entry, and none waits any more."""
        bench.rule()
        leader = bench.leader()
        ripe = bench.sold(leader)
        bench.mature()
        green = bench.sold(leader, price_fen=500)
        close(bench, leader)
        assert bench.sums(leader) == (50, 100, 0, 0)
        bench.relay()
        assert bench.sums(leader) == (0, 0, 0, 0)
        for order_id in (ripe, green):
            assert [one.status for one in bench.commissions(order_id)] == [S.GIVEN_UP]
        given = [one for one in bench.statement(leader) if one.kind is EntryKind.GIVEN_UP]
        assert sorted((one.pending_fen, one.payable_fen) for one in given) == [(-50, 0), (0, -100)]
        bench.mature()
        bench.return_units(ripe)
        assert bench.sums(leader) == (0, 0, 0, 0)
        assert bench.violations() == []

    def test_what_was_paid_stays_paid(self, bench: ReferralBench) -> None:
        """A payment that covers half of a commission leaves the other half to the house."""
        bench.rule()
        leader = bench.leader()
        first, second = bench.sold(leader), bench.sold(leader)
        bench.mature()
        asked = bench.withdraw(leader, 150)
        bench.sweep("send")
        assert bench.withdrawal(asked.id).ended_at is not None
        close(bench, leader)
        bench.relay()
        assert bench.sums(leader) == (0, 0, 150, 0)
        assert [bench.commissions(one)[0].left_fen for one in (first, second)] == [100, 50]
        assert [bench.commissions(one)[0].status for one in (first, second)] == [S.PAID, S.PAID]
        bench.return_units(second)  # half of it was paid, and is owed from now on
        assert bench.sums(leader) == (0, 0, 150, 50)
        assert bench.violations() == []

    def test_what_a_debt_has_eaten_is_not_given_back_twice(self, bench: ReferralBench) -> None:
        """Only what is payable beside the debt goes back."""
        bench.rule()
        leader = bench.leader()
        paid = bench.sold(leader)
        bench.mature()
        bench.pay_out(leader)
        bench.return_units(paid)
        bench.sold(leader, price_fen=1500)
        bench.mature()
        assert bench.sums(leader) == (0, 50, 100, 0)
        close(bench, leader)
        bench.relay()
        assert bench.sums(leader) == (0, 0, 100, 0)
        assert bench.violations() == []

    def test_nobody_earns_after_closing(self, bench: ReferralBench) -> None:
        """An order that was placed before and is paid later is owed, and earns nothing."""
        bench.rule()
        leader = bench.leader()
        order_id = bench.place(bench.brought(leader), (bench.sku(), 1))
        close(bench, leader)
        number = bench.start_payment(order_id).out_trade_no
        bench.wechat.pay(number)
        bench.notify(number)
        bench.relay()
        assert bench.commissions(order_id) == []
        assert bench.violations() == []

    @pytest.mark.parametrize("is_late", [False, True], ids=["joined-first", "closed-first"])
    def test_what_a_joining_brings_later_goes_back_too(
        self, bench: ReferralBench, is_late: bool
    ) -> None:
        """The news of a joining may come after the news of the closing."""
        bench.rule()
        gone, kept = bench.leader(), bench.leader()
        bench.sold(gone)
        bench.mature()
        join(bench, gone, kept)
        close(bench, kept)
        if is_late:
            with bench.begin() as session:
                event = AccountClosed(str(kept))
                give_up_earnings_when_closed(event, session=session, now=bench.now)
        bench.relay()
        assert (bench.sums(gone), bench.sums(kept)) == ((0, 0, 0, 0), (0, 0, 0, 0))
        assert bench.violations() == []
