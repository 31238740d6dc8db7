"""The life of a trade at a platform: opened, paid, told, queried, refunded, billed, closed."""

import threading
from datetime import UTC, datetime, timedelta

import pytest

from kit.clock import business_date
from kit.money import Fen
from shop.payments.gateway import (
    AlreadyClosed,
    AlreadyPaid,
    BillMissing,
    BillRowKind,
    Channel,
    RefundState,
    Refused,
    TradeState,
)
from tests.contracts.contract import AMOUNT, Contract


def test_a_trade_from_opening_to_the_bill(contract: Contract) -> None:
    gateway = contract.gateway
    number, refund_no = contract.number(), contract.number("R")
    assert gateway.query(out_trade_no=number).state is TradeState.MISSING

    # Opened, and not paid yet.
    prepay = contract.prepay(number)
    assert gateway.query(out_trade_no=number).state is TradeState.NOT_PAID

    # Paid: the notice and the query tell the same.
    contract.pay(prepay)
    notice = contract.read(contract.notices(1)[0])
    queried = gateway.query(out_trade_no=number)
    assert notice.trade == queried
    assert queried.state is TradeState.PAID
    assert (queried.total_fen, queried.currency) == (AMOUNT, "CNY")
    assert (queried.app_id, queried.merchant_id) == (gateway.app_id, gateway.merchant_id)
    assert (queried.payer_ref, queried.channel) == (contract.payer_ref, contract.channel)
    assert queried.paid_at is not None
    assert abs(queried.paid_at - datetime.now(UTC)) < timedelta(seconds=30)

    # A part goes back; repeating it is one refund.
    contract.refund(number, refund_no, 50)
    contract.refund(number, refund_no, 50)
    done = contract.eventually(
        lambda: (
            (told := gateway.query_refund(out_trade_no=number, out_refund_no=refund_no)).state
            is RefundState.DONE
            and told
        )
    )
    assert (done.amount_fen, done.out_trade_no, done.out_refund_no) == (50, number, refund_no)
    told = contract.read(contract.notices(2)[1])
    assert told.trade is None
    assert told.refund is not None
    assert (told.refund.out_refund_no, told.refund.state) == (refund_no, RefundState.DONE)
    assert told.notice_id != notice.notice_id

    # The bill of the day has both, exactly.
    contract.sandbox.post("bills", {"available": "now"})
    bill = gateway.download_bill(day=business_date(datetime.now(UTC)))
    assert len(bill.sha256) == 64
    rows = {row.kind: row for row in bill.rows if row.out_trade_no == number}
    assert rows[BillRowKind.PAYMENT].amount_fen == AMOUNT
    assert rows[BillRowKind.PAYMENT].fee_fen == 6
    assert rows[BillRowKind.PAYMENT].transaction_no == queried.transaction_no
    assert rows[BillRowKind.REFUND].amount_fen == 50
    assert rows[BillRowKind.REFUND].out_refund_no == refund_no
    assert rows[BillRowKind.REFUND].fee_fen <= 0


def test_the_client_gets_what_its_library_takes(contract: Contract) -> None:
    params = contract.prepay(contract.number()).params
    wanted = {
        Channel.WECHAT_PAY: {"timeStamp", "nonceStr", "package", "signType", "paySign"},
        Channel.ALIPAY: {"tradeNO"},
    }
    assert set(params) == wanted[contract.channel]


def test_opening_is_repeatable_until_paid_or_closed(contract: Contract) -> None:
    number = contract.number()
    first = contract.prepay(number)
    again = contract.prepay(number)
    if contract.channel is Channel.ALIPAY:
        assert again == first
    with pytest.raises(Refused):
        contract.prepay(number, amount_fen=Fen(1051))
    contract.pay(again)
    with pytest.raises(AlreadyPaid):
        contract.prepay(number)


def test_a_trade_may_be_opened_in_its_last_second(contract: Contract) -> None:
    now = datetime.now(UTC)
    contract.pay(contract.prepay(contract.number(), expires_at=now + timedelta(seconds=1), now=now))


def test_closing(contract: Contract) -> None:
    gateway = contract.gateway
    number = contract.number()
    gateway.close(out_trade_no=number)  # a trade that was never opened
    contract.prepay(number)
    gateway.close(out_trade_no=number)
    gateway.close(out_trade_no=number)
    assert gateway.query(out_trade_no=number).state is TradeState.CLOSED
    with pytest.raises(AlreadyClosed):
        contract.prepay(number)
    paid = contract.paid()
    with pytest.raises(AlreadyPaid):
        gateway.close(out_trade_no=paid)


def test_a31_paying_and_closing_at_once_has_one_winner(contract: Contract) -> None:
    for _ in range(10):
        number = contract.number()
        prepay = contract.prepay(number)
        outcomes: set[str] = set()

        def pay(prepay: object = prepay, outcomes: set[str] = outcomes) -> None:
            try:
                # A default cannot name its own type.
                contract.pay(prepay)  # type: ignore[arg-type]
                outcomes.add("paid")
            except AssertionError:
                outcomes.add("not paid")

        def close(number: str = number, outcomes: set[str] = outcomes) -> None:
            try:
                contract.gateway.close(out_trade_no=number)
                outcomes.add("closed")
            except AlreadyPaid:
                outcomes.add("not closed")

        threads = [threading.Thread(target=pay), threading.Thread(target=close)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert outcomes in ({"paid", "not closed"}, {"not paid", "closed"})
        state = contract.gateway.query(out_trade_no=number).state
        assert state is (TradeState.PAID if "paid" in outcomes else TradeState.CLOSED)


def test_refunds_in_parts_never_exceed_the_whole(contract: Contract) -> None:
    number = contract.paid()
    parts = [contract.number("R") for _ in range(3)]
    for refund_no, fen in zip(parts[:2], (500, 550), strict=True):
        result = contract.refund(number, refund_no, fen)
        assert result.state in (RefundState.DONE, RefundState.PROCESSING)
        assert result.amount_fen == fen
    with pytest.raises(Refused):
        contract.refund(number, parts[2], 1)
    for refund_no, fen in zip(parts[:2], (500, 550), strict=True):
        assert contract.eventually(
            lambda no=refund_no, fen=fen: (
                (told := contract.gateway.query_refund(out_trade_no=number, out_refund_no=no)).state
                is RefundState.DONE
                and told.amount_fen == fen
            )
        )
    assert contract.gateway.query(out_trade_no=number).state is TradeState.REFUNDED


def test_a_refund_number_keeps_its_amount(contract: Contract) -> None:
    number, refund_no = contract.paid(), contract.number("R")
    contract.refund(number, refund_no, 50)
    with pytest.raises(Refused):
        contract.refund(number, refund_no, 51)


def test_refunds_of_nothing(contract: Contract) -> None:
    number, refund_no = contract.number(), contract.number("R")
    with pytest.raises(Refused):
        contract.refund(number, refund_no, 50)
    told = contract.gateway.query_refund(out_trade_no=number, out_refund_no=refund_no)
    assert told.state is RefundState.MISSING
    paid = contract.paid()
    told = contract.gateway.query_refund(out_trade_no=paid, out_refund_no=refund_no)
    assert told.state is RefundState.MISSING


def test_there_is_no_bill_of_tomorrow(contract: Contract) -> None:
    contract.sandbox.post("bills", {"available": "now"})
    with pytest.raises((BillMissing, Refused)):
        contract.gateway.download_bill(day=business_date(datetime.now(UTC)) + timedelta(days=1))
