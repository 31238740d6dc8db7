"""The end of a group's time: what was paid in time counts, else everything goes back, once."""

import logging
from datetime import timedelta
from uuid import UUID

import pytest
from sqlalchemy import Engine, event, text, update

from group_buy import jobs
from group_buy.models import Group, GroupStatus, GroupTerms, SeatStatus
from kit.db import Begin
from shop.orders.models import OrderStatus
from shop.payments.models import RefundReason
from tests.factories.groups import LADDER, LASTS, GroupBench, Offer

SECOND = timedelta(seconds=1)


class TestDecide:
    """decide_due_groups: formed, failed, or waiting for a payment that may have been in time."""

    def test_d63_each_paid_seat_gets_one_refund(self, bench: GroupBench) -> None:
        """At the deadline, not before; whoever had not paid owes nothing."""
        first = bench.opened(bench.campaign(Offer(seats=4)), paid=2)
        held = bench.join(first.group.id)
        bench.now += LASTS - SECOND
        bench.sweep("decide")
        assert bench.group(first.group.id).status is GroupStatus.OPEN
        bench.now += SECOND
        bench.sweep("close", "decide", "decide")
        group = bench.group(first.group.id)
        assert (group.status, group.failed_at, group.due_at) == (
            GroupStatus.FAILED,
            bench.now,
            None,
        )
        for seat in bench.seats(group.id)[:2]:
            refunds = bench.refunds(seat.order_id)
            assert seat.status is SeatStatus.RETURNED
            assert [(row.reason, row.amount_fen) for row in refunds] == [
                (RefundReason.GROUP_FAILED, 900)
            ]
        assert bench.seat(held.order.id).status is SeatStatus.LAPSED
        assert bench.refunds(held.order.id) == []
        assert [told["paid_seats"] for told in bench.events("group_buy.failed")] == [2]
        bench.recover()
        assert bench.order(first.order.id).status is OrderStatus.REFUNDED
        assert bench.violations(with_books=True) == []

    def test_d62_a_payment_whose_news_comes_after_the_deadline_counts(
        self, bench: GroupBench
    ) -> None:
        """Paid a second before, no notice: the group waits until the trade is closed or paid."""
        first = bench.opened(bench.campaign(Offer(seats=2)))
        bench.now += LASTS - SECOND
        last = bench.join(first.group.id)
        bench.pay(last, is_told=False)
        bench.now += SECOND
        bench.sweep("decide")
        group = bench.group(first.group.id)
        assert (group.status, group.due_at) == (GroupStatus.OPEN, bench.now + SECOND)
        bench.sweep("close")
        assert bench.order(last.order.id).status is OrderStatus.PAID
        bench.now += SECOND
        bench.sweep("decide")
        assert bench.group(first.group.id).status is GroupStatus.FORMED
        bench.recover()
        assert bench.violations(with_books=True) == []
        assert bench.order(last.order.id).status is OrderStatus.FULFILLED

    def test_d62_the_money_is_there_and_only_the_event_waits(self, bench: GroupBench) -> None:
        """The worker is behind: deciding takes it in, and the event finds it done."""
        first = bench.opened(bench.campaign(Offer(seats=2)))
        bench.now += LASTS - SECOND
        bench.pay(bench.join(first.group.id), relays=False)
        bench.now += SECOND
        bench.sweep("decide")
        assert bench.group(first.group.id).status is GroupStatus.FORMED
        bench.relay()
        assert bench.group(first.group.id).seats_paid == 2
        assert bench.violations() == []

    def test_an_order_that_lapses_while_its_group_is_failing(self, bench: GroupBench) -> None:
        """Its event comes afterwards and changes nothing."""
        first = bench.opened(bench.campaign(Offer(seats=2)))
        held = bench.join(first.group.id)
        bench.now += LASTS
        bench.sweep("close", "decide")
        bench.relay()
        assert bench.seat(held.order.id).status is SeatStatus.LAPSED
        assert len(bench.events("group_buy.failed")) == 1
        assert bench.violations() == []

    def test_a_group_in_which_nobody_paid_fails_too(self, bench: GroupBench) -> None:
        """With the lapse of its only seat, or by its time."""
        first = bench.open(bench.campaign(Offer(seats=2)))
        bench.now += timedelta(minutes=15)
        bench.sweep("close")
        bench.relay()
        assert bench.group(first.group.id).status is GroupStatus.FAILED
        assert len(bench.events("group_buy.failed")) == 1
        bench.now += LASTS
        bench.sweep("decide")
        assert len(bench.events("group_buy.failed")) == 1

    def test_a_ladders_time_is_over(self, bench: GroupBench) -> None:
        """Formed stays formed; what is still held there lapses, or counts when paid in time."""
        first = bench.opened(bench.campaign(Offer(ladder=LADDER)), paid=2)
        bench.now += LASTS - SECOND
        last = bench.join(first.group.id)
        bench.pay(last, is_told=False)
        bench.now += SECOND
        bench.sweep("decide")
        assert bench.group(first.group.id).due_at is None
        bench.sweep("close")
        bench.relay()
        assert bench.seat(last.order.id).status is SeatStatus.PAID
        assert bench.group(first.group.id).price_fen == 800
        bench.recover()
        assert bench.violations(with_books=True) == []

    def test_many_fail_by_few_statements(self, bench: GroupBench, engine: Engine) -> None:
        """Twenty groups cost about what two cost."""
        counts = []
        for groups in (2, 20):
            campaign_id = bench.campaign(Offer(seats=3, units=40))
            for _ in range(groups):
                bench.opened(campaign_id)
            bench.now += LASTS
            seen: list[str] = []

            def note(*about: object, seen: list[str] = seen) -> None:
                seen.append(str(about[2]))

            event.listen(engine, "before_cursor_execute", note)
            bench.sweep("decide")
            event.remove(engine, "before_cursor_execute", note)
            counts.append(len(seen))
        assert counts[1] <= counts[0] + 2, counts
        assert len(bench.events("group_buy.failed")) == 22


def poison(bench: GroupBench, group_id: UUID) -> None:
    """Have a group fail to be decided: a seat of it is paid by an order without money."""
    with bench.begin() as session:
        session.execute(
            text(
                "UPDATE seats SET status = 'paid', paid_at = joined_at"
                " WHERE group_id = :id AND status = 'held'"
            ),
            {"id": group_id},
        )
        session.execute(
            text(
                "UPDATE orders SET status = 'paid', paid_at = placed_at WHERE id IN"
                " (SELECT order_id FROM seats WHERE group_id = :id AND status = 'paid')"
            ),
            {"id": group_id},
        )


class TestPoison:
    """One bad row stops no other, not even very many of them."""

    @pytest.fixture(autouse=True)
    def small_batches(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """So that few are many."""
        monkeypatch.setattr(jobs, "BATCH", 3)

    def test_the_others_are_decided(
        self, bench: GroupBench, caplog: pytest.LogCaptureFixture
    ) -> None:
        """A whole batch of poisoned ones stands before them, and is out of the way after."""
        caplog.set_level(logging.CRITICAL)
        campaign_id = bench.campaign(Offer(seats=3))
        bad = [bench.open(campaign_id).group.id for _ in range(3)]
        bench.now += SECOND
        good = [bench.opened(campaign_id).group.id for _ in range(4)]
        for group_id in bad:
            poison(bench, group_id)
        bench.now += LASTS
        for _ in range(3):
            bench.sweep("decide")
        assert [bench.group(group_id).status for group_id in good] == [GroupStatus.FAILED] * 4
        assert bench.failed == 3, "each once: it waits longer and longer"
        row = bench.group(bad[0])
        assert (row.status, row.attempts, row.last_error) == (
            GroupStatus.OPEN,
            1,
            "AssertionError",
        )
        assert row.due_at is not None
        assert row.due_at > bench.now

    def test_and_is_tried_again(self, bench: GroupBench, caplog: pytest.LogCaptureFixture) -> None:
        """When whatever was wrong is put right, the next look decides it."""
        caplog.set_level(logging.CRITICAL)
        group_id = bench.open(bench.campaign(Offer(seats=3))).group.id
        poison(bench, group_id)
        bench.now += LASTS
        bench.sweep("decide")
        with bench.begin() as session:
            session.execute(text("UPDATE seats SET status = 'left' WHERE status = 'paid'"))
        bench.now += timedelta(seconds=2)
        bench.sweep("decide")
        assert bench.group(group_id).status is GroupStatus.FAILED


class TestNothingToDo:
    """decide_due_groups on an empty evening."""

    def test_says_so(self, begin: Begin, bench: GroupBench) -> None:
        """No group, no statement that writes."""
        swept = jobs.decide_due_groups(begin, now=bench.now)
        assert (swept.done, swept.failed) == (0, 0)

    def test_terms_are_never_changed(self, bench: GroupBench) -> None:
        """A group keeps the size it was opened with, whatever becomes of the terms."""
        campaign_id = bench.campaign(Offer(seats=3))
        group_id = bench.open(campaign_id).group.id
        with bench.begin() as session:
            session.execute(update(GroupTerms).values(seats_required=2, seats_max=2))
        assert bench.group(group_id).seats_required == 3
        with bench.begin() as session:
            assert session.get_one(Group, group_id).seats_max == 3
