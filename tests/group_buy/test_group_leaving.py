"""Leaving, lapsing, passing on, completing, nudging, and accounts that become one."""

from datetime import timedelta
from uuid import UUID

import pytest

from group_buy import completing, nudging
from group_buy.completing import CannotComplete, NeedsSecondPerson
from group_buy.models import GroupStatus, SeatStatus
from group_buy.nudging import NudgedAlready
from group_buy.queries import NotInGroup
from group_buy.rules import GroupOver
from kit.outbox import emit
from shop.members.events import MembersJoined
from shop.orders.models import CloseReason, OrderStatus
from shop.orders.refunding import OrderHeld
from shop.payments.models import RefundReason
from tests.factories.bench import PAY_WITHIN
from tests.factories.groups import LASTS, GroupBench, Offer


class TestLeaveGroup:
    """leave_group: before forming, with the money back."""

    def test_a_paid_seat_is_refunded_and_free_again(self, bench: GroupBench) -> None:
        """The next one has its number."""
        first = bench.opened(bench.campaign(Offer(seats=3)), paid=2)
        second = bench.seats(first.group.id)[1]
        bench.leave(first.group.id, second.member_id)
        assert bench.group(first.group.id).seats_paid == 1
        assert bench.seat(second.order_id).status is SeatStatus.LEFT
        (refund,) = bench.refunds(second.order_id)
        assert (refund.reason, refund.amount_fen) == (RefundReason.LEFT, 900)
        assert bench.join(first.group.id).seat.seat_no == 2
        with pytest.raises(NotInGroup):
            bench.leave(first.group.id, second.member_id)
        bench.finish()
        assert bench.violations(with_books=True) == []

    def test_an_unpaid_order_is_cancelled(self, bench: GroupBench) -> None:
        """At once when no trade is open."""
        first = bench.opened(bench.campaign(Offer(seats=3)))
        second = bench.join(first.group.id)
        bench.leave(first.group.id, second.seat.member_id)
        order = bench.order(second.order.id)
        assert (order.status, order.close_reason) == (OrderStatus.CLOSED, CloseReason.CANCELLED)
        bench.relay()
        assert bench.violations() == []

    def test_b35_with_a_trade_open_that_is_paid_after_all(self, bench: GroupBench) -> None:
        """Closing finds it paid: the seat is gone, the money goes back, once."""
        first = bench.opened(bench.campaign(Offer(seats=3)))
        second = bench.join(first.group.id)
        number = bench.start_payment(second.order.id).out_trade_no
        bench.leave(first.group.id, second.seat.member_id)
        bench.wechat.pay(number)
        third = bench.join(first.group.id)
        assert third.seat.seat_no == second.seat.seat_no
        bench.sweep("close")
        bench.relay()
        assert bench.seat(second.order.id).status is SeatStatus.LEFT
        assert [row.reason for row in bench.refunds(second.order.id)] == [RefundReason.GROUP_LATE]
        assert bench.group(first.group.id).seats_paid == 1
        bench.finish()
        assert bench.violations(with_books=True) == []

    def test_paid_while_only_the_event_waits(self, bench: GroupBench) -> None:
        """The event finds the seat left and the money on its way."""
        first = bench.opened(bench.campaign(Offer(seats=3)))
        second = bench.join(first.group.id)
        bench.pay(second, relays=False)
        bench.leave(first.group.id, second.seat.member_id)
        bench.relay()
        assert [row.reason for row in bench.refunds(second.order.id)] == [RefundReason.LEFT]
        assert bench.group(first.group.id).seats_paid == 1
        assert bench.violations() == []

    def test_d67_initiation_passes_on(self, bench: GroupBench) -> None:
        """To who has paid, though another took a seat before; once told."""
        first = bench.opened(bench.campaign(Offer(seats=4)))
        bench.join(first.group.id)
        third = bench.join(first.group.id)
        bench.pay(third)
        bench.leave(first.group.id, first.seat.member_id)
        assert bench.group(first.group.id).initiator_id == third.seat.member_id
        assert bench.events("group_buy.initiation_passed") == [
            {
                "group_id": str(first.group.id),
                "from_member_id": str(first.seat.member_id),
                "to_member_id": str(third.seat.member_id),
            }
        ]

    def test_d67_when_the_initiators_hold_lapses_too(self, bench: GroupBench) -> None:
        """Nobody leads a group without a seat."""
        first = bench.open(bench.campaign(Offer(seats=4)))
        bench.now += timedelta(minutes=5)
        second = bench.join(first.group.id)
        bench.now += PAY_WITHIN - timedelta(minutes=5)
        bench.sweep("close")
        bench.relay()
        assert bench.group(first.group.id).initiator_id == second.seat.member_id

    def test_d67_the_last_one_leaves_no_orphan(self, bench: GroupBench) -> None:
        """The group fails, told once."""
        first = bench.opened(bench.campaign(Offer(seats=3)))
        bench.leave(first.group.id, first.seat.member_id)
        group = bench.group(first.group.id)
        assert (group.status, group.due_at) == (GroupStatus.FAILED, None)
        assert len(bench.events("group_buy.failed")) == 1
        with pytest.raises(NotInGroup):
            bench.leave(first.group.id, first.seat.member_id)

    def test_not_after_forming(self, bench: GroupBench) -> None:
        """Then it is an order like any other."""
        first = bench.opened(bench.campaign(Offer(seats=2)), paid=2)
        with pytest.raises(GroupOver):
            bench.leave(first.group.id, first.seat.member_id)
        bench.refund(first.order.id)

    def test_a_held_order_is_given_back_only_by_leaving(self, bench: GroupBench) -> None:
        """Else the group would count a seat whose money is gone."""
        first = bench.opened(bench.campaign(Offer(seats=3)))
        with pytest.raises(OrderHeld):
            bench.refund(first.order.id)

    def test_several_seats_leave_together(self, bench: GroupBench) -> None:
        """One paid, one held."""
        campaign_id = bench.campaign(Offer(seats=4, terms={"seats_per_member": 2}))
        first = bench.opened(campaign_id)
        member = first.seat.member_id
        bench.join(first.group.id, member)
        other = bench.join(first.group.id)
        bench.leave(first.group.id, member)
        statuses = [seat.status for seat in bench.seats(first.group.id)]
        assert statuses == [SeatStatus.LEFT, SeatStatus.LEFT, SeatStatus.HELD]
        assert bench.group(first.group.id).initiator_id == other.seat.member_id
        bench.finish()
        assert bench.violations(with_books=True) == []


class TestCompletion:
    """By the house, openly, two persons."""

    def ask(self, bench: GroupBench, group_id: UUID, actor: str = "lily") -> None:
        """Ask for it."""
        with bench.begin() as session:
            completing.ask_for_completion(
                session, group_id, why="short by one", actor=actor, now=bench.now
            )

    def approve(self, bench: GroupBench, group_id: UUID, actor: str = "tom") -> None:
        """Approve it."""
        with bench.begin() as session:
            completing.approve_completion(session, group_id, actor=actor, now=bench.now)

    def test_d70_needs_a_second_person(self, bench: GroupBench) -> None:
        """Whoever asked cannot approve; nobody approves what nobody asked for."""
        first = bench.opened(bench.campaign(Offer(seats=3)))
        with pytest.raises(CannotComplete):
            self.approve(bench, first.group.id)
        self.ask(bench, first.group.id)
        with pytest.raises(NeedsSecondPerson):
            self.approve(bench, first.group.id, actor="lily")
        with pytest.raises(CannotComplete):
            self.ask(bench, first.group.id, actor="tom")
        self.approve(bench, first.group.id)
        group = bench.group(first.group.id)
        assert (group.status, group.house_seats, group.seats_paid) == (GroupStatus.FORMED, 2, 1)
        assert [told["house_seats"] for told in bench.events("group_buy.formed")] == [2]
        with pytest.raises(GroupOver):
            self.approve(bench, first.group.id)
        bench.recover()
        assert bench.order(first.order.id).status is OrderStatus.FULFILLED
        assert bench.violations(with_books=True) == []

    def test_who_was_just_paying_is_delivered_too(self, bench: GroupBench) -> None:
        """A held seat of a group that the house completed is paid in time."""
        first = bench.opened(bench.campaign(Offer(seats=3)))
        second = bench.join(first.group.id)
        self.ask(bench, first.group.id)
        self.approve(bench, first.group.id)
        bench.pay(second)
        bench.recover()
        assert bench.order(second.order.id).status is OrderStatus.FULFILLED
        assert bench.violations(with_books=True) == []

    def test_d70_not_without_a_paid_seat_nor_after_its_time(self, bench: GroupBench) -> None:
        """An invented group is no group."""
        first = bench.open(bench.campaign(Offer(seats=3)))
        with pytest.raises(CannotComplete):
            self.ask(bench, first.group.id)
        bench.pay(first)
        self.ask(bench, first.group.id)
        bench.now += LASTS
        with pytest.raises(GroupOver):
            self.approve(bench, first.group.id)


class TestNudge:
    """nudge_group: by who has paid, not too often."""

    def nudge(self, bench: GroupBench, group_id: UUID, member_id: UUID) -> None:
        """Nudge."""
        with bench.begin() as session:
            nudging.nudge_group(session, group_id, member_id=member_id, now=bench.now)

    def test_once_in_ten_minutes(self, bench: GroupBench) -> None:
        """Then again; with what is missing by paid seats."""
        first = bench.opened(bench.campaign(Offer(seats=3)))
        self.nudge(bench, first.group.id, first.seat.member_id)
        bench.now += timedelta(minutes=9, seconds=59)
        with pytest.raises(NudgedAlready) as refused:
            self.nudge(bench, first.group.id, first.seat.member_id)
        assert refused.value.details["retry_after_seconds"] == 2
        bench.now += timedelta(seconds=1)
        self.nudge(bench, first.group.id, first.seat.member_id)
        assert [told["seats_missing"] for told in bench.events("group_buy.nudged")] == [2, 2]

    def test_by_nobody_else_and_not_when_over(self, bench: GroupBench) -> None:
        """A seat that is only held is none to call others with."""
        first = bench.opened(bench.campaign(Offer(seats=3)))
        held = bench.join(first.group.id)
        with pytest.raises(NotInGroup):
            self.nudge(bench, first.group.id, held.seat.member_id)
        bench.now += LASTS
        with pytest.raises(GroupOver):
            self.nudge(bench, first.group.id, first.seat.member_id)


class TestOwners:
    """reassign_seats_when_joined: the person keeps seats and initiation."""

    def join_accounts(self, bench: GroupBench, gone: UUID, into: UUID) -> None:
        """Tell that one account became part of another."""
        with bench.begin() as session:
            emit(session, MembersJoined(str(gone), str(into)), now=bench.now)
        bench.relay()

    def test_what_was_theirs_is_theirs(self, bench: GroupBench) -> None:
        """Both sat in one group: the two seats stay, and may be left by the one who is left."""
        first = bench.opened(bench.campaign(Offer(seats=4)))
        second = bench.join(first.group.id)
        gone, into = first.seat.member_id, second.seat.member_id
        self.join_accounts(bench, gone, into)
        seats = bench.seats(first.group.id)
        assert [(seat.member_id, seat.member_seat) for seat in seats] == [(into, 2), (into, 1)]
        assert bench.group(first.group.id).initiator_id == into
        bench.leave(first.group.id, into)
        assert bench.group(first.group.id).status is GroupStatus.FAILED
        bench.finish()
        assert bench.violations(with_books=True) == []
