"""One leader under many hands at once: invites, earning, giving back, paying out."""

from contextlib import suppress
from datetime import timedelta
from functools import partial
from uuid import UUID

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from app.reactions import REACTIONS
from kit.db import Begin
from kit.outbox import relay
from shop.referral import commissions, jobs
from shop.referral.earning import lock_earnings
from shop.referral.models import Earnings, EntryKind, Invite, Touch, TouchRefusal
from shop.referral.payouts import NotEnoughPayable
from shop.withdrawals import jobs as withdrawal_jobs
from shop.withdrawals.rules import AmountOutOfRange
from shop.withdrawals.service import WithdrawalOpen
from tests.factories.referrals import HOLDS, ReferralBench
from tests.factories.sales import LONG_AGO
from tests.races.at_once import at_once, errors
from tests.shop.referral.test_invites import join
from tests.shop.referral.test_telling import told, wait

pytestmark = pytest.mark.race

ROUNDS = 10


@pytest.fixture
def shop(real_begin: Begin) -> ReferralBench:
    """Return a shop with leaders whose transactions commit."""
    return ReferralBench(real_begin, LONG_AGO)


class TestInvites:
    """The locks of members make one of two."""

    def test_many_wishes_at_once_are_one_code(self, shop: ReferralBench) -> None:
        """Whoever comes second finds it."""
        member = shop.member()
        results = at_once(*[partial(shop.invite, member)] * 8)
        assert errors(results) == []
        with shop.begin() as session:
            assert len(session.scalars(select(Invite)).all()) == 1

    def test_g114_of_two_who_open_each_others_at_once_one_is_bound(
        self, shop: ReferralBench
    ) -> None:
        """Each time, whoever came first."""
        for _ in range(ROUNDS):
            one, other = shop.member(), shop.member()
            for member in (one, other):
                shop.invite(member)
            results = at_once(partial(shop.open, one, other), partial(shop.open, other, one))
            assert errors(results) == []
            with shop.begin() as session:
                made = session.scalars(
                    select(Touch.refusal).where(Touch.member_id.in_((one, other)))
                ).all()
            assert sorted(made, key=str) == [None, TouchRefusal.MUTUAL]


class TestSums:
    """The lock of a leader's sums lets one change them at a time."""

    def test_g116_everything_at_once_leaves_the_books_whole(self, shop: ReferralBench) -> None:
        """Orders are paid, come back, mature and are paid out, all in the same moment."""
        shop.rule()
        leader = shop.leader()
        sku_id = shop.sku(40, price_fen=333)
        for _ in range(3):
            early = [shop.buy(shop.brought(leader), (sku_id, 3)) for _ in range(3)]
            shop.now += HOLDS
            for order_id in early:
                shop.refund(order_id, line_id=shop.lines(order_id)[0].id, quantity=1)
            shop.sweep("refund")
            late = shop.place(shop.brought(leader), (sku_id, 1))
            number = shop.start_payment(late).out_trade_no
            shop.wechat.pay(number)
            shop.notify(number)
            results = at_once(
                *[partial(relay, shop.begin, REACTIONS, now=shop.now)] * 3,
                *[partial(jobs.mature_due_commissions, shop.begin, now=shop.now)] * 2,
                *[partial(jobs.tell_due_earnings, shop.begin, now=shop.now)] * 2,
                partial(self.pay_out, shop, leader),
                partial(self.pay_out, shop, leader),
            )
            assert errors(results) == []
            shop.relay()
            assert shop.violations() == []
        shop.mature(2 * HOLDS)
        self.pay_out(shop, leader)
        assert shop.sums(leader)[2] > 0
        wait(shop)
        earned = [one.pending_fen for one in shop.statement(leader) if one.kind is EntryKind.EARNED]
        assert sum(earned) == sum(int(yuan.replace(".", "")) for yuan in told(shop, leader))
        assert shop.violations() == []

    def pay_out(self, shop: ReferralBench, leader: UUID) -> None:
        """Pay the leader, if there is anything to be paid at this moment."""
        with suppress(AmountOutOfRange, NotEnoughPayable, WithdrawalOpen):
            shop.withdraw(leader, shop.sums(leader)[1])
        withdrawal_jobs.send_due_withdrawals(shop.begin, shop.transfers, now=shop.now)


class TestJoining:
    """A leader becomes part of another member while an order is owed to them."""

    def test_what_is_earned_at_that_moment_is_the_others(
        self, shop: ReferralBench, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Their sums were handed over between the look at who they are and the lock on them."""
        shop.rule()
        gone, kept = shop.leader(), shop.leader()
        order_id = shop.place(shop.brought(gone), (shop.sku(), 1))
        number = shop.start_payment(order_id).out_trade_no
        shop.wechat.pay(number)
        shop.notify(number)

        def too_late(session: Session, member_id: UUID) -> Earnings:
            monkeypatch.setattr(commissions, "lock_earnings", lock_earnings)
            join(shop, gone, kept)
            relay(shop.begin, REACTIONS, now=shop.now)
            return lock_earnings(session, member_id)

        monkeypatch.setattr(commissions, "lock_earnings", too_late)
        shop.relay()
        shop.now += timedelta(hours=1)
        shop.relay()
        assert [one.earner_id for one in shop.commissions(order_id)] == [kept]
        assert (shop.sums(gone), shop.sums(kept)) == ((0, 0, 0, 0), (100, 0, 0, 0))
        assert shop.violations() == []
