"""Rows of payments and refunds: each function by itself."""

from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import select

from kit.crypto import keyed_hash
from kit.lifecycle import IllegalMove
from kit.money import Fen
from shop.ledger.models import AccountKind
from shop.ledger.queries import list_balances
from shop.payments import queries, service
from shop.payments.gateway import Channel, Notice, RefundState
from shop.payments.models import (
    DeliveryReport,
    Payment,
    PaymentStatus,
    Refund,
    RefundReason,
    RefundStatus,
    SecurityEvent,
)
from shop.payments.service import RefundTooLarge
from tests.factories.bench import KEY, Bench


def balances(bench: Bench) -> dict[str, int]:
    """Return what is on each account that is not even."""
    with bench.begin() as session:
        return {
            balance.kind.value: balance.debits_less_credits_fen
            for balance in list_balances(session)
            if balance.debits_less_credits_fen
        }


def captured(bench: Bench) -> UUID:
    """Return the id of a captured payment of 1000 fen whose order is delivered."""
    return bench.payments(bench.bought())[0].id


def request(bench: Bench, payment_id: UUID, fen: int, reason: RefundReason) -> Refund:
    """Ask for a refund of a payment."""
    with bench.begin() as session:
        return service.request_refund(
            session,
            queries.lock_payment(session, payment_id),
            reason=reason,
            amount_fen=Fen(fen),
            from_account=AccountKind.SALES,
            now=bench.now,
        )


class TestOpenPayment:
    """open_payment: written down, due, bound to channel, application and merchant."""

    def test_has_a_number_and_a_moment_to_ask(self, bench: Bench) -> None:
        """Attempts are counted from one."""
        order_id = bench.place(bench.member(), (bench.sku(), 1))
        with bench.begin() as session:
            opened = service.open_payment(
                session,
                bench.wechat,
                order_id=order_id,
                amount_fen=Fen(1000),
                opened_for=b"p" * 32,
                expires_at=bench.now,
                now=bench.now,
            )
        assert (opened.attempt, opened.status) == (1, PaymentStatus.CREATED)
        assert (opened.channel, opened.app_id, opened.merchant_id) == (
            Channel.WECHAT_PAY,
            "app-1",
            "merchant-1",
        )
        assert opened.due_at == bench.now + service.UNSURE_QUESTION_AFTER

    def test_the_database_refuses_two_open_trades(self, bench: Bench) -> None:
        """Whatever the code believes."""
        order_id, _ = bench.open_trade()
        with pytest.raises(Exception, match="uq_payments_open"), bench.begin() as session:
            service.open_payment(
                session,
                bench.wechat,
                order_id=order_id,
                amount_fen=Fen(1000),
                opened_for=b"p" * 32,
                expires_at=bench.now,
                now=bench.now,
            )


class TestKeepPrepay:
    """keep_prepay: the first question comes soon."""

    def test_is_asked_about_after_seconds(self, bench: Bench) -> None:
        """And the parameters are kept for a repeat."""
        order_id, _ = bench.open_trade()
        payment = bench.payments(order_id)[0]
        assert payment.due_at == bench.now + service.FIRST_QUESTION_AFTER
        assert payment.platform_ref == f"ref-{payment.out_trade_no}"


class TestCapture:
    """capture: row and ledger, nothing else."""

    def test_books_the_money_and_hides_the_payer(self, bench: Bench) -> None:
        """The platform's moment counts; the payer is known by a keyed hash alone."""
        order_id, number = bench.open_trade()
        at = bench.now - timedelta(seconds=3)
        bench.wechat.pay(number, at=at)
        with bench.begin() as session:
            payment = queries.lock_payment(session, bench.payments(order_id)[0].id)
            service.capture(
                session, payment, bench.wechat.tell(number), payer_hash_key=KEY, now=bench.now
            )
        assert (payment.captured_at, payment.due_at) == (at, None)
        assert payment.payer_hash == keyed_hash(KEY, b"payer")
        assert balances(bench) == {"clearing": 1000, "unearned": -1000}

    def test_refuses_the_second_time(self, bench: Bench) -> None:
        """The table of moves, and behind it the ledger's unique cause."""
        with bench.begin() as session:
            payment = queries.lock_payment(session, captured(bench))
            told = bench.wechat.tell(payment.out_trade_no)
            with pytest.raises(IllegalMove):
                service.capture(session, payment, told, payer_hash_key=KEY, now=bench.now)
            # The row's changes go with the transaction.
            session.expire(payment)


class TestClosePayment:
    """close_payment: nothing is due."""

    def test_can_no_longer_be_paid(self, bench: Bench) -> None:
        """The order has no open trade then."""
        order_id, _ = bench.open_trade()
        with bench.begin() as session:
            payment = queries.find_open(session, order_id)
            assert payment is not None
            service.close_payment(session, payment, now=bench.now, actor="test")
            assert queries.find_open(session, order_id) is None
        assert payment.due_at is None


class TestRequestRefund:
    """request_refund: a fixed number, never more than is left."""

    def test_numbers_follow_from_trade_reason_and_count(self, bench: Bench) -> None:
        """I15: the same request would have the same number; platforms take 6 to 32 characters."""
        payment_id = captured(bench)
        first = request(bench, payment_id, 300, RefundReason.MEMBER)
        second = request(bench, payment_id, 300, RefundReason.MEMBER)
        other = request(bench, payment_id, 300, RefundReason.UNDELIVERABLE)
        with bench.begin() as session:
            trade_no = session.get_one(Payment, payment_id).out_trade_no
        numbers = [first.out_refund_no, second.out_refund_no, other.out_refund_no]
        assert numbers == [f"R{trade_no}M1", f"R{trade_no}M2", f"R{trade_no}U1"]
        assert all(len(number) <= 32 for number in numbers)
        assert balances(bench) == {"clearing": 1000, "sales": -100, "refunds_due": -900}

    def test_f97_refuses_more_than_is_left(self, bench: Bench) -> None:
        """Promised money counts, sent or not."""
        payment_id = captured(bench)
        request(bench, payment_id, 600, RefundReason.MEMBER)
        with pytest.raises(RefundTooLarge) as refused:
            request(bench, payment_id, 401, RefundReason.MEMBER)
        assert refused.value.details == {"left_fen": 400}
        request(bench, payment_id, 400, RefundReason.MEMBER)


class TestFinishRefund:
    """finish_refund: the promise is kept, clearing is even."""

    def test_books_the_return(self, bench: Bench) -> None:
        """With the platform's number and moment."""
        order_id = bench.bought()
        bench.refund(order_id)
        bench.sweep("refund")
        refund = bench.refunds(order_id)[0]
        assert (refund.done_at, refund.due_at) == (bench.now, None)
        assert refund.platform_refund_no == f"p-{refund.out_refund_no}"
        assert balances(bench) == {}


class TestNoteNotice:
    """note_notice: once per platform and id."""

    def test_says_whether_it_is_the_first(self, bench: Bench) -> None:
        """The same id of the other platform is another notice."""
        told = [
            Notice(channel, "n-1", "paid", None, None)
            for channel in (Channel.WECHAT_PAY, Channel.WECHAT_PAY, Channel.ALIPAY)
        ]
        with bench.begin() as session:
            assert [service.note_notice(session, one, now=bench.now) for one in told] == [
                True,
                False,
                True,
            ]


class TestNoteSecurityEvent:
    """note_security_event: kept, cut to size."""

    def test_cuts_a_long_subject(self, bench: Bench) -> None:
        """Whatever a stranger sends as a number fits."""
        with bench.begin() as session:
            service.note_security_event(
                session, kind="k", subject="x" * 500, detail={}, now=bench.now
            )
        with bench.begin() as session:
            assert session.scalars(select(SecurityEvent.subject)).one() == "x" * 64


class TestQueueDeliveryReport:
    """queue_delivery_report: WeChat alone asks for it."""

    @pytest.mark.parametrize(("channel", "reports"), [("wechat_pay", 1), ("alipay", 0)])
    def test_is_for_wechat(self, bench: Bench, channel: str, reports: int) -> None:
        """The item's name is cut to what the platform takes."""
        order_id = bench.place(bench.member(), (bench.sku(), 1))
        payment = bench.start_payment(order_id, Channel(channel))
        with bench.begin() as session:
            service.queue_delivery_report(
                session, payment, member_id=order_id, item="名" * 200, now=bench.now
            )
        with bench.begin() as session:
            found = session.scalars(select(DeliveryReport.item)).all()
        assert found == ["名" * 120] * reports


class TestReassign:
    """reassign: reports follow their member."""

    def test_touches_nobody_else(self, bench: Bench) -> None:
        """The other buyer's report stays theirs."""
        first, second = bench.order(bench.bought()), bench.order(bench.bought())
        into = bench.member()
        with bench.begin() as session:
            service.reassign(session, from_member_id=first.member_id, into_member_id=into)
        with bench.begin() as session:
            owners = set(session.scalars(select(DeliveryReport.member_id)))
        assert owners == {into, second.member_id}


class TestGiveUpRefund:
    """give_up_refund and retry_refund: to a person and back."""

    def test_f99_comes_back_under_the_same_number(self, bench: Bench) -> None:
        """Asked about first, and with the patience of a new one."""
        order_id = bench.bought()
        bench.refund(order_id)
        number = bench.refunds(order_id)[0].out_refund_no
        bench.wechat.refund_state = RefundState.ABNORMAL
        bench.sweep("refund")
        assert [refund.out_refund_no for refund in self.stuck(bench)] == [number]
        bench.wechat.refunds[number].update(state="done")
        with bench.begin() as session:
            refund = session.get_one(Refund, bench.refunds(order_id)[0].id, with_for_update=True)
            refund.attempts = 20  # a person has it because patience was at its end
            service.retry_refund(session, refund, now=bench.now)
        assert bench.refunds(order_id)[0].attempts == 1
        bench.sweep("refund")
        done: Any = bench.refunds(order_id)[0]
        assert (done.status, done.out_refund_no) == (RefundStatus.DONE, number)
        assert [call for call, _ in bench.wechat.calls][-1] == "query_refund"

    def test_f99_a_platform_that_keeps_refusing_is_given_up(self, bench: Bench) -> None:
        """The reason is kept, and nothing is due."""
        order_id = bench.bought()
        bench.refund(order_id)
        with bench.begin() as session:
            refund = session.get_one(Refund, bench.refunds(order_id)[0].id, with_for_update=True)
            service.give_up_refund(session, refund, "NOT_ENOUGH" * 50, now=bench.now)
        assert (refund.status, refund.due_at) == (RefundStatus.STUCK, None)
        assert len(refund.last_error or "") == 200

    def stuck(self, bench: Bench) -> list[Refund]:
        """Return the refunds that wait for a person."""
        with bench.begin() as session:
            return list(queries.list_stuck_refunds(session))
