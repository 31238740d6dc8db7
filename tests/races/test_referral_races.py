"""One leader under many hands at once: invites, earning, giving back, paying out."""

from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from functools import partial
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import select

from app.reactions import REACTIONS
from kit.db import Begin
from kit.outbox import relay
from shop.referral import jobs, queries
from shop.referral.models import EntryKind, Invite, Touch, TouchRefusal
from shop.referral.payouts import NotEnoughPayable
from shop.withdrawals import jobs as withdrawal_jobs
from shop.withdrawals.rules import AmountOutOfRange
from shop.withdrawals.service import WithdrawalOpen
from tests.factories.referrals import HOLDS, ReferralBench
from tests.factories.sales import LONG_AGO
from tests.races.at_once import at_once, errors
from tests.shop.referral.test_giving_up import close
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
    """A leader becomes part of another member, or leaves, while an order is owed to them."""

    @pytest.mark.parametrize("has_sums", [True, False])
    def test_what_is_earned_at_that_moment_is_the_others(
        self, shop: ReferralBench, monkeypatch: pytest.MonkeyPatch, has_sums: bool
    ) -> None:
        """Their sums were handed over between the look at who they are and the lock on them."""
        shop.rule()
        gone, kept = shop.leader(), shop.leader()
        before = 100 if has_sums and shop.sold(gone) else 0
        order_id = self.paid(shop, gone)
        self.too_late(shop, monkeypatch, lambda: join(shop, gone, kept))
        shop.relay()
        shop.now += timedelta(hours=1)
        shop.relay()
        assert [one.earner_id for one in shop.commissions(order_id)] == [kept]
        assert (shop.sums(gone), shop.sums(kept)) == ((0, 0, 0, 0), (before + 100, 0, 0, 0))
        assert shop.violations() == []

    def test_nothing_is_earned_by_who_is_gone(
        self, shop: ReferralBench, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """What they had was given up; the order is owed to their invite nevertheless."""
        shop.rule()
        leader = shop.leader()
        shop.sold(leader)
        order_id = self.paid(shop, leader)
        self.too_late(shop, monkeypatch, lambda: close(shop, leader))
        shop.relay()
        assert shop.commissions(order_id) == []
        assert shop.owed_to(order_id) == leader
        assert shop.sums(leader) == (0, 0, 0, 0)
        assert shop.violations() == []

    def paid(self, shop: ReferralBench, leader: UUID) -> UUID:
        """Return an order that is paid, and of which nobody has heard."""
        order_id = shop.place(shop.brought(leader), (shop.sku(), 1))
        number = shop.start_payment(order_id).out_trade_no
        shop.wechat.pay(number)
        shop.notify(number)
        return order_id

    def too_late(
        self, shop: ReferralBench, monkeypatch: pytest.MonkeyPatch, change: Callable[[], object]
    ) -> None:
        """Have something change, and be heard of, once it is known who earns by which rules."""
        look = queries.list_lines_with_rules

        def looking(*args: Any, **kwargs: Any) -> Any:
            monkeypatch.setattr(queries, "list_lines_with_rules", look)
            found = look(*args, **kwargs)
            change()
            relay(shop.begin, REACTIONS, now=shop.now)
            return found

        monkeypatch.setattr(queries, "list_lines_with_rules", looking)
