"""What a payment does to a group: it fills, forms, goes up its ladder; late payers are seated."""

from datetime import timedelta

import pytest
from sqlalchemy import Engine, event

from group_buy import taking
from group_buy.joining import Joined
from group_buy.models import GroupStatus, SeatStatus
from group_buy.rules import Rung
from kit.money import Fen
from shop.orders.models import OrderStatus
from shop.payments.models import RefundReason
from tests.factories.bench import PAY_WITHIN
from tests.factories.groups import GAPPED, LADDER, LASTS, GroupBench, Offer

SECOND = timedelta(seconds=1)


def reasons(bench: GroupBench, joined: Joined) -> list[tuple[RefundReason, int]]:
    """Return why and how much went back of a seat's order."""
    return [(row.reason, row.amount_fen) for row in bench.refunds(joined.order.id)]


def lapse(bench: GroupBench) -> None:
    """Let the time for paying go by, and the closing be noticed."""
    bench.now += PAY_WITHIN
    bench.sweep("close")
    bench.relay()


def pay_late(bench: GroupBench, joined: Joined) -> None:
    """Pay a trade that was closed, through a bank that is slower than our closing."""
    number = bench.payments(joined.order.id)[-1].out_trade_no
    bench.wechat.pay(number, force=True)
    bench.notify(number)
    bench.relay()


class TestPayingInTime:
    """take_paid_seat: each payment one seat; the last one forms."""

    def test_d72_nothing_is_delivered_before_it_forms(self, bench: GroupBench) -> None:
        """However often the sweeps run; then all at once."""
        first = bench.opened(bench.campaign(Offer(seats=3)), paid=2)
        bench.sweep("fulfil")
        assert {card.status.value for card in bench.cards(first.order.id)} == {"reserved"}
        assert bench.group(first.group.id).seats_paid == 2
        last = bench.join(first.group.id)
        bench.pay(last)
        group = bench.group(first.group.id)
        assert (group.status, group.seats_paid, group.due_at) == (GroupStatus.FORMED, 3, None)
        assert [told["members"] for told in bench.events("group_buy.formed")] == [3]
        bench.sweep("fulfil")
        for seat in bench.seats(group.id):
            assert bench.order(seat.order_id).status is OrderStatus.FULFILLED
        assert bench.violations(with_books=True) == []

    def test_a07_repeats_change_nothing(self, bench: GroupBench) -> None:
        """The news of one payment, three times."""
        first = bench.opened(bench.campaign(Offer(seats=3)))
        for _ in range(3):
            with bench.begin() as session:
                taking.take_paid_seat(session, first.order.id, now=bench.now)
        assert bench.group(first.group.id).seats_paid == 1
        assert bench.violations() == []

    def test_an_order_without_a_group_is_nobodys_business(self, bench: GroupBench) -> None:
        """Ordinary orders tell of their payment, too."""
        order_id = bench.bought()
        bench.relay()
        assert bench.order(order_id).status is OrderStatus.FULFILLED

    def test_the_order_row_and_its_version_agree(self, bench: GroupBench) -> None:
        """Released in bulk: one that was loaded before and changed without the lock fails by it."""
        first = bench.opened(bench.campaign(Offer(seats=2)))
        before = bench.order(first.order.id).version
        bench.pay(bench.join(first.group.id))
        after = bench.order(first.order.id)
        assert (after.version, after.is_held, after.due_at) == (before + 1, False, bench.now)


class TestLadder:
    """Every rung lowers the price for all, and the difference goes back."""

    def test_all_get_the_difference(self, bench: GroupBench) -> None:
        """Delivered or not yet."""
        first = bench.opened(bench.campaign(Offer(ladder=LADDER)), paid=2)
        bench.sweep("fulfil")
        third = bench.join(first.group.id)
        bench.pay(third)
        assert reasons(bench, first) == [(RefundReason.PRICE_DROP, 100)] == reasons(bench, third)
        fourth = bench.join(first.group.id)
        bench.pay(fourth)
        assert bench.group(first.group.id).price_fen == 700
        assert [fen for _, fen in reasons(bench, first)] == [100, 100]
        assert reasons(bench, fourth) == [(RefundReason.PRICE_DROP, 100)]
        bench.finish()
        assert bench.violations(with_books=True) == []
        assert bench.order(first.order.id).status is OrderStatus.FULFILLED

    def test_who_held_a_seat_at_the_old_price_gets_it_too(self, bench: GroupBench) -> None:
        """Two held at 900; the first to pay lowers it to 800, the second paid 900 all the same."""
        first = bench.opened(bench.campaign(Offer(ladder=GAPPED)), paid=2)
        third, fourth = bench.join(first.group.id), bench.join(first.group.id)
        bench.pay(third)
        bench.pay(fourth)
        assert bench.group(first.group.id).price_fen == 800
        assert reasons(bench, fourth) == [(RefundReason.PRICE_DROP, 100)]
        assert bench.violations() == []

    def test_the_initiator_who_paid_less_gets_only_the_rest(self, bench: GroupBench) -> None:
        """750 paid: nothing back at 800, 50 at 700."""
        terms = {"initiator_price_fen": Fen(750)}
        first = bench.opened(bench.campaign(Offer(ladder=LADDER, terms=terms)), paid=3)
        assert reasons(bench, first) == []
        bench.pay(bench.join(first.group.id))
        assert reasons(bench, first) == [(RefundReason.PRICE_DROP, 50)]
        bench.finish()
        assert bench.violations(with_books=True) == []

    def test_whoever_gave_it_back_gets_nothing_twice(self, bench: GroupBench) -> None:
        """900 paid, 100 dropped, 800 given back: then the price falls again."""
        first = bench.opened(bench.campaign(Offer(ladder=LADDER)), paid=3)
        bench.sweep("fulfil")
        bench.refund(first.order.id)
        bench.pay(bench.join(first.group.id))
        assert [fen for _, fen in reasons(bench, first)] == [100, 800]
        bench.finish()
        assert bench.violations(with_books=True) == []

    def test_a_drop_costs_a_constant_number_of_statements(
        self, bench: GroupBench, engine: Engine
    ) -> None:
        """For two seats as for twelve."""
        counts = []
        for paid in (3, 13):
            ladder = (LADDER[0], Rung(paid, Fen(800)))
            first = bench.opened(bench.campaign(Offer(ladder=ladder)), paid=paid - 1)
            last = bench.join(first.group.id)
            bench.pay(last, relays=False)
            seen: list[str] = []

            def note(*about: object, seen: list[str] = seen) -> None:
                seen.append(str(about[2]))

            event.listen(engine, "before_cursor_execute", note)
            bench.relay()
            event.remove(engine, "before_cursor_execute", note)
            counts.append(len(seen))
            assert reasons(bench, first) == [(RefundReason.PRICE_DROP, 100)]
        assert counts[1] <= counts[0] + 4, counts


class TestLatePayers:
    """Whose money comes after the hold: here again, elsewhere if agreed, else back; never lost."""

    def test_b31_reseated_while_there_is_room(self, bench: GroupBench) -> None:
        """The hold had lapsed, the group is still open."""
        first = bench.opened(bench.campaign(Offer(seats=3)))
        second = bench.join(first.group.id)
        bench.start_payment(second.order.id)
        lapse(bench)
        assert bench.seat(second.order.id).status is SeatStatus.LAPSED
        pay_late(bench, second)
        seat = bench.seat(second.order.id)
        assert (seat.status, seat.group_id, seat.moved_from_id) == (
            SeatStatus.PAID,
            first.group.id,
            None,
        )
        assert bench.violations() == []

    @pytest.mark.parametrize("may_move", [True, False])
    def test_d61_the_seat_is_taken_by_somebody_else(
        self, bench: GroupBench, may_move: bool
    ) -> None:
        """Moved to another open group of the item when they agreed, else repaid once."""
        campaign_id = bench.campaign(Offer(seats=2))
        first = bench.opened(campaign_id)
        late = bench.join(first.group.id, may_move=may_move)
        bench.start_payment(late.order.id)
        lapse(bench)
        bench.pay(bench.join(first.group.id))
        other = bench.opened(campaign_id)
        pay_late(bench, late)
        seat = bench.seat(late.order.id)
        if may_move:
            assert (seat.group_id, seat.moved_from_id) == (other.group.id, first.group.id)
            assert bench.group(other.group.id).status is GroupStatus.FORMED
            assert len(bench.events("group_buy.seat_moved")) == 1
        else:
            assert reasons(bench, late) == [(RefundReason.GROUP_LATE, 900)]
        bench.finish()
        assert bench.violations(with_books=True) == []
        assert bench.failed == 0

    def test_a_crowd_of_full_groups_hides_no_free_one(self, bench: GroupBench) -> None:
        """Twenty-one groups lack one payment and have no free seat; the next one has."""
        campaign_id = bench.campaign(Offer(seats=2, units=60))
        first = bench.opened(campaign_id)
        late = bench.join(first.group.id, may_move=True)
        bench.start_payment(late.order.id)
        lapse(bench)
        bench.pay(bench.join(first.group.id))
        for _ in range(21):
            bench.join(bench.opened(campaign_id).group.id)
        free = bench.open(campaign_id)
        pay_late(bench, late)
        assert bench.seat(late.order.id).group_id == free.group.id

    def test_i26_paid_after_the_groups_time_though_nobody_had_closed(
        self, bench: GroupBench
    ) -> None:
        """The closing is slow, the bank takes the money: it does not make the group."""
        first = bench.opened(bench.campaign(Offer(seats=2)))
        late = bench.join(first.group.id)
        number = bench.start_payment(late.order.id).out_trade_no
        bench.now += LASTS
        bench.wechat.pay(number)
        bench.notify(number)
        bench.sweep("decide")
        assert bench.group(first.group.id).status is GroupStatus.FAILED
        bench.relay()
        assert bench.seat(late.order.id).status is SeatStatus.LAPSED
        assert reasons(bench, late) == [(RefundReason.GROUP_LATE, 900)]
        assert reasons(bench, first) == [(RefundReason.GROUP_FAILED, 900)]
        bench.recover()
        assert bench.violations(with_books=True) == []

    def test_i26_the_news_of_it_comes_before_the_sweep(self, bench: GroupBench) -> None:
        """The handler decides the same."""
        campaign_id = bench.campaign(Offer(seats=2))
        first = bench.opened(campaign_id)
        late = bench.join(first.group.id, may_move=True)
        number = bench.start_payment(late.order.id).out_trade_no
        bench.now += LASTS
        other = bench.opened(campaign_id)
        bench.wechat.pay(number)
        bench.notify(number)
        bench.relay()
        assert bench.group(first.group.id).status is GroupStatus.OPEN
        assert bench.seat(late.order.id).group_id == other.group.id
        bench.finish()
        assert bench.violations(with_books=True) == []

    def test_a_second_seat_of_one_member_is_reseated_too(self, bench: GroupBench) -> None:
        """As many as one may have, no more."""
        first = bench.opened(bench.campaign(Offer(seats=4, terms={"seats_per_member": 2})))
        second = bench.join(first.group.id, first.seat.member_id)
        bench.start_payment(second.order.id)
        lapse(bench)
        pay_late(bench, second)
        seat = bench.seat(second.order.id)
        assert (seat.status, seat.member_seat) == (SeatStatus.PAID, 2)

    def test_who_took_another_seat_meanwhile_has_one(self, bench: GroupBench) -> None:
        """The late money of the first goes back."""
        first = bench.opened(bench.campaign(Offer(seats=4)))
        second = bench.join(first.group.id)
        bench.start_payment(second.order.id)
        lapse(bench)
        bench.join(first.group.id, second.seat.member_id)
        pay_late(bench, second)
        assert reasons(bench, second) == [(RefundReason.GROUP_LATE, 900)]
        assert bench.violations() == []

    def test_d65_after_the_group_failed(self, bench: GroupBench) -> None:
        """Once, whoever tells of it how often."""
        first = bench.opened(bench.campaign(Offer(seats=3)))
        late = bench.join(first.group.id)
        bench.start_payment(late.order.id)
        bench.finish()
        assert bench.group(first.group.id).status is GroupStatus.FAILED
        pay_late(bench, late)
        pay_late(bench, late)
        assert [row.amount_fen for row in bench.refunds(late.order.id)] == [900]
        bench.recover()
        assert bench.violations(with_books=True) == []
