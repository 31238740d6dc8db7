"""The sweeps that give money back and report deliveries: one number each, until it is done."""

from datetime import timedelta
from uuid import UUID

import pytest
from sqlalchemy import select

from app.reactions import REACTIONS
from kit.outbox import relay
from shop.members.joining import join_members
from shop.members.phones import PhoneBook
from shop.members.platforms import PlatformUnavailable
from shop.orders import jobs
from shop.orders.models import OrderStatus
from shop.payments.gateway import Busy, GatewayError, RefundState, Refused, ResultUnknown
from shop.payments.models import DeliveryReport, RefundStatus
from tests.factories.bench import Bench
from tests.factories.trouble import Trouble, calls, once_ids_are_read

ONE_MINUTE = timedelta(seconds=60)
ERRORS = [ResultUnknown("no answer"), Busy("patience"), Refused("no", code="NO")]


def join(bench: Bench, gone: UUID, kept: UUID) -> None:
    """Make one member part of another."""
    book = PhoneBook(key=b"k" * 32, hash_key=b"h" * 32)
    with bench.begin() as session:
        join_members(session, book, from_id=gone, into_id=kept, now=bench.now)


class TestSendDueRefunds:
    """send_due_refunds: one number, asked about before it is sent again."""

    def test_a_lost_answer_is_asked_about_not_sent_again(self, bench: Bench) -> None:
        """The platform acted and the answer was lost: one refund, one number."""
        order_id = bench.bought()
        bench.refund(order_id)
        number = bench.refunds(order_id)[0].out_refund_no
        bench.wechat.trouble = Trouble("refund", ResultUnknown("lost"), has_acted=True)
        bench.sweep("refund")
        assert bench.refunds(order_id)[0].status is RefundStatus.REQUESTED
        bench.now += ONE_MINUTE
        bench.sweep("refund")
        assert calls(bench, "refund") == [number]
        assert calls(bench, "query_refund") == [number]
        assert bench.refunds(order_id)[0].status is RefundStatus.DONE
        assert bench.violations(with_books=True) == []

    @pytest.mark.parametrize("error", ERRORS, ids=lambda error: type(error).__name__)
    def test_keeps_the_number_whatever_the_platform_answers(
        self, bench: Bench, error: GatewayError
    ) -> None:
        """Five failures, then success, always the same number."""
        order_id = bench.bought()
        bench.refund(order_id)
        bench.wechat.trouble = Trouble("refund", error, times=5)
        for _ in range(6):
            bench.sweep("refund")
            bench.now += ONE_MINUTE
        assert len(calls(bench, "refund")) == 6
        assert len(set(calls(bench, "refund"))) == 1
        assert bench.order(order_id).status is OrderStatus.REFUNDED

    def test_f99_gives_up_on_a_platform_that_keeps_refusing(self, bench: Bench) -> None:
        """A person has it then; at their word it gets the patience of a new one."""
        order_id = bench.bought()
        bench.refund(order_id)
        refused = Refused("NOT_ENOUGH", code="NOT_ENOUGH")
        bench.wechat.trouble = Trouble("refund", refused, times=jobs.REFUSALS_BEFORE_STUCK)
        for _ in range(jobs.REFUSALS_BEFORE_STUCK):
            bench.sweep("refund")
            bench.now += timedelta(minutes=20)
        refund = bench.refunds(order_id)[0]
        assert (refund.status, refund.due_at, refund.last_error) == (
            RefundStatus.STUCK,
            None,
            "NOT_ENOUGH",
        )

    def test_waits_for_a_platform_that_takes_its_time(self, bench: Bench) -> None:
        """Sent, asked about, done."""
        bench.wechat.refund_state = RefundState.PROCESSING
        order_id = bench.bought()
        bench.refund(order_id)
        bench.sweep("refund")
        assert bench.refunds(order_id)[0].status is RefundStatus.SENT
        bench.wechat.finish_refunds()
        bench.now += ONE_MINUTE
        bench.sweep("refund")
        assert bench.order(order_id).status is OrderStatus.REFUNDED

    def test_j154_leaves_a_refund_that_another_sweep_has(self, bench: Bench) -> None:
        """Sent meanwhile: neither sent nor asked about a second time."""
        bench.wechat.refund_state = RefundState.PROCESSING
        order_id = bench.bought()
        bench.refund(order_id)
        once_ids_are_read(bench, lambda: bench.sweep("refund"))
        bench.sweep("refund")
        assert len(calls(bench, "refund") + calls(bench, "query_refund")) == 1


class TestReportDueDeliveries:
    """report_due_deliveries: WeChat holds the money until it knows."""

    def report(self, bench: Bench) -> DeliveryReport:
        """Return the one report."""
        with bench.begin() as session:
            return session.scalars(select(DeliveryReport)).one()

    def test_tries_until_the_platform_has_it(self, bench: Bench) -> None:
        """Then never again."""
        bench.bought()
        bench.desk.trouble = Trouble("report_delivery", PlatformUnavailable())
        bench.sweep("report")
        assert (bench.desk.reported, self.report(bench).reported_at) == ([], None)
        for _ in range(3):
            bench.now += ONE_MINUTE
            bench.sweep("report")
        assert len(bench.desk.reported) == 1
        assert self.report(bench).due_at is None

    def test_gives_up_after_two_days(self, bench: Bench) -> None:
        """The platform confirms by itself by then."""
        bench.bought()
        bench.desk.trouble = Trouble("report_delivery", PlatformUnavailable(), times=9)
        bench.now += jobs.REPORT_GIVEN_UP_AFTER + ONE_MINUTE
        bench.sweep("report")
        assert (self.report(bench).due_at, self.report(bench).last_error) == (None, "given up")

    def test_names_who_paid_and_not_who_signed_in_last(self, bench: Bench) -> None:
        """Of a member who was two the platform takes the one whose money it is, and no other."""
        bench.wechat.payer = None  # each pays for themselves
        gone, kept = bench.order(bench.bought()).member_id, bench.member()
        join(bench, gone, kept)
        relay(bench.begin, REACTIONS, now=bench.now)
        bench.sweep("report")
        assert bench.desk.payers == [f"open-{gone}"]

    def test_waits_for_the_news_that_the_member_became_part_of_another(self, bench: Bench) -> None:
        """Between the joining and its news nobody has an open id, and yet nobody has left."""
        gone, kept = bench.order(bench.bought()).member_id, bench.member()
        join(bench, gone, kept)
        bench.sweep("report")
        assert (bench.desk.reported, self.report(bench).due_at is None) == ([], False)
        relay(bench.begin, REACTIONS, now=bench.now)
        bench.now += ONE_MINUTE
        bench.sweep("report")
        assert (len(bench.desk.reported), self.report(bench).due_at) == (1, None)

    def test_j154_does_not_wake_a_report_that_is_made(self, bench: Bench) -> None:
        """Two sweeps found it due: the second leaves what the first has reported."""
        bench.bought()
        once_ids_are_read(bench, lambda: bench.sweep("report"))
        bench.sweep("report")
        assert (len(bench.desk.reported), self.report(bench).due_at) == (1, None)
