"""What members hear of nudges, of seats that moved and of order sheets; once each."""

from datetime import timedelta
from uuid import UUID

import pytest

from group_buy import nudging, telling
from kit.db import Begin
from shop.outreach.inbox.models import NoticeKind
from tests.factories.bench import PAY_WITHIN
from tests.factories.groups import Offer
from tests.factories.outreach import HOUR, OutreachBench
from tests.factories.sheets import SheetBench

K = NoticeKind


@pytest.fixture
def bench(begin: Begin, now: object) -> OutreachBench:
    """Return a shop that tells people things."""
    return OutreachBench(begin, now)  # type: ignore[arg-type] # the conftest's moment


def kinds(bench: OutreachBench, member_id: UUID) -> list[NoticeKind]:
    """Return what the member was told of, oldest first."""
    bench.tell()
    return [message.kind for message in bench.inbox(member_id)]


def nudge(bench: OutreachBench, group_id: UUID, member_id: UUID) -> None:
    """Ask for the last seats."""
    with bench.begin() as session:
        nudging.nudge_group(session, group_id, member_id=member_id, now=bench.now)


class TestNudged:
    def test_who_may_fill_the_last_seats_hears_of_it_once_a_day(self, bench: OutreachBench) -> None:
        leader = bench.leader()
        chat_group = bench.robot_group(leader)
        brought, stranger = bench.brought_by(chat_group), bench.member()
        campaign_id = bench.campaign(Offer(seats=3))
        first = bench.opened(campaign_id, member=leader)
        holder = bench.join(first.group.id).seat.member_id
        nudge(bench, first.group.id, leader)
        for member in (brought, holder):
            assert kinds(bench, member) == [K.GROUP_NUDGED]
        assert kinds(bench, leader) == kinds(bench, stranger) == []
        (message,) = bench.inbox(brought)
        assert message.page == f"pages/group/group?id={first.group.id}"
        bench.now += timedelta(minutes=11)
        nudge(bench, first.group.id, leader)
        assert kinds(bench, brought) == [K.GROUP_NUDGED]

    def test_the_chat_group_that_an_initiator_came_from_is_asked(
        self, bench: OutreachBench
    ) -> None:
        chat_group = bench.robot_group()
        initiator, neighbour = bench.brought_by(chat_group), bench.brought_by(chat_group)
        foreign = bench.brought_by(bench.robot_group())
        first = bench.opened(bench.campaign(Offer(seats=2)), member=initiator)
        nudge(bench, first.group.id, initiator)
        assert kinds(bench, neighbour) == [K.GROUP_NUDGED]
        assert kinds(bench, foreign) == kinds(bench, initiator) == []

    def test_nobody_is_asked_into_a_group_that_has_formed(self, bench: OutreachBench) -> None:
        chat_group = bench.robot_group()
        initiator, neighbour = bench.brought_by(chat_group), bench.brought_by(chat_group)
        first = bench.opened(bench.campaign(Offer(seats=2)), member=initiator)
        bench.pay(bench.join(first.group.id))
        with bench.begin() as session:  # the news came late
            telling.tell_nudged(session, first.group.id, now=bench.now)
        assert kinds(bench, neighbour) == []


class TestMoved:
    def test_a_late_payer_hears_where_the_seat_is(self, bench: OutreachBench) -> None:
        campaign_id = bench.campaign(Offer(seats=2))
        first = bench.opened(campaign_id)
        late = bench.join(first.group.id, may_move=True)
        number = bench.start_payment(late.order.id).out_trade_no
        bench.now += PAY_WITHIN
        bench.sweep("close")
        bench.relay()
        bench.pay(bench.join(first.group.id))
        other = bench.opened(campaign_id)
        bench.wechat.pay(number, at=bench.now, force=True)
        bench.notify(number)
        assert K.SEAT_MOVED in kinds(bench, late.seat.member_id)
        pages = {message.page for message in bench.inbox(late.seat.member_id)}
        assert f"pages/group/group?id={other.group.id}" in pages


class TestSheets:
    def told(self, fair: SheetBench, member_id: UUID) -> list[NoticeKind]:
        """Return what the member was told about the sheet."""
        ours = (K.SHEET_CONFIRMED, K.SHEET_FAILED)
        assert isinstance(fair.shop, OutreachBench)
        return [kind for kind in kinds(fair.shop, member_id) if kind in ours]

    def test_the_members_and_the_leader_hear_that_it_is_confirmed(
        self, bench: OutreachBench
    ) -> None:
        fair = SheetBench(bench)
        sheet_id = fair.open()
        paid, unpaid = fair.bought(sheet_id), fair.order(sheet_id)
        fair.finish()
        assert self.told(fair, paid.entry.member_id) == [K.SHEET_CONFIRMED]
        assert self.told(fair, fair.sheet(sheet_id).leader_id) == [K.SHEET_CONFIRMED]
        assert self.told(fair, unpaid.entry.member_id) == []

    @pytest.mark.parametrize("by", ["deadline", "leader"])
    def test_they_hear_that_it_failed_or_was_called_off(
        self, bench: OutreachBench, by: str
    ) -> None:
        fair = SheetBench(bench)
        sheet_id = fair.open(minimum_fen=100_000, title="{amount} 周末接龙")
        paid = fair.bought(sheet_id)
        if by == "leader":
            fair.cancel(sheet_id)
        else:
            fair.finish()
        for member in (paid.entry.member_id, fair.sheet(sheet_id).leader_id):
            assert self.told(fair, member) == [K.SHEET_FAILED]
        bodies = [message.body for message in bench.inbox(paid.entry.member_id)]
        assert any("{amount} 周末接龙" in body for body in bodies)
        bench.pass_time(HOUR)
        assert bench.violations() == []
