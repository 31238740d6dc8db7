"""Leaders hear of what they earned: once for all that came together."""

from datetime import timedelta
from uuid import UUID

import pytest
from sqlalchemy import select

from shop.outreach.inbox.models import InboxMessage, NoticeKind
from shop.referral.commissions import EarnerChanged
from shop.referral.models import Earnings
from shop.referral.service import attribute_order
from shop.referral.telling import TOGETHER_FOR
from tests.factories.referrals import ReferralBench
from tests.shop.referral.test_giving_up import close
from tests.shop.referral.test_invites import join


def told(bench: ReferralBench, member_id: UUID) -> list[str]:
    """Return what the member was told of commission, oldest first, in yuan."""
    with bench.begin() as session:
        rows = (
            select(InboxMessage.facts)
            .where(InboxMessage.member_id == member_id)
            .where(InboxMessage.kind == NoticeKind.COMMISSION_EARNED)
            .order_by(InboxMessage.id)
        )
        return [facts["amount"] for facts in session.scalars(rows)]


def wait(bench: ReferralBench, time: timedelta = TOGETHER_FOR) -> None:
    """Let time go by, and the leaders who are due be told."""
    bench.now += time
    bench.sweep("tell")
    bench.relay()


class TestTelling:
    """tell_earned."""

    def test_many_orders_are_one_message(self, bench: ReferralBench) -> None:
        """A flash sale would fill the inbox, and spend a grant on each order."""
        bench.rule()
        leader = bench.leader()
        for price_fen in (1000, 500, 250):
            bench.sold(leader, price_fen=price_fen)
        wait(bench, TOGETHER_FOR - timedelta(seconds=1))
        assert told(bench, leader) == []
        wait(bench, timedelta(seconds=1))
        assert told(bench, leader) == ["1.75"]
        wait(bench)
        assert told(bench, leader) == ["1.75"]

    def test_what_comes_later_is_another(self, bench: ReferralBench) -> None:
        """Each fen is told of once."""
        bench.rule()
        leader = bench.leader()
        bench.sold(leader)
        wait(bench)
        bench.sold(leader, price_fen=500)
        wait(bench)
        assert told(bench, leader) == ["1.00", "0.50"]
        assert bench.violations() == []

    def test_whom_a_leader_became_part_of_is_told(self, bench: ReferralBench) -> None:
        """What was earned before the joining is news to them."""
        bench.rule()
        leader, other = bench.leader(), bench.member()
        bench.sold(leader)
        join(bench, leader, other)
        bench.relay()
        wait(bench)
        assert (told(bench, leader), told(bench, other)) == ([], ["1.00"])

    def test_what_two_earned_who_became_one_is_two_messages(self, bench: ReferralBench) -> None:
        """Both are due at one moment, and neither stands in for the other."""
        bench.rule()
        leader, other = bench.leader(), bench.leader()
        bench.sold(leader)
        bench.sold(other, price_fen=500)
        join(bench, leader, other)
        bench.relay()
        wait(bench)
        assert sorted(told(bench, other)) == ["0.50", "1.00"]

    def test_whoever_closed_the_account_is_told_nothing(self, bench: ReferralBench) -> None:
        """And no sweep comes back to them."""
        bench.rule()
        leader = bench.leader()
        bench.sold(leader)
        close(bench, leader)
        bench.relay()
        wait(bench)
        assert told(bench, leader) == []
        with bench.begin() as session:
            assert session.get_one(Earnings, leader).due_at is None
        assert bench.violations() == []


class TestBetweenJoiningAndItsNews:
    """attribute_order, while the inviter is part of another and the invite not yet theirs."""

    def test_the_order_is_owed_after_the_news(self, bench: ReferralBench) -> None:
        """It is tried again, and earned by whom the inviter became part of."""
        bench.rule()
        leader, other = bench.leader(), bench.leader()
        buyer = bench.brought(leader)
        order_id = bench.place(buyer, (bench.sku(), 1))
        number = bench.start_payment(order_id).out_trade_no
        bench.wechat.pay(number)
        bench.notify(number)
        join(bench, leader, other)
        with pytest.raises(EarnerChanged), bench.begin() as session:
            attribute_order(session, order_id, now=bench.now)
        bench.relay()
        bench.now += timedelta(minutes=1)  # what failed is tried again
        bench.relay()
        assert bench.owed_to(order_id) == other
        assert [one.earner_id for one in bench.commissions(order_id)] == [other]
