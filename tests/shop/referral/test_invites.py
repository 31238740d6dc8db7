"""Invites: one code for one wish, who is bound by opening, and to whom an order is owed."""

from datetime import timedelta
from uuid import UUID

import pytest
from sqlalchemy import func, select, update

from kit.db import Begin
from kit.ids import new_id
from shop.campaigns.queries import CampaignNotFound
from shop.members.joining import join_members
from shop.members.models import Identity
from shop.members.phones import PhoneBook
from shop.members.platforms import Platform
from shop.members.queries import MemberNotActive
from shop.referral.models import CommissionStatus, Invite, Touch, TouchRefusal
from shop.referral.queries import InviteNotFound
from shop.referral.rules import BOUND_FOR
from shop.referral.service import open_invite
from tests.factories.referrals import ReferralBench


def count_touches(begin: Begin) -> int:
    """Count what was written down."""
    with begin() as session:
        return session.scalar(select(func.count()).select_from(Touch)) or 0


class TestGiveInvite:
    """give_invite: the same code again, and another for another campaign."""

    def test_is_the_same_each_time(self, bench: ReferralBench) -> None:
        """Of one member; another's is another."""
        member = bench.member()
        assert bench.invite(member).code == bench.invite(member).code
        assert bench.invite(bench.member()).code != bench.invite(member).code

    def test_a_campaign_that_is_not_shown_has_none(self, bench: ReferralBench) -> None:
        """As if it did not exist."""
        with pytest.raises(CampaignNotFound):
            bench.invite(bench.member(), new_id())


class TestOpenInvite:
    """open_invite: binds, or says why not; the last that counts wins."""

    def test_an_order_is_owed_to_whoever_was_opened_last(self, bench: ReferralBench) -> None:
        """Members who are no leaders are counted, too."""
        first, second, buyer = bench.member(), bench.member(), bench.member()
        bench.open(first, buyer)
        bench.now += timedelta(hours=2)
        bench.open(second, buyer)
        order_id = bench.buy(buyer)
        assert bench.owed_to(order_id) == second
        assert bench.commissions(order_id) == []
        assert bench.violations() == []

    def test_binds_for_its_window_alone(self, bench: ReferralBench) -> None:
        """Half-open: at its end it is over."""
        inviter = bench.member()
        early, late = bench.brought(inviter), bench.brought(inviter)
        bench.now += BOUND_FOR - timedelta(microseconds=1)
        assert bench.owed_to(bench.buy(early)) == inviter
        bench.now += timedelta(microseconds=1)
        assert bench.owed_to(bench.buy(late)) is None

    def test_binds_no_order_that_was_placed_before(self, bench: ReferralBench) -> None:
        """Whoever had decided to buy was not brought."""
        buyer = bench.member()
        order_id = bench.place(buyer, (bench.sku(), 1))
        bench.now += timedelta(seconds=1)
        bench.open(bench.member(), buyer)
        number = bench.start_payment(order_id).out_trade_no
        bench.wechat.pay(number)
        bench.notify(number)
        bench.relay()
        assert bench.owed_to(order_id) is None

    def test_g114_ones_own_binds_nobody_and_displaces_nobody(self, bench: ReferralBench) -> None:
        """It is written down, and the one before goes on counting."""
        inviter, buyer = bench.member(), bench.member()
        bench.open(inviter, buyer)
        assert bench.open(buyer, buyer).refusal is TouchRefusal.SELF
        assert bench.owed_to(bench.buy(buyer)) == inviter

    def test_g114_two_do_not_bring_each_other(self, bench: ReferralBench) -> None:
        """Who was brought first stays so while it lasts."""
        one, other = bench.member(), bench.member()
        assert bench.open(one, other).refusal is None
        assert bench.open(other, one).refusal is TouchRefusal.MUTUAL
        bench.now += BOUND_FOR
        assert bench.open(other, one).refusal is None

    def test_g115_one_purse_binds_nobody(self, bench: ReferralBench) -> None:
        """Seen when the invite is opened, if both have bought before."""
        bench.wechat.payer = "one purse"
        inviter, buyer = bench.member(), bench.member()
        bench.buy(inviter)
        bench.buy(buyer)
        assert bench.open(inviter, buyer).refusal is TouchRefusal.RELATED

    def test_g115_one_purse_is_seen_when_the_order_is_paid(self, bench: ReferralBench) -> None:
        """Then the touch counts for nothing, and the one before it counts again."""
        honest, inviter, buyer = bench.leader(), bench.leader(), bench.member()
        bench.rule()
        bench.open(honest, buyer)
        bench.now += timedelta(hours=2)
        assert bench.open(inviter, buyer).refusal is None
        bench.wechat.payer = "one purse"
        bench.buy(inviter)
        order_id = bench.buy(buyer)
        assert bench.owed_to(order_id) == honest
        assert [one.earner_id for one in bench.commissions(order_id)] == [honest]

    def test_g115_one_person_on_the_platform_binds_nobody(self, bench: ReferralBench) -> None:
        """Two members of one union id, which nobody has joined."""
        inviter, buyer = bench.member(), bench.member()
        with bench.begin() as session:
            session.execute(
                update(Identity)
                .where(
                    Identity.member_id.in_((inviter, buyer)), Identity.platform == Platform.WECHAT
                )
                .values(union_id="one person")
            )
        assert bench.open(inviter, buyer).refusal is TouchRefusal.RELATED

    def test_again_within_the_hour_is_the_same_touch(self, bench: ReferralBench) -> None:
        """Opening it time and again fills no table."""
        inviter, buyer = bench.member(), bench.member()
        first = bench.open(inviter, buyer)
        bench.now += timedelta(minutes=59)
        assert bench.open(inviter, buyer).id == first.id
        bench.now += timedelta(minutes=1)
        assert bench.open(inviter, buyer).id != first.id
        assert count_touches(bench.begin) == 2

    def test_an_unknown_code_and_an_account_that_is_gone(self, bench: ReferralBench) -> None:
        """Neither binds anybody."""
        inviter, gone, kept = bench.member(), bench.member(), bench.member()
        code = bench.invite(inviter).code
        with pytest.raises(InviteNotFound), bench.begin() as session:
            open_invite(session, "0000000000", member_id=inviter, now=bench.now)
        join(bench, gone, kept)
        with pytest.raises(MemberNotActive), bench.begin() as session:
            open_invite(session, code, member_id=gone, now=bench.now)
        assert count_touches(bench.begin) == 0


def join(bench: ReferralBench, gone: UUID, kept: UUID) -> None:
    """Make one member part of another; the news is on its way."""
    book = PhoneBook(key=b"k" * 32, hash_key=b"h" * 32)
    with bench.begin() as session:
        join_members(session, book, from_id=gone, into_id=kept, now=bench.now)


class TestJoined:
    """Two accounts become one: both codes go on, and nobody earns from themselves."""

    def test_both_codes_bind_to_the_one_who_is_left(self, bench: ReferralBench) -> None:
        """Before the news is heard, and after."""
        gone, kept = bench.member(), bench.member()
        codes = [bench.invite(gone).code, bench.invite(kept).code]
        join(bench, gone, kept)
        early = bench.member()
        with bench.begin() as session:
            open_invite(session, codes[0], member_id=early, now=bench.now)
        bench.relay()
        for code in codes:
            buyer = bench.member()
            with bench.begin() as session:
                open_invite(session, code, member_id=buyer, now=bench.now)
            assert bench.owed_to(bench.buy(buyer)) == kept
        assert bench.owed_to(bench.buy(early)) == kept
        assert bench.invite(kept).code == codes[1]

    def test_g114_what_was_brought_before_the_joining_is_ones_own(
        self, bench: ReferralBench
    ) -> None:
        """Whether the order was placed by the one or the other."""
        bench.rule()
        leader, other = bench.leader(), bench.member()
        bench.open(leader, other)
        join(bench, other, leader)
        order_id = bench.place(leader, (bench.sku(), 1))
        number = bench.start_payment(order_id).out_trade_no
        bench.wechat.trades[number]["payer"] = None  # not every platform tells who paid
        bench.wechat.pay(number)
        bench.notify(number)
        bench.relay()
        assert (bench.owed_to(order_id), bench.commissions(order_id)) == (None, [])
        with bench.begin() as session:
            assert session.scalars(select(Invite.member_id)).all() == [leader]

    def test_sums_and_debts_become_one(self, bench: ReferralBench) -> None:
        """The debt of one is set off against what the other has coming."""
        bench.rule()
        gone, kept = bench.leader(), bench.leader()
        paid = bench.sold(gone, 2)
        bench.mature()
        bench.pay_out(gone)
        bench.return_units(paid)
        bench.sold(kept, 3)
        bench.mature()
        bench.sold(gone)
        join(bench, gone, kept)
        bench.relay()
        assert bench.sums(gone) == (0, 0, 0, 0)
        assert bench.sums(kept) == (100, 100, 200, 0)
        assert bench.violations() == []

    def test_g114_what_becomes_ones_own_is_taken_back(self, bench: ReferralBench) -> None:
        """Unless it is paid already."""
        bench.rule()
        leader, buyer = bench.leader(), bench.member()
        bench.open(leader, buyer)
        order_id = bench.buy(buyer)
        join(bench, buyer, leader)
        bench.relay()
        assert bench.commissions(order_id)[0].status is CommissionStatus.CLAWED_BACK
        assert bench.sums(leader) == (0, 0, 0, 0)
        assert bench.violations() == []
