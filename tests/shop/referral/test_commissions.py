"""Commissions: earned once, payable after the window, and exact to the fen whatever comes back."""

from datetime import timedelta
from itertools import pairwise

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from kit.money import Fen
from shop.members import leaders
from shop.orders.models import Order
from shop.referral import commissions, service
from shop.referral.models import CommissionStatus, EntryKind
from shop.withdrawals.rules import AmountOutOfRange
from tests.factories.referrals import HOLDS, ReferralBench


class TestEarn:
    """earn: by the rule of the order's placing, for leaders, once a line."""

    def test_a_leader_earns_on_each_line_by_the_rule_that_wins(self, bench: ReferralBench) -> None:
        """A tenth of everything, and a fixed amount for each unit of one SKU."""
        leader, special = bench.leader(), bench.sku(2, price_fen=700)
        bench.rule()
        rule = bench.rule(sku_id=special, fixed_fen=Fen(55))
        order_id = bench.buy(bench.brought(leader), (bench.sku(), 1), (special, 2))
        earned = {one.base_fen: one for one in bench.commissions(order_id)}
        assert {base: one.amount_fen for base, one in earned.items()} == {1000: 100, 1400: 110}
        assert (earned[1400].rule_id, earned[1400].fixed_fen) == (rule.id, 55)
        assert bench.sums(leader) == (210, 0, 0, 0)
        assert bench.violations() == []

    def test_the_rule_is_the_one_of_the_moment_of_placing(self, bench: ReferralBench) -> None:
        """What was promised then is kept, though the rule ends before the payment."""
        leader, sku_id = bench.leader(), bench.sku()
        rule = bench.rule()
        order_id = bench.place(bench.brought(leader), (sku_id, 1))
        bench.now += timedelta(seconds=1)
        with bench.begin() as session:
            service.end_rule(session, rule.id, now=bench.now)
        number = bench.start_payment(order_id).out_trade_no
        bench.wechat.pay(number)
        bench.notify(number)
        bench.relay()
        assert bench.sums(leader) == (100, 0, 0, 0)
        bench.sold(leader)
        assert bench.sums(leader) == (100, 0, 0, 0)

    def test_only_leaders_earn(self, bench: ReferralBench) -> None:
        """Neither before the approval nor after it was revoked."""
        bench.rule()
        member = bench.member()
        bench.sold(member)
        bench.now += timedelta(seconds=1)
        with bench.begin() as session:
            leaders.approve_leader(session, member, now=bench.now)
        order_id = bench.sold(member)
        with bench.begin() as session:
            leaders.revoke_leader(session, member)
        bench.sold(member)
        assert bench.sums(member) == (100, 0, 0, 0)
        assert len(bench.commissions(order_id)) == 1

    def test_who_became_a_leader_after_the_payment_earns_nothing_on_it(
        self, bench: ReferralBench
    ) -> None:
        """However late the news of the payment is heard."""
        bench.rule()
        member, sku_id = bench.member(), bench.sku()
        order_id = bench.place(bench.brought(member), (sku_id, 1))
        number = bench.start_payment(order_id).out_trade_no
        bench.wechat.pay(number)
        bench.notify(number)
        bench.now += timedelta(seconds=1)
        with bench.begin() as session:
            leaders.approve_leader(session, member, now=bench.now)
        bench.relay()
        assert (bench.owed_to(order_id), bench.commissions(order_id)) == (member, [])

    def test_a_share_of_less_than_a_fen_is_none(self, bench: ReferralBench) -> None:
        """No row of nothing."""
        leader = bench.leader()
        bench.rule(basis_points=1)
        order_id = bench.sold(leader)
        assert bench.commissions(order_id) == []
        assert bench.owed_to(order_id) == leader

    def test_g116_the_same_payment_told_twice_earns_once(self, bench: ReferralBench) -> None:
        """And the database would refuse a second commission of the line."""
        leader, sku_id = bench.leader(), bench.sku()
        bench.rule()
        order_id = bench.place(bench.brought(leader), (sku_id, 1))
        number = bench.start_payment(order_id).out_trade_no
        bench.wechat.pay(number)
        for _ in range(2):
            bench.notify(number)
            bench.relay()
        assert len(bench.commissions(order_id)) == 1
        with pytest.raises(IntegrityError), bench.begin() as session:
            service.attribute_order(session, order_id, now=bench.now)


class TestOneLevel:
    """Nobody earns on whoever somebody else brought: there is no second level to be given."""

    def test_g118_a_chain_of_leaders_earns_one_level(self, bench: ReferralBench) -> None:
        """The first brought the second, who brought the third, and so on; the last buys."""
        bench.rule()
        chain = [bench.leader() for _ in range(5)]
        for inviter, member in pairwise(chain):
            bench.open(inviter, member)
        order_id = bench.buy(chain[-1])
        assert [one.earner_id for one in bench.commissions(order_id)] == [chain[-2]]
        assert [bench.sums(one)[0] for one in chain] == [0, 0, 0, 100, 0]

    def test_g118_the_schema_has_no_place_for_a_second_level(self, bench: ReferralBench) -> None:
        """One earner for a line, and no table of referral refers to itself or to a commission."""
        columns = text(
            "SELECT c.conrelid::regclass::text, c.confrelid::regclass::text FROM pg_constraint c"
            " WHERE c.contype = 'f' AND c.confrelid::regclass::text IN ('commissions',"
            " 'attributions', 'touches', 'invites')"
        )
        with bench.begin() as session:
            refers = {(row[0], row[1]) for row in session.execute(columns)}
        assert refers == {
            ("commission_entries", "commissions"),
            ("attributions", "touches"),
            ("attributions", "invites"),
            ("touches", "invites"),
            ("platform_codes", "invites"),
        }


class TestMature:
    """mature: payable when the order is delivered and the window for refunds is over."""

    def test_is_payable_when_the_window_is_over(self, bench: ReferralBench) -> None:
        """Half-open: at its end, and not before."""
        bench.rule()
        leader = bench.leader()
        order_id = bench.sold(leader)
        bench.mature(HOLDS - timedelta(seconds=1))
        assert bench.sums(leader) == (100, 0, 0, 0)
        bench.mature(timedelta(seconds=1))
        assert bench.sums(leader) == (0, 100, 0, 0)
        assert bench.commissions(order_id)[0].status is CommissionStatus.PAYABLE
        assert (bench.violations(), bench.failed) == ([], 0)

    def test_the_window_begins_with_the_delivery(self, bench: ReferralBench) -> None:
        """Which for a group comes after the payment."""
        bench.rule()
        leader = bench.leader()
        order_id = bench.sold(leader)
        delivered_at = bench.now + timedelta(days=1)
        with bench.begin() as session:
            session.get_one(Order, order_id).fulfilled_at = delivered_at
        bench.mature()
        assert bench.sums(leader) == (100, 0, 0, 0)
        assert bench.commissions(order_id)[0].due_at == delivered_at + HOLDS
        bench.mature(timedelta(days=1))
        assert bench.sums(leader) == (0, 100, 0, 0)

    def test_waits_for_a_refund_that_is_under_way(self, bench: ReferralBench) -> None:
        """Whatever is promised back is no longer earned; the rest matures when it is done."""
        bench.rule()
        leader = bench.leader()
        order_id = bench.sold(leader, 2)
        bench.now += HOLDS
        bench.refund(order_id, line_id=bench.lines(order_id)[0].id, quantity=1)
        bench.sweep("mature")
        assert bench.sums(leader) == (100, 0, 0, 0)
        bench.sweep("refund")
        bench.relay()
        bench.mature(timedelta(minutes=10))
        assert bench.sums(leader) == (0, 100, 0, 0)
        assert bench.violations() == []


class TestClawBack:
    """adjust_order: exactly what the units that came back had earned, wherever it stands."""

    @pytest.mark.parametrize("parts", [(1, 1, 1), (2, 1), (1, 2), (3,)])
    @pytest.mark.parametrize("stands", ["pending", "payable", "paid"])
    def test_g116_the_sum_is_exact_whatever_the_parts(
        self, bench: ReferralBench, parts: tuple[int, ...], stands: str
    ) -> None:
        """A third of a fen is lost nowhere: 333 fen at 10 % is 33, three of them are 99."""
        bench.rule()
        leader = bench.leader()
        order_id = bench.sold(leader, 3, price_fen=333)
        assert bench.sums(leader)[0] == 99
        if stands != "pending":
            bench.mature()
        if stands == "paid":
            assert bench.pay_out(leader) == 99
        for part in parts:
            bench.return_units(order_id, part)
            assert bench.violations() == []
        (commission,) = bench.commissions(order_id)
        assert commission.left_fen == 0
        owes = stands == "paid"
        assert bench.sums(leader) == ((0, 0, 99, 99) if owes else (0, 0, 0, 0))
        assert commission.status is (
            CommissionStatus.PAID if owes else CommissionStatus.CLAWED_BACK
        )

    def test_a_debt_is_set_off_against_the_next_earnings(self, bench: ReferralBench) -> None:
        """Visibly: by entries of its own, and what is left over is paid."""
        bench.rule()
        leader = bench.leader()
        first, second = bench.sold(leader, 2), bench.sold(leader, price_fen=500)
        bench.mature()
        assert bench.pay_out(leader) == 250
        bench.return_units(first, 2)
        assert bench.sums(leader) == (0, 0, 250, 200)
        third = bench.sold(leader, 3)
        bench.mature()
        assert bench.sums(leader) == (0, 100, 250, 0)
        bench.return_units(second)
        assert bench.sums(leader) == (0, 50, 250, 0)
        bench.return_units(third)
        assert bench.sums(leader) == (0, 0, 250, 250)
        assert [entry.kind for entry in bench.statement(leader)].count(EntryKind.SET_OFF) == 2
        assert bench.violations() == []

    def test_refunds_that_were_told_before_the_payment_count(self, bench: ReferralBench) -> None:
        """News comes in any order."""
        bench.rule()
        leader, sku_id = bench.leader(), bench.sku(2)
        order_id = bench.place(bench.brought(leader), (sku_id, 2))
        number = bench.start_payment(order_id).out_trade_no
        bench.wechat.pay(number)
        bench.notify(number)
        bench.refund(order_id, line_id=bench.lines(order_id)[0].id, quantity=1)
        bench.sweep("refund")
        with bench.begin() as session:
            commissions.adjust_order(session, order_id, now=bench.now)
            service.attribute_order(session, order_id, now=bench.now)
        assert bench.sums(leader) == (100, 0, 0, 0)
        assert bench.violations() == []


class TestPayOut:
    """reserve and confirm: what is payable, once."""

    def test_what_is_promised_back_at_that_moment_is_not_paid(self, bench: ReferralBench) -> None:
        """Though the platform has not confirmed it yet."""
        bench.rule()
        leader = bench.leader()
        order_id = bench.sold(leader, 2)
        bench.mature()
        bench.refund(order_id, line_id=bench.lines(order_id)[0].id, quantity=1)
        assert bench.pay_out(leader) == 100
        bench.sweep("refund")
        bench.relay()
        assert bench.sums(leader) == (0, 0, 100, 0)
        assert bench.violations() == []

    def test_pays_once(self, bench: ReferralBench) -> None:
        """A second wish finds nothing."""
        bench.rule()
        leader = bench.leader()
        order_id = bench.sold(leader)
        with pytest.raises(AmountOutOfRange):
            bench.pay_out(leader)
        bench.mature()
        assert bench.pay_out(leader) == 100
        with pytest.raises(AmountOutOfRange):
            bench.pay_out(leader)
        assert bench.sums(leader) == (0, 0, 100, 0)
        assert bench.commissions(order_id)[0].status is CommissionStatus.PAID
        assert bench.violations() == []
