"""Telling members: the inbox never fails, grants are used once, and nobody hears twice."""

from datetime import timedelta
from uuid import UUID

import pytest

from kit.ids import new_id
from shop.members.joining import join_members
from shop.members.models import Member, MemberStatus
from shop.members.phones import PhoneBook
from shop.members.platforms import Platform
from shop.orders.models import OrderStatus
from shop.outreach import jobs
from shop.outreach.gateway import ChannelRefused, ChannelUnavailable, RateLimited
from shop.outreach.inbox import service as inbox
from shop.outreach.inbox import telling
from shop.outreach.inbox.models import DeliveryStatus, NoticeKind
from shop.outreach.inbox.service import NotMutable
from shop.outreach.inbox.telling import Told
from tests.factories.groups import Offer
from tests.factories.outreach import HOUR, OutreachBench

MINUTE = timedelta(minutes=1)
D = DeliveryStatus
K = NoticeKind
REFUNDED = Told(kind=K.ORDER_REFUNDED, cause="refund:1", page="pages/order/order", amount_fen=990)
OPENING = Told(kind=K.OPENING_SOON, cause="opening:1", page="pages/x", campaign="周五秒杀")


BOOK = PhoneBook(key=b"k" * 32, hash_key=b"h" * 32)


def tell(bench: OutreachBench, told: Told, *member_ids: UUID) -> int:
    """Tell members."""
    with bench.begin() as session:
        return telling.tell(session, told, list(member_ids), now=bench.now)


class TestTell:
    def test_writes_the_message_once_for_each_member(self, bench: OutreachBench) -> None:
        members = [bench.member() for _ in range(3)]
        assert tell(bench, REFUNDED, *members) == 3
        assert tell(bench, REFUNDED, *members, bench.member()) == 1
        (message,) = bench.inbox(members[0])
        assert (message.title, message.body) == ("退款到账", "退款 9.90 元已原路退回。")
        assert bench.deliveries(members[0]) == []  # no platform words it

    def test_leaves_out_who_does_not_want_it(self, bench: OutreachBench) -> None:
        deaf, member = bench.member(), bench.member()
        with bench.begin() as session:
            inbox.mute(session, deaf, [K.OPENING_SOON], now=bench.now)
        assert tell(bench, OPENING, deaf, member) == 1
        assert bench.inbox(deaf) == []
        assert tell(bench, REFUNDED, deaf) == 1

    def test_what_one_has_bought_one_is_told_of(self, bench: OutreachBench) -> None:
        with pytest.raises(NotMutable), bench.begin() as session:
            inbox.mute(session, bench.member(), [K.CARDS_READY], now=bench.now)

    def test_tells_whom_a_member_became_part_of(self, bench: OutreachBench) -> None:
        kept, gone, deleted = bench.member(), new_id(), new_id()
        with bench.begin() as session:
            session.add(
                Member(
                    id=gone,
                    status=MemberStatus.JOINED,
                    joined_into_id=kept,
                    created_at=bench.now,
                )
            )
            session.add(Member(id=deleted, status=MemberStatus.DELETED, created_at=bench.now))
        assert tell(bench, REFUNDED, gone, deleted) == 1
        assert len(bench.inbox(kept)) == 1


class TestDeliver:
    @pytest.fixture
    def member(self, bench: OutreachBench) -> UUID:
        """Return a member whom WeChat may be asked to tell of an opening, once."""
        bench.member_template(K.OPENING_SOON)
        member_id = bench.member()
        bench.grant(member_id)
        return member_id

    def test_one_grant_sends_one_message(self, bench: OutreachBench, member: UUID) -> None:
        for number in range(3):
            told = Told(kind=K.OPENING_SOON, cause=f"o:{number}", page="p", campaign="秒杀")
            tell(bench, told, member)
        bench.pass_time(MINUTE, times=3)
        assert len(bench.subscribe.sent) == 1
        assert bench.subscribe.sent[0].values["thing1"] == "即将开抢"
        assert bench.grants(member) == ["used"]
        found = sorted(one.status.value for one in bench.deliveries(member))
        assert found == ["inbox_only", "inbox_only", "sent"]
        assert len(bench.inbox(member)) == 3

    def test_waits_for_the_news_that_the_member_became_part_of_another(
        self, bench: OutreachBench, member: UUID
    ) -> None:
        tell(bench, OPENING, member)
        kept = bench.member()
        bench.grant(kept)
        with bench.begin() as session:
            join_members(session, BOOK, from_id=member, into_id=kept, now=bench.now)
        platforms = bench.post.channels.member_messages
        jobs.deliver_due_messages(bench.begin, platforms, now=bench.now)
        assert [one.status for one in bench.deliveries(member)] == [D.PLANNED]
        bench.pass_time(MINUTE, times=2)
        assert [one.status for one in bench.deliveries(kept)] == [D.SENT]

    def test_an_unknown_outcome_uses_the_grant_up(self, bench: OutreachBench, member: UUID) -> None:
        bench.subscribe.trouble.lose_answers()
        tell(bench, OPENING, member)
        bench.pass_time(MINUTE, times=10)
        assert [one.status for one in bench.deliveries(member)] == [D.UNKNOWN]
        assert bench.grants(member) == ["used"]
        assert len(bench.subscribe.sent) == 1

    def test_no_grant_at_the_platform_closes_all_of_them(self, bench: OutreachBench) -> None:
        bench.member_template(K.OPENING_SOON)
        member = bench.member()
        for _ in range(3):
            bench.grant(member, real=False)
        tell(bench, OPENING, member)
        bench.ring()
        assert bench.grants(member) == ["closed"] * 3
        assert [one.status for one in bench.deliveries(member)] == [D.INBOX_ONLY]

    def test_a_refused_template_costs_no_grant(self, bench: OutreachBench, member: UUID) -> None:
        bench.subscribe.trouble.before.append(ChannelRefused("bad template", code="40037"))
        tell(bench, OPENING, member)
        bench.ring()
        assert bench.grants(member) == ["open"]
        (delivery,) = bench.deliveries(member)
        assert (delivery.status, delivery.last_error) == (D.INBOX_ONLY, "40037")

    def test_an_outage_is_waited_for_with_the_same_grant(
        self, bench: OutreachBench, member: UUID
    ) -> None:
        bench.subscribe.trouble.before += [
            ChannelUnavailable("out"),
            RateLimited("slow", retry_after=30),
        ]
        tell(bench, OPENING, member)
        bench.ring()
        assert bench.grants(member) == ["reserved"]
        bench.pass_time(MINUTE, times=2)
        assert [one.status for one in bench.deliveries(member)] == [D.SENT]
        assert bench.grants(member) == ["used"]

    def test_a_grant_is_free_again_when_the_news_is_old(
        self, bench: OutreachBench, member: UUID
    ) -> None:
        bench.subscribe.trouble.is_out = True
        told = Told(
            kind=K.OPENING_SOON, cause="o", page="p", campaign="x", expires_at=bench.now + HOUR
        )
        tell(bench, told, member)
        bench.pass_time(20 * MINUTE, times=4)
        assert bench.grants(member) == ["open"]
        assert [one.status for one in bench.deliveries(member)] == [D.INBOX_ONLY]

    def test_what_was_read_is_not_sent(self, bench: OutreachBench, member: UUID) -> None:
        tell(bench, OPENING, member)
        with bench.begin() as session:
            inbox.mark_all_read(session, member, now=bench.now)
        bench.ring()
        assert bench.subscribe.sent == []
        assert bench.grants(member) == ["open"]

    def test_alipay_is_asked_where_wechat_has_no_leave(self, bench: OutreachBench) -> None:
        bench.member_template(K.ORDER_REFUNDED, Platform.ALIPAY, "A1")
        bench.member_template(K.ORDER_REFUNDED, Platform.WECHAT, "T1")
        member = bench.member()
        tell(bench, REFUNDED, member)
        bench.ring()
        assert bench.subscribe.sent == []
        assert [message.template_id for message in bench.alipay_messages.sent] == ["A1"]


class TestReactions:
    def test_a_purchase_is_told_of(self, bench: OutreachBench) -> None:
        order_id = bench.bought()
        member = bench.order(order_id).member_id
        bench.tell()
        assert [message.kind for message in bench.inbox(member)] == [K.CARDS_READY]
        bench.refund(order_id)
        while bench.order(order_id).status is OrderStatus.REFUNDING:
            bench.wechat.finish_refunds()
            bench.sweep("refund")
            bench.now += MINUTE
        bench.tell()
        assert [message.kind for message in bench.inbox(member)][1:] == [K.ORDER_REFUNDED]
        assert bench.violations() == []

    def test_a_group_is_told_that_it_formed(self, bench: OutreachBench) -> None:
        campaign_id = bench.campaign(Offer(seats=2))
        first = bench.opened(campaign_id, paid=2)
        members = {seat.member_id for seat in bench.seats(first.group.id)}
        for member in members:
            assert K.GROUP_FORMED in [message.kind for message in bench.inbox(member)]

    def test_a_group_is_told_that_it_failed(self, bench: OutreachBench) -> None:
        campaign_id = bench.campaign(Offer(seats=2))
        first = bench.opened(campaign_id)
        bench.finish()
        bench.tell()
        (seat,) = bench.seats(first.group.id)
        kinds = [message.kind for message in bench.inbox(seat.member_id)]
        assert K.GROUP_FAILED in kinds
        assert K.ORDER_REFUNDED in kinds
